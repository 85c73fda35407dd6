//! `POST /v1/sessions/{sessionId}/pause`.

use std::sync::Arc;

use aggregates::{id::SessionId, session::PauseCause};
use axum::{extract::State, response::Response};

use super::schema::{PauseSession, Session};
use crate::{
    app::App,
    command::sessions,
    http::{ApiError, Body, Call, Id, answer},
};

/// Pause a session
///
/// Pauses a running interview. Time that it rests does not count.
#[utoipa::path(post, path = "/v1/sessions/{sessionId}/pause", operation_id = "pauseSession", tag = "Sessions",
    params(("sessionId" = String, Path, description = "The session's id.")), request_body = PauseSession,
    responses((status = 200, description = "The session.", body = Session)))]
pub async fn pause(
    State(app): State<Arc<App>>,
    call: Call,
    Id(session): Id<SessionId>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let pause = sessions::PauseSession { session, cause: PauseCause::Api, body };
    Ok(answer::fresh(app.run(&call, &pause).await?))
}

//! `POST /v1/sessions/{sessionId}/resume`.

use std::sync::Arc;

use aggregates::{id::SessionId, session::ResumeCause};
use axum::{extract::State, response::Response};

use super::schema::Session;
use crate::{
    app::App,
    command::sessions::ResumeSession,
    http::{ApiError, Call, Id, NoBody, answer},
};

/// Resume a session
#[utoipa::path(post, path = "/v1/sessions/{sessionId}/resume", operation_id = "resumeSession", tag = "Sessions",
    params(("sessionId" = String, Path, description = "The session's id.")),
    responses((status = 200, description = "The session.", body = Session)))]
pub async fn resume(
    State(app): State<Arc<App>>,
    call: Call,
    Id(session): Id<SessionId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    Ok(answer::fresh(app.run(&call, &ResumeSession { session, cause: ResumeCause::Api }).await?))
}

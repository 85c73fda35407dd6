//! `POST /v1/interview/{token}/session/start`.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::schema::StartedInterview;
use crate::{
    app::App,
    command::sessions::StartSession,
    http::{ApiError, NoBody, Turn},
};

/// Start the interview
///
/// Greets and asks the first question. Needs consent where the campaign asks for it.
#[utoipa::path(post, path = "/v1/interview/{token}/session/start", operation_id = "startInterview", tag = "Interview",
    params(("token" = String, Path, description = "The token of the invite's link.")),
    responses((status = 200, description = "The session, and what is said and asked first.", body = StartedInterview)))]
pub async fn start(
    State(app): State<Arc<App>>,
    Turn { participant, guest }: Turn,
    _: NoBody,
) -> Result<Response, ApiError> {
    app.run_for_participant(participant.organization, &guest, &StartSession { session: participant.session }).await
}

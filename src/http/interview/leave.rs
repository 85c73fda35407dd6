//! `POST /v1/interview/{token}/session/leave`.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::schema::ParticipantSessionBody;
use crate::{
    app::App,
    command::sessions::LeaveSession,
    http::{ApiError, NoBody, Turn},
};

/// Leave the interview
///
/// Ends it for good. What was said so far is kept.
#[utoipa::path(post, path = "/v1/interview/{token}/session/leave", operation_id = "leaveInterview", tag = "Interview",
    params(("token" = String, Path, description = "The token of the invite's link.")),
    responses((status = 200, description = "The session.", body = ParticipantSessionBody)))]
pub async fn leave(
    State(app): State<Arc<App>>,
    Turn { participant, guest }: Turn,
    _: NoBody,
) -> Result<Response, ApiError> {
    app.run_for_participant(participant.organization, &guest, &LeaveSession { session: participant.session }).await
}

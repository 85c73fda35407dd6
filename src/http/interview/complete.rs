//! `POST /v1/interview/{token}/session/complete`.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::schema::ParticipantSessionBody;
use crate::{
    app::App,
    command::sessions::CompleteSession,
    http::{ApiError, NoBody, Turn},
};

/// Complete the interview
///
/// Possible once every required question is answered.
#[utoipa::path(post, path = "/v1/interview/{token}/session/complete", operation_id = "completeInterview", tag = "Interview",
    params(("token" = String, Path, description = "The token of the invite's link.")),
    responses((status = 200, description = "The session.", body = ParticipantSessionBody)))]
pub async fn complete(
    State(app): State<Arc<App>>,
    Turn { participant, guest }: Turn,
    _: NoBody,
) -> Result<Response, ApiError> {
    app.run_for_participant(participant.organization, &guest, &CompleteSession { session: participant.session }).await
}

//! `POST /v1/interview/{token}/session/pause`.

use std::sync::Arc;

use aggregates::session::PauseCause;
use axum::{extract::State, response::Response};

use super::schema::ParticipantSessionBody;
use crate::{
    app::App,
    command::sessions::PauseSession,
    http::{ApiError, Body, Turn},
};

/// Pause the interview
///
/// Time that it rests does not count.
#[utoipa::path(post, path = "/v1/interview/{token}/session/pause", operation_id = "pauseInterview", tag = "Interview",
    params(("token" = String, Path, description = "The token of the invite's link.")),
    responses((status = 200, description = "The session.", body = ParticipantSessionBody)))]
pub async fn pause(
    State(app): State<Arc<App>>,
    Turn { participant, guest }: Turn,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let pause = PauseSession { session: participant.session, cause: PauseCause::Participant, body };
    app.run_for_participant(participant.organization, &guest, &pause).await
}

//! `POST /v1/interview/{token}/session/resume`.

use std::sync::Arc;

use aggregates::session::ResumeCause;
use axum::{extract::State, response::Response};

use super::schema::ParticipantSessionBody;
use crate::{
    app::App,
    command::sessions::ResumeSession,
    http::{ApiError, NoBody, Turn},
};

/// Go on with the interview
#[utoipa::path(post, path = "/v1/interview/{token}/session/resume", operation_id = "resumeInterview", tag = "Interview",
    params(("token" = String, Path, description = "The token of the invite's link.")),
    responses((status = 200, description = "The session.", body = ParticipantSessionBody)))]
pub async fn resume(
    State(app): State<Arc<App>>,
    Turn { participant, guest }: Turn,
    _: NoBody,
) -> Result<Response, ApiError> {
    let resume = ResumeSession { session: participant.session, cause: ResumeCause::Participant };
    app.run_for_participant(participant.organization, &guest, &resume).await
}

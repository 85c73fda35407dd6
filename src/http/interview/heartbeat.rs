//! `POST /v1/interview/{token}/session/heartbeat`.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use serde_json::json;

use super::schema::Heartbeat;
use crate::{
    app::{App, PARTICIPANT},
    command::Caller,
    http::{ApiError, NoBody, Turn, answer, sessions::heartbeat::beat},
};

/// Say that the participant is still there
///
/// A running interview that is silent for two minutes is paused; the next heartbeat or answer resumes it.
#[utoipa::path(post, path = "/v1/interview/{token}/session/heartbeat", operation_id = "heartbeatInterview",
    tag = "Interview", params(("token" = String, Path, description = "The token of the invite's link.")),
    responses((status = 200, description = "Where the interview stands.", body = Heartbeat)))]
pub async fn heartbeat(
    State(app): State<Arc<App>>,
    Turn { participant, guest }: Turn,
    _: NoBody,
) -> Result<Response, ApiError> {
    let caller = Caller {
        organization: participant.organization,
        actor: PARTICIPANT.to_owned(),
        request_id: guest.request_id.as_str().to_owned(),
    };
    let document = beat(&app, &caller, participant.session).await?;
    let status = document.column("status").text();
    let body = json!({"status": status, "nextHeartbeatIn": app.interviews.next_heartbeat_in()});
    Ok(answer::fresh(answer::ok(body.to_string())))
}

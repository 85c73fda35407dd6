//! `GET /v1/interview/{token}/session/next`.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::schema::InterviewTurn;
use crate::{
    app::App,
    http::{ApiError, Turn, answer},
};

/// Get the current prompt
///
/// The interviewer's latest turn, as often as it is asked for: after a reload, or in a second tab.
#[utoipa::path(get, path = "/v1/interview/{token}/session/next", operation_id = "getPrompt", tag = "Interview",
    params(("token" = String, Path, description = "The token of the invite's link.")),
    responses((status = 200, description = "What was said and asked last.", body = InterviewTurn)))]
pub async fn next(State(app): State<Arc<App>>, Turn { participant, .. }: Turn) -> Result<Response, ApiError> {
    let turn = app.commands.latest_turn(participant.session, participant.organization).await?;
    let turn = turn.ok_or_else(ApiError::not_found)??;
    Ok(answer::fresh(answer::ok(serde_json::to_vec(&turn).map_err(ApiError::internal)?)))
}

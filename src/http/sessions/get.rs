//! `GET /v1/sessions/{sessionId}`.

use std::sync::Arc;

use aggregates::id::SessionId;
use axum::{extract::State, response::Response};

use super::schema::Session;
use crate::{
    app::App,
    http::{ApiError, Call, Id, answer},
};

/// Get a session
#[utoipa::path(get, path = "/v1/sessions/{sessionId}", operation_id = "getSession", tag = "Sessions",
    params(("sessionId" = String, Path, description = "The session's id.")),
    responses((status = 200, description = "The session.", body = Session)))]
pub async fn get(State(app): State<Arc<App>>, call: Call, Id(id): Id<SessionId>) -> Result<Response, ApiError> {
    Ok(answer::fresh(answer::ok(app.document(&call, "sessions", id).await?.json)))
}

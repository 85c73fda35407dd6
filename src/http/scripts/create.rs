//! `POST /v1/scripts`.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::schema::{NewScript, Script};
use crate::{
    app::App,
    command::scripts::CreateScript,
    http::{ApiError, Body, Call},
};

/// Create a script
///
/// Its version 1 is a draft.
#[utoipa::path(post, path = "/v1/scripts", operation_id = "createScript", tag = "Scripts",
    request_body = NewScript,
    responses((status = 201, description = "The new script.", body = Script)))]
pub async fn create(State(app): State<Arc<App>>, call: Call, Body(body): Body) -> Result<Response, ApiError> {
    app.run(&call, &CreateScript { body }).await
}

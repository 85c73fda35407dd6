//! `POST /v1/scripts/import`.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::schema::{Script, ScriptExport};
use crate::{
    app::App,
    command::scripts::ImportScript,
    http::{ApiError, Body, Call},
};

/// Bytes of what is imported: what a script's export can have at most, whose parts each came in a request of their own.
pub const MOST: usize = 8 << 20;

/// Import a script
///
/// Takes what an export has answered, and makes a new draft script of it. Media are found again by their hashes among all
/// media of the organization; where one is missing, upload it to any draft script first.
#[utoipa::path(post, path = "/v1/scripts/import", operation_id = "importScript", tag = "Scripts",
    request_body = ScriptExport,
    responses((status = 201, description = "The new script.", body = Script)))]
pub async fn import(State(app): State<Arc<App>>, call: Call, Body(body): Body) -> Result<Response, ApiError> {
    app.run(&call, &ImportScript { body }).await
}

//! `POST /v1/scripts/{scriptId}/versions`.

use std::sync::Arc;

use aggregates::id::ScriptId;
use axum::{extract::State, response::Response};

use super::schema::{NewScriptVersion, Script};
use crate::{
    app::App,
    command::scripts::CreateScriptVersion,
    http::{ApiError, Body, Call, Id},
};

/// Create a new version
///
/// It is a draft; what is not given is copied from the version before.
#[utoipa::path(post, path = "/v1/scripts/{scriptId}/versions", operation_id = "createScriptVersion", tag = "Scripts",
    params(("scriptId" = String, Path, description = "The script's id.")),
    request_body = NewScriptVersion,
    responses((status = 201, description = "The script with its new draft.", body = Script)))]
pub async fn create_version(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<ScriptId>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    app.run(&call, &CreateScriptVersion { id, body }).await
}

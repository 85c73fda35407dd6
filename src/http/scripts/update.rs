//! `PATCH /v1/scripts/{scriptId}`.

use std::sync::Arc;

use aggregates::id::ScriptId;
use axum::{extract::State, response::Response};

use super::schema::{Script, ScriptPatch};
use crate::{
    app::App,
    command::scripts::UpdateScript,
    http::{ApiError, Body, Call, Id, IfMatch},
};

/// Update a script
///
/// A published version is frozen: a change of what it says goes to a draft version, which is opened if there is none.
/// `If-Match` is honoured.
#[utoipa::path(patch, path = "/v1/scripts/{scriptId}", operation_id = "updateScript", tag = "Scripts",
    params(("scriptId" = String, Path, description = "The script's id.")),
    request_body = ScriptPatch,
    responses((status = 200, description = "The script as it is now.", body = Script)))]
pub async fn update(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<ScriptId>,
    if_match: IfMatch,
    Body(body): Body,
) -> Result<Response, ApiError> {
    app.run(&call, &UpdateScript { id, if_match, body }).await
}

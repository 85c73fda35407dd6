//! `GET /v1/scripts/{scriptId}/export`.

use std::sync::Arc;

use aggregates::{id::ScriptId, script};
use axum::{extract::State, response::Response};

use super::schema::ScriptExport;
use crate::{
    app::App,
    http::{ApiError, Call, Id, answer},
};

/// Export a script
///
/// A document with all its versions, for backup or migration.
#[utoipa::path(get, path = "/v1/scripts/{scriptId}/export", operation_id = "exportScript", tag = "Scripts",
    params(("scriptId" = String, Path, description = "The script's id.")),
    responses((status = 200, description = "The export.", body = ScriptExport)))]
pub async fn export(State(app): State<Arc<App>>, call: Call, Id(id): Id<ScriptId>) -> Result<Response, ApiError> {
    let snapshot = app.commands.snapshot::<script::Script>(id, call.organization()).await?;
    let document = script::export(&snapshot.ok_or_else(ApiError::not_found)?.state).map_err(ApiError::internal)?;
    Ok(answer::ok(serde_json::to_string(&document).map_err(ApiError::internal)?))
}

//! `GET /v1/scripts/{scriptId}/export`.

use std::sync::Arc;

use aggregates::{
    id::ScriptId,
    script::{self, ExportedMedia},
};
use axum::{extract::State, response::Response};

use super::schema::ScriptExport;
use crate::{
    app::App,
    command::files::files_of,
    http::{ApiError, Call, Id, answer},
};

/// Export a script
///
/// A document with all its versions, for backup or migration. Media are named with their hashes; their bytes are not in it.
#[utoipa::path(get, path = "/v1/scripts/{scriptId}/export", operation_id = "exportScript", tag = "Scripts",
    params(("scriptId" = String, Path, description = "The script's id.")),
    responses((status = 200, description = "The export.", body = ScriptExport)))]
pub async fn export(State(app): State<Arc<App>>, call: Call, Id(id): Id<ScriptId>) -> Result<Response, ApiError> {
    let snapshot = app.commands.snapshot::<script::Script>(id, call.organization()).await?;
    let script = &snapshot.ok_or_else(ApiError::not_found)?.state;
    let files = files_of(&app.store, &call.organization().to_string(), &id.to_string()).await?;
    let media: Result<Vec<ExportedMedia>, _> = files.iter().map(|file| serde_json::from_str(&file.json)).collect();
    let document = script::export(script, media.map_err(ApiError::internal)?).map_err(ApiError::internal)?;
    Ok(answer::ok(serde_json::to_string(&document).map_err(ApiError::internal)?))
}

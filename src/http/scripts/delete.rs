//! `DELETE /v1/scripts/{scriptId}`.

use std::sync::Arc;

use aggregates::id::ScriptId;
use axum::{extract::State, response::Response};

use crate::{
    app::App,
    command::scripts::DeleteScript,
    http::{ApiError, Call, Id},
};

/// Delete a script
///
/// Fails while an active or paused campaign uses it.
#[utoipa::path(delete, path = "/v1/scripts/{scriptId}", operation_id = "deleteScript", tag = "Scripts",
    params(("scriptId" = String, Path, description = "The script's id.")),
    responses((status = 204, description = "The script is deleted.")))]
pub async fn delete(State(app): State<Arc<App>>, call: Call, Id(id): Id<ScriptId>) -> Result<Response, ApiError> {
    app.run(&call, &DeleteScript { id }).await
}

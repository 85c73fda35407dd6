//! `POST /v1/scripts/{scriptId}/media`.

use std::sync::Arc;

use aggregates::id::ScriptId;
use axum::{extract::State, response::Response};

use super::{
    intake::{Streamed, take},
    schema::{NewScriptMedia, ScriptMedia},
};
use crate::{
    app::App,
    command::files::StoreMedia,
    files::upload::media_limit,
    http::{ApiError, Call, Id},
};

/// Upload script media
///
/// An image or sound for the questions of the script's draft. Questions refer to it by its id.
#[utoipa::path(post, path = "/v1/scripts/{scriptId}/media", operation_id = "uploadScriptMedia", tag = "Scripts",
    params(("scriptId" = String, Path, description = "The script's id.")),
    request_body(content = NewScriptMedia, content_type = "multipart/form-data"),
    responses((status = 201, description = "The stored file.", body = ScriptMedia)))]
pub async fn upload(
    State(app): State<Arc<App>>,
    call: Call,
    Id(script): Id<ScriptId>,
    request: Streamed,
) -> Result<Response, ApiError> {
    app.document(&call, "scripts", script).await?;
    let most = app.files.sizes.image.max(app.files.sizes.audio);
    take(app, call, request, (most, media_limit), move |received| {
        let (name, content) = (received.name.clone(), received.content.clone());
        Ok(StoreMedia { id: received.id, script, name, content })
    })
    .await
}

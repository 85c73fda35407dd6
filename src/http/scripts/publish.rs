//! `POST /v1/scripts/{scriptId}/publish`.

use std::sync::Arc;

use aggregates::id::ScriptId;
use axum::{extract::State, response::Response};

use super::schema::Script;
use crate::{
    app::App,
    command::scripts::PublishScript,
    http::{ApiError, Call, Id, NoBody},
};

/// Publish the draft
///
/// Freezes it for ever and makes it available for campaigns.
#[utoipa::path(post, path = "/v1/scripts/{scriptId}/publish", operation_id = "publishScript", tag = "Scripts",
    params(("scriptId" = String, Path, description = "The script's id.")),
    responses((status = 200, description = "The script as it is now.", body = Script)))]
pub async fn publish(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<ScriptId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    app.run(&call, &PublishScript { id }).await
}

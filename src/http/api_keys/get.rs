//! `GET /v1/api-keys/{keyId}`.

use std::sync::Arc;

use aggregates::id::ApiKeyId;
use axum::{extract::State, response::Response};

use super::schema::ApiKey;
use crate::{
    app::App,
    command::api_keys::shown,
    http::{ApiError, Call, Id, answer},
};

/// Get an API key
///
/// Without the key itself, which was shown once.
#[utoipa::path(get, path = "/v1/api-keys/{keyId}", operation_id = "getApiKey", tag = "API keys",
    params(("keyId" = String, Path, description = "The key's id.")),
    responses((status = 200, description = "The key.", body = ApiKey)))]
pub async fn get(State(app): State<Arc<App>>, call: Call, Id(id): Id<ApiKeyId>) -> Result<Response, ApiError> {
    let document = app.document(&call, "api_keys", id).await?;
    let uses = app.store.key_uses(vec![document.id.clone()]).await?;
    Ok(answer::fresh(answer::ok(shown(&document.json, uses.get(&document.id).copied()))))
}

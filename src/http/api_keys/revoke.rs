//! `DELETE /v1/api-keys/{keyId}`.

use std::sync::Arc;

use aggregates::id::ApiKeyId;
use axum::{extract::State, response::Response};

use crate::{
    app::App,
    command::api_keys::RevokeApiKey,
    http::{ApiError, Call, Id},
};

/// Revoke an API key
///
/// It stops working at once and for ever.
#[utoipa::path(delete, path = "/v1/api-keys/{keyId}", operation_id = "revokeApiKey", tag = "API keys",
    params(("keyId" = String, Path, description = "The key's id.")),
    responses((status = 204, description = "The key is revoked.")))]
pub async fn revoke(State(app): State<Arc<App>>, call: Call, Id(id): Id<ApiKeyId>) -> Result<Response, ApiError> {
    app.run(&call, &RevokeApiKey { id }).await
}

//! `POST /v1/api-keys`.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::schema::{CreatedApiKey, NewApiKey};
use crate::{
    app::App,
    command::api_keys::CreateApiKey,
    http::{ApiError, Body, Call},
    trust::secret_key,
};

/// Create an API key
///
/// The answer shows the key, this once. It may hold only scopes that your own key grants.
#[utoipa::path(post, path = "/v1/api-keys", operation_id = "createApiKey", tag = "API keys",
    request_body = NewApiKey,
    responses((status = 201, description = "The new key.", body = CreatedApiKey)))]
pub async fn create(State(app): State<Arc<App>>, call: Call, Body(body): Body) -> Result<Response, ApiError> {
    let granted = call.caller.scopes.clone();
    app.run(&call, &CreateApiKey { body, granted, secret: secret_key::generate() }).await
}

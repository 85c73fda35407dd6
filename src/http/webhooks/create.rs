//! `POST /v1/webhooks`.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::schema::{CreatedWebhook, NewWebhook};
use crate::{
    app::App,
    command::webhooks::CreateWebhook,
    http::{ApiError, Body, Call},
    webhooks::secret::Secret,
};

/// Create a webhook
///
/// Events that happen from now on are sent to the URL, signed with the secret that the answer shows, this once.
#[utoipa::path(post, path = "/v1/webhooks", operation_id = "createWebhook", tag = "Webhooks",
    request_body = NewWebhook,
    responses((status = 201, description = "The new webhook, with its secret.", body = CreatedWebhook)))]
pub async fn create(State(app): State<Arc<App>>, call: Call, Body(body): Body) -> Result<Response, ApiError> {
    let development = app.webhooks.development;
    let answer = app.run(&call, &CreateWebhook { body, development, secret: Secret::generate() }).await;
    app.webhooks.nudge();
    answer
}

//! `GET /v1/webhooks/{webhookId}`.

use std::sync::Arc;

use aggregates::id::WebhookId;
use axum::{extract::State, response::Response};

use super::schema::Webhook;
use crate::{
    app::App,
    http::{ApiError, Call, Id, IfNoneMatch, answer},
};

/// Get a webhook
#[utoipa::path(get, path = "/v1/webhooks/{webhookId}", operation_id = "getWebhook", tag = "Webhooks",
    params(("webhookId" = String, Path, description = "The webhook's id.")),
    responses((status = 200, description = "The webhook.", body = Webhook),
        (status = 304, description = "The client has it already.")))]
pub async fn get(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<WebhookId>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let document = app.document(&call, "webhooks", id).await?;
    Ok(answer::versioned(&known, document.version, document.json))
}

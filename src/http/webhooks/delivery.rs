//! `GET /v1/webhooks/{webhookId}/deliveries/{deliveryId}`.

use std::sync::Arc;

use aggregates::id::{DeliveryId, WebhookId};
use axum::{extract::State, response::Response};

use super::schema::{Delivery, whole_delivery};
use crate::{
    app::App,
    http::{ApiError, Call, Ids, answer},
    webhooks::shown,
};

/// Get a delivery
///
/// With every attempt: when it was made, what was sent along, and the first 64 KiB of what was answered.
#[utoipa::path(get, path = "/v1/webhooks/{webhookId}/deliveries/{deliveryId}", operation_id = "getWebhookDelivery",
    tag = "Webhooks",
    params(("webhookId" = String, Path, description = "The webhook's id."),
        ("deliveryId" = String, Path, description = "The delivery's id.")),
    responses((status = 200, description = "The delivery.", body = Delivery,
        example = whole_delivery)))]
pub async fn get(
    State(app): State<Arc<App>>,
    call: Call,
    Ids(webhook, delivery): Ids<WebhookId, DeliveryId>,
) -> Result<Response, ApiError> {
    let document = app.document(&call, "webhooks", webhook).await?;
    let found = app.store.delivery(&document.id, &delivery.to_string()).await?.ok_or_else(ApiError::not_found)?;
    let key = app.store.organization_key(&document.organization).await?;
    let mut attempts = shown::opened(&key, app.store.attempts_of(std::slice::from_ref(&found)).await?);
    let attempts = attempts.remove(&found.id).unwrap_or_default();
    Ok(answer::ok(shown::delivery(&found, &attempts).to_string()))
}

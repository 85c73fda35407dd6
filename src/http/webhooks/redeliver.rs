//! `POST /v1/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver`.

use std::sync::Arc;

use aggregates::id::{DeliveryId, WebhookId};
use axum::{extract::State, response::Response};

use super::schema::Delivery;
use crate::{
    app::App,
    command::webhooks::Redeliver,
    http::{ApiError, Call, Ids, NoBody},
};

/// Deliver an event again
///
/// Makes a new delivery of the same event, with the same `webhook-id`, and tries it at once.
#[utoipa::path(post, path = "/v1/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver",
    operation_id = "redeliverWebhookDelivery", tag = "Webhooks",
    params(("webhookId" = String, Path, description = "The webhook's id."),
        ("deliveryId" = String, Path, description = "The delivery's id.")),
    responses((status = 202, description = "The new delivery.", body = Delivery)))]
pub async fn redeliver(
    State(app): State<Arc<App>>,
    call: Call,
    Ids(webhook, delivery): Ids<WebhookId, DeliveryId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    let answer = app.run(&call, &Redeliver { webhook, delivery }).await;
    app.webhooks.nudge();
    answer
}

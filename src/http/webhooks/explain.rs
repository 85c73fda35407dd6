//! `GET /v1/webhooks/{webhookId}/explain`.

use std::sync::Arc;

use aggregates::id::{EventId, WebhookId};
use axum::{extract::State, response::Response};

use super::schema::Explanation;
use crate::{
    app::App,
    http::{ApiError, Call, Id, Query, answer},
    webhooks::explain,
};

/// Explain what became of an event
///
/// Says why an event was, or was not, delivered to the webhook.
#[utoipa::path(get, path = "/v1/webhooks/{webhookId}/explain", operation_id = "explainWebhook", tag = "Webhooks",
    params(("webhookId" = String, Path, description = "The webhook's id."),
        ("eventId" = String, Query, description = "The event's id.")),
    responses((status = 200, description = "What became of the event.", body = Explanation)))]
pub async fn explain(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<WebhookId>,
    mut query: Query,
) -> Result<Response, ApiError> {
    let document = app.document(&call, "webhooks", id).await?;
    let event = query.needed_id::<EventId>("eventId");
    query.finish()?;
    let event = event.ok_or_else(ApiError::not_found)?.to_string();
    let now = app.commands.now().timestamp_micros();
    let found = explain::explain(&app.store, &document, &event, now).await?;
    Ok(answer::ok(found.ok_or_else(ApiError::not_found)?.to_string()))
}

//! `GET /v1/webhooks/{webhookId}/deliveries`.

use std::sync::Arc;

use aggregates::id::{DeliveryId, WebhookId};
use axum::{extract::State, response::Response};

use super::schema::Delivery;
use crate::{
    app::App,
    http::{ApiError, Call, Id, Page, Query, answer, list, query::ListParams},
    store::{DeliveryFilter, DeliveryStatus},
    webhooks::shown,
};

/// List the deliveries of a webhook
///
/// The latest first. Headers and answers are shown by the single delivery.
#[utoipa::path(get, path = "/v1/webhooks/{webhookId}/deliveries", operation_id = "listWebhookDeliveries",
    tag = "Webhooks",
    params(("webhookId" = String, Path, description = "The webhook's id."), ListParams,
        ("status" = Option<String>, Query, description = "`pending`, `delivered` or `failed`."),
        ("eventType" = Option<String>, Query, description = "Only events of this type."),
        ("eventId" = Option<String>, Query, description = "Only this event.")),
    responses((status = 200, description = "A page of deliveries.", body = inline(list::PageOf<Delivery>))))]
pub async fn list(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<WebhookId>,
    mut query: Query,
) -> Result<Response, ApiError> {
    let document = app.document(&call, "webhooks", id).await?;
    let page = query.list::<DeliveryId>(&[]);
    let status = query.one_of("status", &DeliveryStatus::NAMES.map(|(name, _)| name));
    let (event_type, event_id) = (query.text("eventType"), query.text("eventId"));
    query.finish()?;
    let filter = DeliveryFilter {
        status: status
            .and_then(|name| DeliveryStatus::NAMES.into_iter().find(|(known, _)| *known == name))
            .map(|s| s.1),
        event_type,
        event_id,
        from: page.from.map(|time| time.timestamp_micros()),
        to: page.to.map(|time| time.timestamp_micros()),
        updated_since: page.updated_since.map(|time| time.timestamp_micros()),
    };
    let after = page.after.map(|id| id.to_string());
    let offset = i64::try_from(page.offset).unwrap_or(i64::MAX);
    let place = (i64::from(page.limit), offset, after.as_deref());
    let found = app.store.deliveries_of(&document.id, &filter, place, page.descending).await?;
    let key = app.store.organization_key(&document.organization).await?;
    let mut attempts = shown::opened(&key, app.store.attempts_of(&found.deliveries).await?);
    let shown: Vec<String> = found
        .deliveries
        .iter()
        .map(|one| shown::listed(one, &attempts.remove(&one.id).unwrap_or_default()).to_string())
        .collect();
    let total = found.total.unsigned_abs();
    let stands = Page { total, limit: page.limit, offset: page.offset, has_more: found.has_more };
    Ok(answer::ok(answer::list(&shown, stands)))
}

//! `GET /v1/webhooks`.

use std::sync::Arc;

use aggregates::{id::WebhookId, webhook::WebhookStatus};
use axum::{extract::State, response::Response};

use super::schema::Webhook;
use crate::{
    app::App,
    http::{ApiError, Call, Query, list, query::ListParams},
    store::Filter,
};

/// List webhooks
#[utoipa::path(get, path = "/v1/webhooks", operation_id = "listWebhooks", tag = "Webhooks",
    params(ListParams,
        ("sort" = Option<String>, Query, description = "`createdAt` (the default) or `updatedAt`."),
        ("status" = Option<String>, Query, description = "`enabled`, `paused` or `disabled`.")),
    responses((status = 200, description = "A page of webhooks.", body = inline(list::PageOf<Webhook>))))]
pub async fn list(State(app): State<Arc<App>>, call: Call, mut query: Query) -> Result<Response, ApiError> {
    let page = query.list::<WebhookId>(&[("updatedAt", "updated_at")]);
    let status = query.one_of("status", &WebhookStatus::NAMES.map(|(name, _)| name));
    query.finish()?;
    let organization = call.organization().to_string();
    let mut counter = format!("webhooks/{organization}");
    let mut filters = vec![Filter::Equals("org_id", organization.into())];
    if let Some(status) = status {
        counter = format!("{counter}/{status}");
        filters.push(Filter::Equals("status", status.into()));
    }
    let found = list::fetch(&app, &call, &page, list::query("webhooks", &page, filters, Some(counter))).await?;
    Ok(list::page(&page, &found, |document| document.json.clone()))
}

//! `GET /v1/webhooks/{webhookId}`.

use std::sync::Arc;

use aggregates::id::WebhookId;
use axum::{extract::State, response::Response};

use super::schema::Webhook;
use crate::{
    app::App,
    http::{ApiError, Call, Id, IfNoneMatch, answer},
    store::Document,
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
    let document = find(&app, &call, id).await?;
    Ok(answer::versioned(&known, document.version, document.json))
}

/// The caller's webhook with this id.
///
/// # Errors
/// 404 when there is none.
pub async fn find(app: &App, call: &Call, id: WebhookId) -> Result<Document, ApiError> {
    let document = app.store.document("webhooks", &call.organization().to_string(), &id.to_string()).await?;
    document.ok_or_else(ApiError::not_found)
}

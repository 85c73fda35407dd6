//! `DELETE /v1/webhooks/{webhookId}`.

use std::sync::Arc;

use aggregates::id::WebhookId;
use axum::{extract::State, response::Response};

use crate::{
    app::App,
    command::webhooks::DeleteWebhook,
    http::{ApiError, Call, Id},
};

/// Delete a webhook
///
/// Nothing more is sent to it, not even what was to be tried again.
#[utoipa::path(delete, path = "/v1/webhooks/{webhookId}", operation_id = "deleteWebhook", tag = "Webhooks",
    params(("webhookId" = String, Path, description = "The webhook's id.")),
    responses((status = 204, description = "The webhook is deleted.")))]
pub async fn delete(State(app): State<Arc<App>>, call: Call, Id(id): Id<WebhookId>) -> Result<Response, ApiError> {
    let answer = app.run(&call, &DeleteWebhook { id }).await;
    app.webhooks.nudge();
    answer
}

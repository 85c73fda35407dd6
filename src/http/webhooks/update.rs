//! `PATCH /v1/webhooks/{webhookId}`.

use std::sync::Arc;

use aggregates::id::WebhookId;
use axum::{extract::State, response::Response};

use super::schema::{Webhook, WebhookPatch};
use crate::{
    app::App,
    command::webhooks::UpdateWebhook,
    http::{ApiError, Body, Call, Id, IfMatch},
};

/// Update a webhook
///
/// `status` pauses and resumes it. What happens while it is paused or disabled is sent once it is enabled again.
#[utoipa::path(patch, path = "/v1/webhooks/{webhookId}", operation_id = "updateWebhook", tag = "Webhooks",
    params(("webhookId" = String, Path, description = "The webhook's id.")),
    request_body = WebhookPatch,
    responses((status = 200, description = "The webhook as it is now.", body = Webhook)))]
pub async fn update(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<WebhookId>,
    if_match: IfMatch,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let development = app.webhooks.development;
    let answer = app.run(&call, &UpdateWebhook { id, if_match, body, development }).await;
    app.webhooks.nudge();
    answer
}

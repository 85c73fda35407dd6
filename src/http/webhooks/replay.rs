//! `POST /v1/webhooks/{webhookId}/replay`.

use std::sync::Arc;

use aggregates::id::WebhookId;
use axum::{extract::State, response::Response};

use super::schema::{NewReplay, Replay};
use crate::{
    app::App,
    command::webhooks::StartReplay,
    http::{ApiError, Body, Call, Id},
};

/// Send past events again
///
/// From a time or a sequence number up to now or `until`, at most 50 a second, beside what happens meanwhile. Each event
/// has the `webhook-id` that it always had.
#[utoipa::path(post, path = "/v1/webhooks/{webhookId}/replay", operation_id = "replayWebhook", tag = "Webhooks",
    params(("webhookId" = String, Path, description = "The webhook's id.")),
    request_body = NewReplay,
    responses((status = 202, description = "The replay.", body = Replay)))]
pub async fn replay(
    State(app): State<Arc<App>>,
    call: Call,
    Id(webhook): Id<WebhookId>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let answer = app.run(&call, &StartReplay { webhook, body }).await;
    app.webhooks.nudge();
    answer
}

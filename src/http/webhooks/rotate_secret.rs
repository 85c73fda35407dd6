//! `POST /v1/webhooks/{webhookId}/rotate-secret`.

use std::sync::Arc;

use aggregates::id::WebhookId;
use axum::{extract::State, response::Response};

use super::schema::CreatedWebhook;
use crate::{
    app::App,
    command::webhooks::RotateSecret,
    http::{ApiError, Call, Id, NoBody},
    webhooks::secret::Secret,
};

/// Rotate the secret of a webhook
///
/// The answer shows the new secret, this once. For 24 hours deliveries are signed with the old one, too.
#[utoipa::path(post, path = "/v1/webhooks/{webhookId}/rotate-secret", operation_id = "rotateWebhookSecret",
    tag = "Webhooks", params(("webhookId" = String, Path, description = "The webhook's id.")),
    responses((status = 200, description = "The webhook, with its new secret.", body = CreatedWebhook)))]
pub async fn rotate_secret(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<WebhookId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    let answer = app.run(&call, &RotateSecret { id, secret: Secret::generate() }).await;
    app.webhooks.nudge();
    answer
}

//! `POST /v1/webhooks/{webhookId}/test`.

use std::sync::Arc;

use aggregates::{
    FieldError, Refusal,
    id::WebhookId,
    value::{Input, Reader},
};
use axum::{extract::State, response::Response};
use projections::public::PublicType;

use super::schema::{Delivery, TestEvent};
use crate::{
    app::{App, Begun},
    command::webhooks::RecordTest,
    http::{ApiError, Body, Call, Id},
    store::{Attempt, LoggedAttempt},
    webhooks::{
        shown::{self, OpenAttempt},
        trial,
    },
};

struct TestInput {
    event_type: Option<String>,
}

impl Input for TestInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self { event_type: fields.optional("eventType") }
    }
}

/// Send a test event
///
/// Sends one event to the webhook's URL, at once and whatever its status, and answers what came of it. With `eventType`
/// it is the example of that type.
#[utoipa::path(post, path = "/v1/webhooks/{webhookId}/test", operation_id = "testWebhook", tag = "Webhooks",
    params(("webhookId" = String, Path, description = "The webhook's id.")),
    request_body = TestEvent,
    responses((status = 200, description = "The delivery, arrived or not.", body = Delivery)))]
pub async fn test(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<WebhookId>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let mark = match app.begin(&call).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::Marked(mark) => mark,
    };
    let document = app.document(&call, "webhooks", id).await?;
    let wanted = TestInput::from_json(body.json()?)?.event_type;
    let like = match wanted.as_deref() {
        None | Some(trial::TYPE) => None,
        Some(name) => Some(PublicType::named(name).ok_or_else(|| {
            Refusal::validation(vec![FieldError::new("eventType", "unknown_event_type", "is no event type")])
        })?),
    };
    let (delivery, attempt) = trial::send(&app.webhooks, &app.commands, call.organization(), &document, like).await?;
    let key = app.store.organization_key(&document.organization).await?;
    let logged = LoggedAttempt {
        id: Attempt::id(&delivery.id, attempt.number),
        number: attempt.number,
        at: attempt.at,
        http_status: attempt.http_status,
        reason: attempt.reason.clone(),
        latency: attempt.latency,
        sealed: attempt.sealed.clone(),
    };
    let answer = shown::delivery(&delivery, &[OpenAttempt::new(&key, logged)]).to_string();
    app.finish(&call, mark, &RecordTest { id, delivery, attempt, answer }).await
}

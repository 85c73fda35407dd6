//! A test event, sent at once and once, so that whoever sets an endpoint up sees what comes of it.

use std::sync::Arc;

use aggregates::id::{DeliveryId, EventId, OrganizationId, WebhookId};
use bytes::Bytes;
use chrono::SecondsFormat;
use projections::public::PublicType;
use serde_json::{Value, json};

use super::{Webhooks, attempt, settings::Settings};
use crate::{
    command::{Commands, webhooks::test_delivery},
    store::{Attempt, Delivery, DeliveryStatus, Document, Error},
};

/// The type of a test event that imitates no other.
pub const TYPE: &str = "webhook.test";

/// Sends a test event: the example of a type, or one that says what it is. It is signed like any other.
///
/// # Errors
/// When the store fails or the endpoint cannot be read.
pub async fn send(
    webhooks: &Webhooks,
    commands: &Commands,
    organization: OrganizationId,
    document: &Document,
    like: Option<&PublicType>,
) -> Result<(Delivery, Attempt), Error> {
    let settings = Arc::new(Settings::open(&commands.store, document).await?);
    let id: WebhookId = settings.api.id;
    let event_id: EventId = commands.new_id();
    let data = match like {
        Some(public) => public.example()?["data"].take(),
        None => json!({"webhookId": id, "message": "This is a test."}),
    };
    let event: Value = json!({
        "id": event_id, "type": like.map_or(TYPE, |public| public.name),
        "createdAt": commands.now().to_rfc3339_opts(SecondsFormat::Secs, true),
        "organizationId": organization, "sequence": 0, "data": data,
    });
    let delivery = test_delivery(id, organization, &event, commands.new_id::<DeliveryId>());
    let body = Bytes::from(event.to_string());
    let (store, clock) = (&commands.store, &commands.clock);
    let mut made = attempt::make(webhooks, store, clock, &settings, delivery, Some(body)).await?;
    if !made.arrived {
        made.delivery.status = DeliveryStatus::Failed;
        made.delivery.next_attempt_at = None;
        made.delivery.finished_at = Some(commands.now().timestamp_micros());
    }
    Ok((made.delivery, made.attempt))
}

//! Webhooks as the OpenAPI document describes them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The body of a new webhook.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"url": "https://example.com/hooks/interviews", "eventTypes": ["session.*", "invite.created"]}))]
pub struct NewWebhook {
    /// Where events are sent: `https` to a public address.
    #[schema(max_length = 2048)]
    pub url: String,
    /// Event types: `*`, `session.*` or `session.completed`. See `GET /v1/webhooks/event-types`.
    #[schema(min_items = 1, max_items = 50)]
    pub event_types: Vec<String>,
    /// What it is for.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// Headers that are sent along. Their values are never shown again.
    pub headers: Option<BTreeMap<String, String>>,
    /// Only events of this campaign.
    pub campaign_id: Option<String>,
    /// Only events of this project.
    pub project_id: Option<String>,
    /// Whether each event waits until the one before it has arrived or was given up.
    #[schema(default = false)]
    pub ordered: Option<bool>,
    /// Who gets a mail when deliveries are stopped.
    pub notify_email: Option<String>,
}

/// A change of a webhook: what is absent stays, `null` clears.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"status": "paused"}))]
pub struct WebhookPatch {
    /// Where events are sent.
    pub url: Option<String>,
    /// Event types.
    pub event_types: Option<Vec<String>>,
    /// What it is for.
    pub description: Option<String>,
    /// A merge-patch of the headers.
    pub headers: Option<BTreeMap<String, Option<String>>>,
    /// Only events of this campaign.
    pub campaign_id: Option<String>,
    /// Only events of this project.
    pub project_id: Option<String>,
    /// Whether deliveries are ordered.
    pub ordered: Option<bool>,
    /// Who gets a mail when deliveries are stopped.
    pub notify_email: Option<String>,
    /// `enabled`, `paused` or `disabled`.
    pub status: Option<String>,
}

/// A webhook.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "whk_01hm6x3k5vf8qbw2d9z7c4n0th", "url": "https://example.com/hooks/interviews", "description": null,
    "eventTypes": ["session.*", "invite.created"], "headerNames": [], "campaignId": null, "projectId": null,
    "ordered": false, "notifyEmail": null, "status": "enabled", "disabledReason": null, "disabledAt": null,
    "previousSecretValidUntil": null, "createdAt": "2024-01-15T10:00:00Z", "updatedAt": "2024-01-15T10:00:00Z",
}))]
pub struct Webhook {
    /// Its id.
    pub id: String,
    /// Where events are sent.
    pub url: String,
    /// What it is for.
    #[schema(required)]
    pub description: Option<String>,
    /// Event types.
    pub event_types: Vec<String>,
    /// Names of the headers that are sent along.
    pub header_names: Vec<String>,
    /// Only events of this campaign.
    #[schema(required)]
    pub campaign_id: Option<String>,
    /// Only events of this project.
    #[schema(required)]
    pub project_id: Option<String>,
    /// Whether deliveries are ordered.
    pub ordered: bool,
    /// Who gets a mail when deliveries are stopped.
    #[schema(required)]
    pub notify_email: Option<String>,
    /// `enabled`, `paused` or `disabled`.
    pub status: String,
    /// `gone` (it answered 410), `failing` (for five days) or `requested`.
    #[schema(required)]
    pub disabled_reason: Option<String>,
    /// When deliveries were stopped.
    #[schema(required)]
    pub disabled_at: Option<DateTime<Utc>>,
    /// Until when deliveries are signed with the former secret, too.
    #[schema(required)]
    pub previous_secret_valid_until: Option<DateTime<Utc>>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A webhook together with its secret.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedWebhook {
    /// What every answer shows of it.
    #[serde(flatten)]
    pub shown: Webhook,
    /// The secret. It is shown this once.
    #[schema(example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD5aFLXpR6FYA=")]
    pub secret: String,
}

/// The body of a test.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"eventType": "invite.created"}))]
pub struct TestEvent {
    /// The type whose example is sent; `webhook.test` if absent.
    pub event_type: Option<String>,
}

/// A delivery as lists show it.
fn listed() -> Value {
    json!({
        "id": "dlv_01hm6x3k5vf8qbw2d9z7c4n0tj", "webhookId": "whk_01hm6x3k5vf8qbw2d9z7c4n0th",
        "eventId": "evt_01hm6x3k5vf8qbw2d9z7c4n0te", "eventType": "invite.created", "sequence": 42, "source": "live",
        "replayId": null, "status": "delivered", "httpStatus": 200, "reason": null, "nextAttemptAt": null,
        "createdAt": "2024-01-15T10:30:00Z", "finishedAt": "2024-01-15T10:30:01Z",
        "attempts": [
            {"number": 1, "at": "2024-01-15T10:30:00Z", "httpStatus": 200, "reason": null, "latencyMs": 87},
        ],
    })
}

/// The same with what is left out there.
pub(super) fn whole_delivery() -> Value {
    let mut whole = listed();
    let attempt = &mut whole["attempts"][0];
    attempt["requestHeaders"] = json!([
        {"name": "content-type", "value": "application/json"},
        {"name": "webhook-id", "value": "evt_01hm6x3k5vf8qbw2d9z7c4n0te"},
        {"name": "webhook-timestamp", "value": "1705314600"},
        {"name": "webhook-signature", "value": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="},
    ]);
    attempt["responseHeaders"] = json!([{"name": "content-type", "value": "text/plain"}]);
    attempt["responseBody"] = json!("thanks");
    attempt["responseTruncated"] = json!(false);
    whole
}

/// An event on its way to a webhook.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = listed)]
pub struct Delivery {
    /// Its id.
    pub id: String,
    /// The webhook.
    pub webhook_id: String,
    /// The event, which is the `webhook-id` of every attempt.
    pub event_id: String,
    /// The event's type.
    pub event_type: String,
    /// The event's place in your organization's log; none for a test.
    #[schema(required)]
    pub sequence: Option<i64>,
    /// `live`, `replay`, `redelivery` or `test`.
    pub source: String,
    /// The replay that it belongs to.
    #[schema(required)]
    pub replay_id: Option<String>,
    /// `pending`, `delivered` or `failed`.
    pub status: String,
    /// What the last attempt was answered with.
    #[schema(required)]
    pub http_status: Option<i64>,
    /// Why the last attempt failed: `http_500`, `timeout`, `blocked_address`, …
    #[schema(required)]
    pub reason: Option<String>,
    /// When it is tried again.
    #[schema(required)]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it arrived or was given up.
    #[schema(required)]
    pub finished_at: Option<DateTime<Utc>>,
    /// Every attempt.
    pub attempts: Vec<DeliveryAttempt>,
}

/// One attempt. In lists, headers and answer are left out.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryAttempt {
    /// Counted from 1.
    pub number: i64,
    /// When it began.
    pub at: DateTime<Utc>,
    /// What it was answered with.
    #[schema(required)]
    pub http_status: Option<i64>,
    /// Why it failed.
    #[schema(required)]
    pub reason: Option<String>,
    /// How long it took.
    pub latency_ms: i64,
    /// What was sent along; values of your own headers are hidden.
    pub request_headers: Option<Vec<DeliveryHeader>>,
    /// The headers of the answer.
    pub response_headers: Option<Vec<DeliveryHeader>>,
    /// The first 64 KiB of the answer.
    pub response_body: Option<String>,
    /// Whether there was more of it.
    pub response_truncated: Option<bool>,
}

/// A header.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct DeliveryHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The body of a new replay: `since` or `fromSequence`.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"since": "2024-01-15T00:00:00Z", "eventTypes": ["session.completed"]}))]
pub struct NewReplay {
    /// From the events of this time on.
    pub since: Option<DateTime<Utc>>,
    /// From this sequence number on.
    #[schema(minimum = 1)]
    pub from_sequence: Option<i64>,
    /// Only events before this time.
    pub until: Option<DateTime<Utc>>,
    /// Only events of these types; those of the webhook, if absent.
    pub event_types: Option<Vec<String>>,
}

/// A replay.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "rpl_01hm6x3k5vf8qbw2d9z7c4n0tk", "webhookId": "whk_01hm6x3k5vf8qbw2d9z7c4n0th", "status": "running",
    "fromSequence": 17, "toSequence": 42, "since": "2024-01-15T00:00:00Z", "until": null,
    "eventTypes": ["session.completed"], "createdAt": "2024-01-16T09:00:00Z",
}))]
pub struct Replay {
    /// Its id, which its deliveries show as `replayId`.
    pub id: String,
    /// The webhook.
    pub webhook_id: String,
    /// `running`.
    pub status: String,
    /// The first sequence number that it looks at.
    pub from_sequence: i64,
    /// The last one.
    pub to_sequence: i64,
    /// From the events of this time on.
    #[schema(required)]
    pub since: Option<DateTime<Utc>>,
    /// Only events before this time.
    #[schema(required)]
    pub until: Option<DateTime<Utc>>,
    /// Only events of these types.
    #[schema(required)]
    pub event_types: Option<Vec<String>>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// What became of an event.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "webhookId": "whk_01hm6x3k5vf8qbw2d9z7c4n0th", "eventId": "evt_01hm6x3k5vf8qbw2d9z7c4n0te",
    "eventType": "invite.created", "sequence": 42, "outcome": "delivered",
    "explanation": "It was delivered at 2024-01-15T10:30:01Z.",
    "details": {
        "deliveryId": "dlv_01hm6x3k5vf8qbw2d9z7c4n0tj", "attempts": 1, "reason": null, "httpStatus": 200,
        "nextAttemptAt": null, "finishedAt": "2024-01-15T10:30:01Z",
    },
    "deliveries": [listed()],
}))]
pub struct Explanation {
    /// The webhook.
    pub webhook_id: String,
    /// The event.
    pub event_id: String,
    /// Its type.
    pub event_type: String,
    /// Its place in your organization's log.
    pub sequence: i64,
    /// `delivered`, `pending_retry`, `failed`, `queued`, `held_back`, `paused`, `disabled`, `before_creation`,
    /// `filtered_by_type`, `filtered_by_campaign`, `filtered_by_project`, `not_public`, `not_recorded` or `unreadable`.
    pub outcome: String,
    /// One sentence for people.
    pub explanation: String,
    /// More, depending on the outcome: the last failure's `reason`, `nextAttemptAt`, `until`, …
    pub details: serde_json::Value,
    /// Its deliveries, as lists show them.
    pub deliveries: Vec<Delivery>,
}

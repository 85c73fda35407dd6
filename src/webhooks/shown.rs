//! Deliveries as the API shows them.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

use super::{client::Record, secret};
use crate::{
    store::{Delivery, LoggedAttempt},
    trust::keys::Key,
};

/// An attempt whose record has been opened.
#[derive(Clone, Debug)]
pub struct OpenAttempt {
    /// What stands in the log.
    pub logged: LoggedAttempt,
    /// What was sealed.
    pub record: Record,
}

impl OpenAttempt {
    /// Opens an attempt; what cannot be opened is shown as empty.
    pub fn new(key: &Key, logged: LoggedAttempt) -> Self {
        let plain = secret::open_attempt(key, &logged.id, &logged.sealed);
        let record = plain.and_then(|plain| serde_json::from_slice(&plain).ok()).unwrap_or_default();
        Self { logged, record }
    }
}

/// Attempts by their delivery.
pub fn opened(key: &Key, attempts: Vec<LoggedAttempt>) -> HashMap<String, Vec<OpenAttempt>> {
    let mut by_delivery: HashMap<String, Vec<OpenAttempt>> = HashMap::new();
    for attempt in attempts {
        let delivery = attempt.id.split('/').next().unwrap_or_default().to_owned();
        by_delivery.entry(delivery).or_default().push(OpenAttempt::new(key, attempt));
    }
    by_delivery
}

/// A time in the API's form.
pub fn time(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A delivery without its attempts.
fn summary(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "webhookId": delivery.webhook,
        "eventId": delivery.event_id,
        "eventType": delivery.event_type,
        "sequence": (delivery.sequence > 0).then_some(delivery.sequence),
        "source": delivery.source.as_str(),
        "replayId": (!delivery.replay.is_empty()).then_some(&delivery.replay),
        "status": delivery.status.as_str(),
        "httpStatus": delivery.http_status,
        "reason": delivery.reason,
        "nextAttemptAt": delivery.next_attempt_at.map(time),
        "createdAt": time(delivery.created_at),
        "finishedAt": delivery.finished_at.map(time),
    })
}

/// A delivery with its attempts, headers and answers included.
pub fn delivery(delivery: &Delivery, attempts: &[OpenAttempt]) -> Value {
    let mut shown = summary(delivery);
    shown["attempts"] = attempts.iter().map(attempt).collect();
    shown
}

/// The same for a list: what the receiver answered is left to the single delivery.
pub fn listed(delivery: &Delivery, attempts: &[OpenAttempt]) -> Value {
    let mut shown = summary(delivery);
    let short = |open: &OpenAttempt| {
        let mut shown = attempt(open);
        if let Some(shown) = shown.as_object_mut() {
            for name in ["requestHeaders", "responseHeaders", "responseBody", "responseTruncated"] {
                shown.remove(name);
            }
        }
        shown
    };
    shown["attempts"] = attempts.iter().map(short).collect();
    shown
}

fn attempt(open: &OpenAttempt) -> Value {
    let headers = |headers: &[(String, String)]| -> Vec<Value> {
        headers.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
    };
    let OpenAttempt { logged, record } = open;
    json!({
        "number": logged.number,
        "at": time(logged.at),
        "httpStatus": logged.http_status,
        "reason": logged.reason,
        "latencyMs": logged.latency / 1_000,
        "requestHeaders": headers(&record.request_headers),
        "responseHeaders": headers(&record.response_headers),
        "responseBody": String::from_utf8_lossy(&record.response_body),
        "responseTruncated": record.truncated,
    })
}

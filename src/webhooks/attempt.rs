//! One attempt of one delivery, from its body to what is written about it.

use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;

use super::{Webhooks, client::Answer, secret, settings::Settings};
use crate::{
    clock::Clock,
    store::{self, Attempt, Delivery, DeliveryStatus, Store},
};

/// Why a delivery is given up whose event can no longer be rendered.
const UNREADABLE: &str = "event_unreadable";

/// What came of an attempt.
#[derive(Debug)]
pub struct Made {
    /// The delivery as it is now.
    pub delivery: Delivery,
    /// What is kept of the attempt.
    pub attempt: Attempt,
    /// Whether it arrived.
    pub arrived: bool,
    /// Whether the receiver says that there is nobody any more.
    pub gone: bool,
    /// The pause that the receiver asked for.
    pub retry_after: Option<TimeDelta>,
    /// How long it took.
    pub latency: TimeDelta,
}

/// Makes an attempt. The body is rendered anew unless it was just rendered: what has been erased in the meantime is not
/// in it any more.
///
/// # Errors
/// When the store fails before anything was sent.
pub async fn make(
    webhooks: &Webhooks,
    store: &Store,
    clock: &Clock,
    settings: &Arc<Settings>,
    mut delivery: Delivery,
    body: Option<Bytes>,
) -> Result<Made, store::Error> {
    let body = match body {
        Some(body) => Some(body),
        None => rendered(store, &delivery).await?,
    };
    let key = store.organization_key(&settings.organization).await?;
    let mut answer = match body {
        Some(body) => {
            let request = settings.request(&delivery.event_id, clock.now(), body);
            webhooks.client.send(request).await
        }
        None => Answer { reason: Some(UNREADABLE.to_owned()), at: clock.now().timestamp_micros(), ..Answer::default() },
    };
    for (name, value) in &mut answer.record.request_headers {
        if settings.headers().contains_key(name) {
            "***".clone_into(value);
        }
    }
    delivery.attempts += 1;
    let number = delivery.attempts;
    let now = clock.now();
    let arrived = answer.reason.is_none();
    let next = match answer.reason.as_deref() {
        None | Some(UNREADABLE) => None,
        Some(_) => webhooks.schedule.next(number, now, answer.retry_after),
    };
    delivery.http_status = answer.status.map(i64::from);
    delivery.reason = answer.reason.clone();
    delivery.next_attempt_at = next.map(|next| next.timestamp_micros());
    delivery.status = match (arrived, next) {
        (true, _) => DeliveryStatus::Delivered,
        (false, Some(_)) => DeliveryStatus::Pending,
        (false, None) => DeliveryStatus::Failed,
    };
    delivery.finished_at = next.is_none().then(|| now.timestamp_micros());
    // Plain data: writing it as JSON cannot fail.
    let plain = serde_json::to_vec(&answer.record).unwrap_or_default();
    let attempt = Attempt {
        delivery: delivery.id.clone(),
        webhook: settings.webhook.clone(),
        number,
        at: answer.at,
        http_status: answer.status.map(i64::from),
        reason: answer.reason,
        latency: answer.latency,
        sealed: secret::seal_attempt(&key, &Attempt::id(&delivery.id, number), &plain),
    };
    Ok(Made {
        attempt,
        arrived,
        gone: answer.status == Some(410),
        retry_after: answer.retry_after,
        latency: TimeDelta::microseconds(answer.latency),
        delivery,
    })
}

async fn rendered(store: &Store, delivery: &Delivery) -> Result<Option<Bytes>, store::Error> {
    let events = store.public_events_by_id(vec![delivery.event_id.clone()], false).await?;
    Ok(events.into_iter().find(|event| event.organization == delivery.organization).map(|event| event.body))
}

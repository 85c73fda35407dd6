//! Why an event was, or was not, delivered to an endpoint.

use aggregates::webhook::{WebhookStatus, is_subscribed};
use projections::{public::PublicType, webhook::WebhookDocument};
use serde_json::{Value, json};

use super::shown::{self, time};
use crate::store::{Delivery, DeliveryStatus, Document, Error, Source, Store, Tried};

/// One word for what became of the event, a sentence for people, and more by the word.
struct Verdict {
    outcome: &'static str,
    explanation: String,
    details: Value,
}

fn verdict(outcome: &'static str, explanation: impl Into<String>) -> Verdict {
    Verdict { outcome, explanation: explanation.into(), details: json!({}) }
}

impl Verdict {
    fn with(mut self, details: Value) -> Self {
        self.details = details;
        self
    }
}

/// Explains what became of an event of the endpoint's organization; `None` when there is no such event.
///
/// # Errors
/// [`Error::Database`].
pub async fn explain(store: &Store, webhook: &Document, event_id: &str, now: i64) -> Result<Option<Value>, Error> {
    let found = store.events_by_id(vec![event_id.to_owned()]).await?;
    let Some(record) = found.records.iter().find(|record| record.organization == webhook.organization) else {
        return Ok(None);
    };
    let api: WebhookDocument = serde_json::from_str(&webhook.json)?;
    let public = PublicType::of(&record.name);
    let deliveries = store.deliveries_of_event(&webhook.id, record.org_seq).await?;
    let key = store.organization_key(&webhook.organization).await?;
    let mut attempts = shown::opened(&key, store.attempts_of(&deliveries).await?);
    let progress = store.progress_of(&webhook.id).await?;
    let verdict = match (latest(&deliveries), public) {
        (Some(delivery), _) => delivered(delivery),
        (None, None) => verdict("not_public", format!("{} is an internal event that is sent to nobody.", record.name)),
        (None, Some(public)) => {
            let rendered = store.public_events_by_id(vec![event_id.to_owned()], true).await?;
            match rendered.first() {
                None => verdict("unreadable", "What is stored of the event cannot be rendered any more."),
                Some(event) => {
                    let places = (event.campaign, event.project);
                    undelivered(&api, public.name, record.org_seq, places, progress.as_ref(), now)
                }
            }
        }
    };
    Ok(Some(json!({
        "webhookId": webhook.id,
        "eventId": event_id,
        "eventType": public.map_or(record.name.as_str(), |public| public.name),
        "sequence": record.org_seq,
        "outcome": verdict.outcome,
        "explanation": verdict.explanation,
        "details": verdict.details,
        "deliveries": deliveries
            .iter()
            .map(|delivery| shown::listed(delivery, &attempts.remove(&delivery.id).unwrap_or_default()))
            .collect::<Vec<_>>(),
    })))
}

/// What counts of several deliveries: one that arrived, or else the last.
fn latest(deliveries: &[Delivery]) -> Option<&Delivery> {
    let real = || deliveries.iter().filter(|delivery| delivery.source != Source::Test);
    real().rfind(|delivery| delivery.status == DeliveryStatus::Delivered).or_else(|| real().next_back())
}

fn delivered(delivery: &Delivery) -> Verdict {
    let reason = delivery.reason.as_deref().unwrap_or("not tried yet");
    let details = json!({
        "deliveryId": delivery.id, "attempts": delivery.attempts, "reason": delivery.reason,
        "httpStatus": delivery.http_status, "nextAttemptAt": delivery.next_attempt_at.map(time),
        "finishedAt": delivery.finished_at.map(time),
    });
    let at = time(delivery.finished_at.or(delivery.next_attempt_at).unwrap_or_default());
    let verdict = match delivery.status {
        DeliveryStatus::Delivered => verdict("delivered", format!("It was delivered at {at}.")),
        DeliveryStatus::Pending => {
            verdict("pending_retry", format!("The last attempt failed ({reason}); the next one is due at {at}."))
        }
        DeliveryStatus::Failed => {
            verdict("failed", format!("It was given up at {at} after {} attempts ({reason}).", delivery.attempts))
        }
    };
    verdict.with(details)
}

/// The filters come first: no replay sends what they leave out.
fn undelivered(
    api: &WebhookDocument,
    event_type: &str,
    sequence: i64,
    (campaign, project): (Option<aggregates::id::CampaignId>, Option<aggregates::id::ProjectId>),
    progress: Option<&Tried>,
    now: i64,
) -> Verdict {
    if !is_subscribed(&api.event_types, event_type) {
        return verdict("filtered_by_type", format!("The webhook does not ask for {event_type}."))
            .with(json!({"eventTypes": api.event_types}));
    }
    if api.campaign_id.is_some() && api.campaign_id != campaign {
        return verdict("filtered_by_campaign", "The webhook asks for the events of another campaign.")
            .with(json!({"campaignId": campaign}));
    }
    if api.project_id.is_some() && api.project_id != project {
        return verdict("filtered_by_project", "The webhook asks for the events of another project.")
            .with(json!({"projectId": project}));
    }
    let Some(progress) = progress else { return verdict("not_recorded", "Nothing is known of the webhook.") };
    if sequence <= progress.created {
        return verdict("before_creation", "The webhook was created after the event; a replay would send it.")
            .with(json!({"createdSequence": progress.created}));
    }
    if sequence <= progress.sequence {
        let sentence =
            "The log of deliveries no longer says what became of it, or the webhook asked for other events then.";
        return verdict("not_recorded", sentence);
    }
    match api.status {
        WebhookStatus::Paused => verdict("paused", "The webhook is paused; the event will be sent when it is resumed."),
        WebhookStatus::Disabled => {
            let reason = api.disabled_reason.map(|reason| reason.as_str());
            verdict("disabled", "The webhook is disabled; the event will be sent when it is enabled again.")
                .with(json!({"reason": reason}))
        }
        WebhookStatus::Enabled if progress.first_at > now => {
            let until = time(progress.first_at);
            verdict("held_back", format!("The receiver fails or asked for a pause; new events go on at {until}."))
                .with(json!({"until": until, "failingSince": progress.failing_since.map(time)}))
        }
        WebhookStatus::Enabled => {
            let ahead = sequence - progress.sequence - 1;
            verdict("queued", "It waits for its turn.").with(json!({
                "eventsAhead": ahead, "failingSince": progress.failing_since.map(time),
            }))
        }
    }
}

//! What can be done with webhook endpoints (contract 41, 56).

use std::collections::BTreeMap;

use aggregates::{
    Code, FieldError, Refusal,
    campaign::Campaign,
    id::{CampaignId, DeliveryId, Id as _, OrganizationId, ProjectId, ReplayId, WebhookId},
    project::Project,
    value::{Change, Document, Input, Reader, merge_patch, parse_instant, with_field_errors},
    webhook::{
        DisabledReason, NewWebhookInput, Rules, SealedHeaders, Webhook, WebhookCommand, WebhookPatchInput,
        WebhookStatus,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use projections::public;
use serde_json::{Number, Value, json};

use super::{Answer, Command, Sent, Stop, Work, api_keys::with_member, campaigns::named, not_found};
use crate::{
    http::IfMatch,
    store::{Attempt, Delivery, DeliveryStatus, Replay, Source, Store},
    trust::keys::Key,
    webhooks::secret::{Secret, open_headers, seal_headers},
};

/// How long a former secret stays valid.
const OVERLAP: TimeDelta = TimeDelta::hours(24);
/// Replays of one endpoint at once.
const MAX_REPLAYS: i64 = 10;
/// Endpoints of one organization.
const MAX_WEBHOOKS: i64 = 100;

fn event_types() -> Vec<&'static str> {
    public::types().iter().map(|public| public.name).collect()
}

fn sealed(key: &Key, webhook: WebhookId, headers: &BTreeMap<String, String>) -> Option<SealedHeaders> {
    (!headers.is_empty()).then(|| SealedHeaders {
        names: headers.keys().cloned().collect(),
        sealed: seal_headers(key, &webhook.to_string(), headers),
    })
}

async fn references(
    work: &mut Work<'_>,
    campaign: Option<&str>,
    project: Option<&str>,
) -> Result<Vec<FieldError>, Stop> {
    let mut unknown = Vec::new();
    if let Some(id) = campaign.and_then(|id| id.parse::<CampaignId>().ok()) {
        named::<Campaign>(work, id, "campaignId", &mut unknown).await?;
    }
    if let Some(id) = project.and_then(|id| id.parse::<ProjectId>().ok()) {
        named::<Project>(work, id, "projectId", &mut unknown).await?;
    }
    Ok(unknown)
}

async fn key(work: &Work<'_>) -> Result<Key, Stop> {
    Ok(work.store().organization_key(&work.caller().organization.to_string()).await?)
}

/// `POST /v1/webhooks`.
pub struct CreateWebhook {
    /// The request's body.
    pub body: Sent,
    /// Whether `http` and loopback are allowed.
    pub development: bool,
    /// Its secret. It is made before, so that it stays the same when the command runs again.
    pub secret: Secret,
}

impl Command for CreateWebhook {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let organization_id: OrganizationId = work.caller().organization;
        let input = NewWebhookInput::from_json(self.body.json()?)?;
        let unknown = references(work, input.campaign_id.as_deref(), input.project_id.as_deref()).await?;
        let types = event_types();
        let rules = Rules { event_types: &types, development: self.development };
        let (webhook, headers) = with_field_errors(input.validate(rules), unknown)?;
        if work.counter(format!("webhooks/{organization_id}")).await? >= MAX_WEBHOOKS {
            let message = format!("There are {MAX_WEBHOOKS} webhooks already, which is as many as there can be.");
            return Err(Refusal::new(Code::Conflict, message).into());
        }
        let (id, key): (WebhookId, _) = (work.new_id(), key(work).await?);
        let create = WebhookCommand::Create {
            webhook_id: id,
            organization_id,
            webhook,
            sealed_secret: self.secret.seal(&key, &id.to_string()),
            headers: sealed(&key, id, &headers),
        };
        work.execute::<Webhook>(id, create)?;
        work.write(Store::new_endpoint(&id.to_string(), &organization_id.to_string()));
        let document = with_secret(&work.document::<Webhook>(id)?, &self.secret);
        Ok(Answer::created(format!("/v1/webhooks/{id}"), document))
    }
}

fn with_secret(document: &str, secret: &Secret) -> String {
    with_member(document, "secret", &Value::from(secret.as_str()).to_string())
}

/// `PATCH /v1/webhooks/{webhookId}`.
pub struct UpdateWebhook {
    /// The endpoint.
    pub id: WebhookId,
    /// The versions that the client is willing to change.
    pub if_match: IfMatch,
    /// The request's body.
    pub body: Sent,
    /// Whether `http` and loopback are allowed.
    pub development: bool,
}

impl Command for UpdateWebhook {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let webhook: Webhook = work.load_expected(self.id, &self.if_match).await?;
        let input = WebhookPatchInput::from_json(self.body.json()?)?;
        let new = |change: &Change<String>, current: Option<String>| match change {
            Change::Set(id) if current.as_ref() != Some(id) => Some(id.clone()),
            _ => None,
        };
        let campaign = new(&input.campaign_id, webhook.campaign_id.map(|id| id.to_string()));
        let project = new(&input.project_id, webhook.project_id.map(|id| id.to_string()));
        let unknown = references(work, campaign.as_deref(), project.as_deref()).await?;
        let key = key(work).await?;
        let name = self.id.to_string();
        let present: BTreeMap<String, String> =
            webhook.headers.as_ref().and_then(|headers| open_headers(&key, &name, &headers.sealed)).unwrap_or_default();
        let headers = merged(&present, &input.headers);
        let types = event_types();
        let rules = Rules { event_types: &types, development: self.development };
        let (patch, headers) = with_field_errors(input.validate(&headers, rules), unknown)?;
        let headers = if headers == present { Change::Keep } else { sealed(&key, self.id, &headers).into() };
        work.execute::<Webhook>(self.id, WebhookCommand::Update { patch, headers })?;
        let begins_anew = work.row::<Webhook>(self.id).is_some_and(|row| {
            let enabled = row.api.status == WebhookStatus::Enabled && webhook.status != WebhookStatus::Enabled;
            enabled || row.api.url != webhook.url
        });
        if begins_anew {
            work.write(Store::renew_endpoint(&self.id.to_string()));
        }
        Ok(Answer::ok(work.document::<Webhook>(self.id)?).tagged(work.version::<Webhook>(self.id).to_string()))
    }
}

/// Names of headers are the same in any spelling.
fn merged(present: &BTreeMap<String, String>, change: &Change<Document>) -> Document {
    let mut headers: Document = present.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    match change {
        Change::Keep => {}
        Change::Clear => headers.clear(),
        Change::Set(patch) => {
            for (name, value) in patch {
                let known = name.to_ascii_lowercase();
                headers.remove(&known);
                if !value.is_null() {
                    headers.insert(name.clone(), value.clone());
                }
            }
            merge_patch(&mut headers, &Document::new());
        }
    }
    headers
}

/// `DELETE /v1/webhooks/{webhookId}`.
pub struct DeleteWebhook {
    /// The endpoint.
    pub id: WebhookId,
}

impl Command for DeleteWebhook {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Webhook>(self.id).await?;
        work.execute::<Webhook>(self.id, WebhookCommand::Delete)?;
        work.write(Store::drop_endpoint(&self.id.to_string()));
        Ok(Answer::no_content())
    }
}

/// `POST /v1/webhooks/{webhookId}/rotate-secret`.
pub struct RotateSecret {
    /// The endpoint.
    pub id: WebhookId,
    /// Its new secret.
    pub secret: Secret,
}

impl Command for RotateSecret {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Webhook>(self.id).await?;
        let sealed_secret = self.secret.seal(&key(work).await?, &self.id.to_string());
        let previous_valid_until = work.now() + OVERLAP;
        work.execute::<Webhook>(self.id, WebhookCommand::RotateSecret { sealed_secret, previous_valid_until })?;
        Ok(Answer::ok(with_secret(&work.document::<Webhook>(self.id)?, &self.secret)))
    }
}

/// Stops deliveries because of what the endpoint did; nothing happens if they are stopped already, or if the endpoint was
/// changed since.
pub struct DisableWebhook {
    /// The endpoint.
    pub id: WebhookId,
    /// Its version when it did that.
    pub version: i64,
    /// Why.
    pub reason: DisabledReason,
}

impl Command for DisableWebhook {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Webhook>(self.id).await?;
        // What was asked is no longer what it is: the next attempt tells.
        if work.version::<Webhook>(self.id) <= self.version {
            work.execute::<Webhook>(self.id, WebhookCommand::Disable { reason: self.reason })?;
        }
        Ok(Answer::no_content())
    }
}

/// `POST /v1/webhooks/{webhookId}/test`: what came of a delivery that has been made already is written down.
pub struct RecordTest {
    /// The endpoint.
    pub id: WebhookId,
    /// The delivery.
    pub delivery: Delivery,
    /// Its only attempt.
    pub attempt: Attempt,
    /// What is answered.
    pub answer: String,
}

impl Command for RecordTest {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Webhook>(self.id).await?;
        work.write(Delivery::write([&self.delivery]));
        work.write(Attempt::write([&self.attempt]));
        Ok(Answer::ok(self.answer.clone()))
    }
}

/// `POST /v1/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver`.
pub struct Redeliver {
    /// The endpoint.
    pub webhook: WebhookId,
    /// The delivery whose event is to be sent again.
    pub delivery: DeliveryId,
}

impl Command for Redeliver {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Webhook>(self.webhook).await?;
        let webhook = self.webhook.to_string();
        let found = work.store().delivery(&webhook, &self.delivery.to_string()).await?;
        let found = found.ok_or_else(not_found)?;
        if found.source == Source::Test {
            let message = "A test cannot be delivered again; send another one.";
            return Err(Refusal::new(Code::Conflict, message).into());
        }
        let now = work.now().timestamp_micros();
        let delivery = Delivery {
            id: work.new_id::<DeliveryId>().to_string(),
            source: Source::Redelivery,
            replay: String::new(),
            status: DeliveryStatus::Pending,
            attempts: 0,
            next_attempt_at: Some(now),
            http_status: None,
            reason: None,
            created_at: now,
            finished_at: None,
            ..found
        };
        work.write(Delivery::write([&delivery]));
        work.write(Store::signal_endpoint(&webhook));
        Ok(accepted(crate::webhooks::shown::delivery(&delivery, &[]).to_string()))
    }
}

fn accepted(body: String) -> Answer {
    Answer { status: 202, ..Answer::ok(body) }
}

/// `POST /v1/webhooks/{webhookId}/replay`.
pub struct StartReplay {
    /// The endpoint.
    pub webhook: WebhookId,
    /// The request's body.
    pub body: Sent,
}

#[derive(Default)]
struct ReplayInput {
    since: Option<String>,
    from_sequence: Option<Number>,
    until: Option<String>,
    event_types: Option<Vec<String>>,
}

impl Input for ReplayInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        if fields.raw("since").is_none_or(Value::is_null) && fields.raw("fromSequence").is_none_or(Value::is_null) {
            fields.error("since", "required", "is required, unless fromSequence is given");
        }
        Self {
            since: fields.optional("since"),
            from_sequence: fields.optional("fromSequence"),
            until: fields.optional("until"),
            event_types: fields.optional("eventTypes"),
        }
    }
}

/// What a replay is asked for, its rules kept.
struct Wanted {
    since: Option<DateTime<Utc>>,
    from_sequence: Option<i64>,
    until: Option<DateTime<Utc>>,
    event_types: Option<Vec<String>>,
}

impl ReplayInput {
    fn validate(self) -> Result<Wanted, Refusal> {
        let mut errors = Vec::new();
        let mut instant = |field: &str, text: Option<String>| {
            let text = text?;
            let instant = parse_instant(&text);
            if instant.is_none() {
                errors.push(FieldError::new(field, "invalid_format", "must be a time such as 2024-01-15T10:30:00Z"));
            }
            instant
        };
        let (since, until) = (instant("since", self.since), instant("until", self.until));
        let from_sequence = self.from_sequence.and_then(|number| {
            let sequence = number.as_i64().filter(|sequence| *sequence >= 1);
            if sequence.is_none() {
                errors.push(FieldError::new("fromSequence", "out_of_range", "must be a whole number of at least 1"));
            }
            sequence
        });
        if since.is_some() && from_sequence.is_some() {
            errors.push(FieldError::new("fromSequence", "conflict", "excludes since"));
        }
        if let (Some(since), Some(until)) = (since, until)
            && until <= since
        {
            errors.push(FieldError::new("until", "out_of_range", "must be later than since"));
        }
        for (index, pattern) in self.event_types.iter().flatten().enumerate() {
            if !event_types().iter().any(|name| public::matches(pattern, name)) {
                let field = format!("eventTypes[{index}]");
                errors.push(FieldError::new(field, "unknown_event_type", "is no event type"));
            }
        }
        if self.event_types.as_ref().is_some_and(Vec::is_empty) {
            errors.push(FieldError::new("eventTypes", "too_few", "must name at least one event type"));
        }
        let wanted = Wanted { since, from_sequence, until, event_types: self.event_types };
        if errors.is_empty() { Ok(wanted) } else { Err(Refusal::validation(errors)) }
    }
}

impl Command for StartReplay {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Webhook>(self.webhook).await?;
        let wanted = ReplayInput::from_json(self.body.json()?)?.validate()?;
        let (webhook, organization) = (self.webhook.to_string(), work.caller().organization.to_string());
        let store = work.store();
        // Of two that count at once, one must count again: the other one has signalled.
        work.guard_signals(&webhook).await?;
        if store.running_replays(&webhook).await? >= MAX_REPLAYS {
            let message = format!("{MAX_REPLAYS} replays of this webhook are running already.");
            return Err(Refusal::new(Code::Conflict, message).into());
        }
        let micros = |time: Option<DateTime<Utc>>| time.map(|time| time.timestamp_micros());
        let before = match (wanted.from_sequence, micros(wanted.since)) {
            (Some(sequence), _) => sequence - 1,
            (None, Some(since)) => store.sequence_before(&organization, since).await?,
            (None, None) => 0,
        };
        let now = work.now().timestamp_micros();
        let replay = Replay {
            id: work.new_id::<ReplayId>().to_string(),
            upto: store.last_sequence(&organization).await?,
            webhook,
            organization,
            event_types: wanted.event_types,
            since: micros(wanted.since),
            until: micros(wanted.until),
            sequence: before,
            done: false,
            next_at: now,
            created_at: now,
        };
        work.write(Replay::write([&replay]));
        work.write(Store::signal_endpoint(&replay.webhook));
        let time = crate::webhooks::shown::time;
        let body = json!({
            "id": replay.id, "webhookId": replay.webhook, "status": "running",
            "fromSequence": replay.sequence + 1, "toSequence": replay.upto,
            "since": replay.since.map(time), "until": replay.until.map(time),
            "eventTypes": replay.event_types, "createdAt": time(replay.created_at),
        });
        Ok(accepted(body.to_string()))
    }
}

/// A delivery of a test event, before it is made.
pub fn test_delivery(webhook: WebhookId, organization: OrganizationId, event: &Value, id: DeliveryId) -> Delivery {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let now = id.instant().timestamp_micros();
    Delivery {
        id: id.to_string(),
        webhook: webhook.to_string(),
        organization: organization.to_string(),
        event_id: text("id"),
        event_type: text("type"),
        sequence: 0,
        source: Source::Test,
        replay: String::new(),
        status: DeliveryStatus::Pending,
        attempts: 0,
        next_attempt_at: None,
        http_status: None,
        reason: None,
        created_at: now,
        finished_at: None,
    }
}

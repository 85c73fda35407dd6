//! What can happen to a webhook endpoint.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Payload, Personal, Sealable,
    event::events,
    id::{CampaignId, OrganizationId, ProjectId, WebhookId},
    value::{Change, Email},
};

events! {
    /// Events of a webhook endpoint's stream.
    WebhookEvent {
        /// See [`WebhookCreated`].
        Created(WebhookCreated),
        /// See [`WebhookUpdated`].
        Updated(WebhookUpdated),
        /// See [`WebhookPaused`].
        Paused(WebhookPaused),
        /// See [`WebhookResumed`].
        Resumed(WebhookResumed),
        /// See [`WebhookDisabled`].
        Disabled(WebhookDisabled),
        /// See [`WebhookEnabled`].
        Enabled(WebhookEnabled),
        /// See [`WebhookSecretRotated`].
        SecretRotated(WebhookSecretRotated),
        /// See [`WebhookDeleted`].
        Deleted(WebhookDeleted),
    }
}

/// Headers of the customer's own: names for showing, values sealed under the organization's key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedHeaders {
    /// The names, in lower case, sorted.
    pub names: Vec<String>,
    /// Names and values as a sealed JSON object.
    pub sealed: String,
}

/// Why deliveries were stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// It answered 410.
    Gone,
    /// Nothing but failure for days.
    Failing,
    /// Its owner asked for it.
    Requested,
}

impl DisabledReason {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failing => "failing",
            Self::Requested => "requested",
        }
    }
}

/// A webhook endpoint was created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookCreated {
    /// The new endpoint.
    pub webhook_id: WebhookId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Where events are sent.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// The event types that it asks for: `*`, `session.*`, `session.completed`.
    pub event_types: Vec<String>,
    /// Only events of this campaign.
    pub campaign_id: Option<CampaignId>,
    /// Only events of this project's campaigns and scripts.
    pub project_id: Option<ProjectId>,
    /// Whether an event waits until the one before it has arrived.
    pub ordered: bool,
    /// Who hears of it when deliveries are stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify_email: Option<Personal<Email>>,
    /// Headers of the customer's own.
    pub headers: Option<SealedHeaders>,
    /// The secret, sealed under the organization's key.
    pub sealed_secret: String,
}

impl Payload for WebhookCreated {
    const NAME: &'static str = "webhook.created";

    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        self.notify_email.iter_mut().map(|email| ("notifyEmail", email as &mut dyn Sealable)).collect()
    }

    fn subject(&self) -> Option<&str> {
        self.notify_email.as_ref().and_then(Personal::clear).map(Email::normalized)
    }
}

/// Details changed; what is absent stayed as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookUpdated {
    /// The new URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The new description.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub description: Change<String>,
    /// The new event types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_types: Option<Vec<String>>,
    /// The new campaign.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub campaign_id: Change<CampaignId>,
    /// The new project.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub project_id: Change<ProjectId>,
    /// Whether deliveries are ordered from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered: Option<bool>,
    /// Who is to be told.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub notify_email: Change<Personal<Email>>,
    /// The new headers, all of them.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub headers: Change<SealedHeaders>,
}

impl Payload for WebhookUpdated {
    const NAME: &'static str = "webhook.updated";

    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        match &mut self.notify_email {
            Change::Set(email) => vec![("notifyEmail", email as &mut dyn Sealable)],
            Change::Keep | Change::Clear => Vec::new(),
        }
    }

    fn subject(&self) -> Option<&str> {
        match &self.notify_email {
            Change::Set(email) => email.clear().map(Email::normalized),
            Change::Keep | Change::Clear => None,
        }
    }
}

/// Its owner paused deliveries; what happens meanwhile is delivered later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebhookPaused {}

impl Payload for WebhookPaused {
    const NAME: &'static str = "webhook.paused";
}

/// Its owner resumed deliveries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebhookResumed {}

impl Payload for WebhookResumed {
    const NAME: &'static str = "webhook.resumed";
}

/// Deliveries were stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebhookDisabled {
    /// Why.
    pub reason: DisabledReason,
}

impl Payload for WebhookDisabled {
    const NAME: &'static str = "webhook.disabled";
}

/// Its owner put it to work again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebhookEnabled {}

impl Payload for WebhookEnabled {
    const NAME: &'static str = "webhook.enabled";
}

/// It has a new secret; the one before is valid for some time more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookSecretRotated {
    /// The new secret, sealed under the organization's key.
    pub sealed_secret: String,
    /// Until when the secret before is valid.
    pub previous_valid_until: DateTime<Utc>,
}

impl Payload for WebhookSecretRotated {
    const NAME: &'static str = "webhook.secret_rotated";
}

/// It is gone, and nothing more is sent to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebhookDeleted {}

impl Payload for WebhookDeleted {
    const NAME: &'static str = "webhook.deleted";
}

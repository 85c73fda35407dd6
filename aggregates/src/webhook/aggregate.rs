//! The endpoint's state and rules.

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{
    DisabledReason, SealedHeaders, WebhookCommand, WebhookCreated, WebhookDeleted, WebhookDisabled, WebhookEnabled,
    WebhookError, WebhookEvent, WebhookPatch, WebhookPaused, WebhookResumed, WebhookSecretRotated, WebhookUpdated,
};
use crate::{
    Entity, Personal,
    id::{CampaignId, OrganizationId, ProjectId, WebhookId},
    value::{Change, Email},
};

/// Former secrets that are kept at most, should somebody rotate again and again.
const MAX_FORMER: usize = 4;

/// Whether deliveries are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookStatus {
    /// They are.
    #[default]
    Enabled,
    /// Its owner paused them.
    Paused,
    /// They were stopped, mostly because the endpoint does not take them.
    Disabled,
}

impl WebhookStatus {
    /// Every status with its name in the API.
    pub const NAMES: [(&'static str, Self); 3] =
        [("enabled", Self::Enabled), ("paused", Self::Paused), ("disabled", Self::Disabled)];

    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }
}

/// A secret that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FormerSecret {
    /// Sealed under the organization's key.
    pub sealed: String,
    /// Until when signatures are made with it.
    pub valid_until: DateTime<Utc>,
}

/// A webhook endpoint, as far as its rules need to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id, once it was created.
    pub id: Option<WebhookId>,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Where events are sent.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// Patterns of event types.
    pub event_types: Vec<String>,
    /// Only events of this campaign.
    pub campaign_id: Option<CampaignId>,
    /// Only events of this project.
    pub project_id: Option<ProjectId>,
    /// Whether events wait for each other.
    pub ordered: bool,
    /// Who hears of it when deliveries are stopped.
    pub notify_email: Option<Email>,
    /// Headers of the customer's own, sealed.
    pub headers: Option<SealedHeaders>,
    /// Its secret, sealed.
    pub secret: String,
    /// Former secrets, the latest first.
    pub former_secrets: Vec<FormerSecret>,
    /// Whether deliveries are made.
    pub status: WebhookStatus,
    /// Why not, if they were stopped.
    pub disabled_reason: Option<DisabledReason>,
    /// Whether it is gone.
    pub deleted: bool,
}

impl Webhook {
    fn update(&self, patch: WebhookPatch, headers: Change<SealedHeaders>) -> Vec<WebhookEvent> {
        let updated = WebhookUpdated {
            url: patch.url.filter(|url| *url != self.url),
            description: patch.description.against(self.description.as_ref()),
            event_types: patch.event_types.filter(|types| *types != self.event_types),
            campaign_id: patch.campaign_id.against(self.campaign_id.as_ref()),
            project_id: patch.project_id.against(self.project_id.as_ref()),
            ordered: patch.ordered.filter(|ordered| *ordered != self.ordered),
            notify_email: patch.notify_email.against(self.notify_email.as_ref()).map(Personal::Clear),
            headers: headers.against(self.headers.as_ref()),
        };
        let mut events = Vec::new();
        if updated != WebhookUpdated::default() {
            events.push(WebhookEvent::Updated(updated));
        }
        events.extend(patch.status.and_then(|status| self.change_status(status)));
        events
    }

    fn change_status(&self, status: WebhookStatus) -> Option<WebhookEvent> {
        let event = match (self.status, status) {
            (before, after) if before == after => return None,
            (WebhookStatus::Disabled, WebhookStatus::Enabled) => WebhookEvent::Enabled(WebhookEnabled {}),
            (_, WebhookStatus::Enabled) => WebhookEvent::Resumed(WebhookResumed {}),
            (_, WebhookStatus::Paused) => WebhookEvent::Paused(WebhookPaused {}),
            (_, WebhookStatus::Disabled) => {
                WebhookEvent::Disabled(WebhookDisabled { reason: DisabledReason::Requested })
            }
        };
        Some(event)
    }
}

impl Entity for Webhook {
    type Id = WebhookId;

    fn organization_id(&self) -> Option<OrganizationId> {
        self.id.filter(|_| !self.deleted).map(|_| self.organization_id)
    }

    fn decide(&self, command: WebhookCommand) -> Result<Vec<WebhookEvent>, WebhookError> {
        match command {
            WebhookCommand::Create { .. } if self.id.is_some() => Err(WebhookError::AlreadyExists),
            WebhookCommand::Create { webhook_id, organization_id, webhook, sealed_secret, headers } => {
                Ok(vec![WebhookEvent::Created(WebhookCreated {
                    webhook_id,
                    organization_id,
                    url: webhook.url,
                    description: webhook.description,
                    event_types: webhook.event_types,
                    campaign_id: webhook.campaign_id,
                    project_id: webhook.project_id,
                    ordered: webhook.ordered,
                    notify_email: webhook.notify_email.map(Personal::Clear),
                    headers,
                    sealed_secret,
                })])
            }
            _ if self.organization_id().is_none() => Err(WebhookError::NotFound),
            WebhookCommand::Update { patch, headers } => Ok(self.update(patch, headers)),
            WebhookCommand::RotateSecret { sealed_secret, previous_valid_until } => {
                let rotated = WebhookSecretRotated { sealed_secret, previous_valid_until };
                Ok(vec![WebhookEvent::SecretRotated(rotated)])
            }
            // Several attempts may come to the same conclusion, and its owner may have been faster.
            WebhookCommand::Disable { .. } if self.status != WebhookStatus::Enabled => Ok(Vec::new()),
            WebhookCommand::Disable { reason } => Ok(vec![WebhookEvent::Disabled(WebhookDisabled { reason })]),
            WebhookCommand::Delete => Ok(vec![WebhookEvent::Deleted(WebhookDeleted {})]),
        }
    }
}

impl Aggregate for Webhook {
    const TYPE: &'static str = "webhook";
    type Command = WebhookCommand;
    type Event = WebhookEvent;
    type Error = WebhookError;
    type Services = ();

    async fn handle(&mut self, command: WebhookCommand, (): &(), sink: &EventSink<Self>) -> Result<(), WebhookError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: WebhookEvent) {
        match event {
            WebhookEvent::Created(created) => {
                *self = Self {
                    id: Some(created.webhook_id),
                    organization_id: created.organization_id,
                    url: created.url,
                    description: created.description,
                    event_types: created.event_types,
                    campaign_id: created.campaign_id,
                    project_id: created.project_id,
                    ordered: created.ordered,
                    notify_email: created.notify_email.as_ref().and_then(Personal::clear).cloned(),
                    headers: created.headers,
                    secret: created.sealed_secret,
                    ..Self::default()
                };
            }
            WebhookEvent::Updated(updated) => {
                if let Some(url) = updated.url {
                    self.url = url;
                }
                if let Some(types) = updated.event_types {
                    self.event_types = types;
                }
                if let Some(ordered) = updated.ordered {
                    self.ordered = ordered;
                }
                updated.description.apply_to(&mut self.description);
                updated.campaign_id.apply_to(&mut self.campaign_id);
                updated.project_id.apply_to(&mut self.project_id);
                updated.headers.apply_to(&mut self.headers);
                match updated.notify_email {
                    Change::Keep => {}
                    Change::Clear => self.notify_email = None,
                    Change::Set(email) => self.notify_email = email.clear().cloned(),
                }
            }
            WebhookEvent::Paused(WebhookPaused {}) => {
                (self.status, self.disabled_reason) = (WebhookStatus::Paused, None);
            }
            WebhookEvent::Resumed(WebhookResumed {}) | WebhookEvent::Enabled(WebhookEnabled {}) => {
                (self.status, self.disabled_reason) = (WebhookStatus::Enabled, None);
            }
            WebhookEvent::Disabled(disabled) => {
                (self.status, self.disabled_reason) = (WebhookStatus::Disabled, Some(disabled.reason));
            }
            WebhookEvent::SecretRotated(rotated) => {
                let sealed = std::mem::replace(&mut self.secret, rotated.sealed_secret);
                self.former_secrets.insert(0, FormerSecret { sealed, valid_until: rotated.previous_valid_until });
                self.former_secrets.truncate(MAX_FORMER);
            }
            WebhookEvent::Deleted(WebhookDeleted {}) => self.deleted = true,
        }
    }
}

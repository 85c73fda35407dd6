//! Webhook endpoints.

use aggregates::{
    Personal,
    id::{CampaignId, Id, OrganizationId, ProjectId, WebhookId},
    value::{Change, Email},
    webhook::{DisabledReason, FormerSecret, SealedHeaders, WebhookEvent, WebhookStatus},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Column, ColumnDef, ReadModel, Recorded, change,
    column::Stored,
    time::{self, optional_seconds, seconds, whole_seconds},
};

/// An endpoint's row.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Its organization.
    pub organization_id: OrganizationId,
    /// What the API shows.
    pub api: WebhookDocument,
    /// What deliveries are signed and sent with.
    pub keys: WebhookKeys,
}

/// What the API shows of an endpoint. Neither its secret nor the values of its headers are among it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDocument {
    /// Its id.
    pub id: WebhookId,
    /// Where events are sent.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// Patterns of event types.
    pub event_types: Vec<String>,
    /// Names of the customer's own headers.
    pub header_names: Vec<String>,
    /// Only events of this campaign.
    pub campaign_id: Option<CampaignId>,
    /// Only events of this project.
    pub project_id: Option<ProjectId>,
    /// Whether events wait for each other.
    pub ordered: bool,
    /// Who hears of it when deliveries are stopped.
    pub notify_email: Option<Email>,
    /// Whether deliveries are made.
    pub status: WebhookStatus,
    /// Why they were stopped, if they were.
    pub disabled_reason: Option<DisabledReason>,
    /// When they were stopped, if they were.
    #[serde(with = "optional_seconds")]
    pub disabled_at: Option<DateTime<Utc>>,
    /// Until when the former secret is valid, if it was rotated.
    #[serde(with = "optional_seconds")]
    pub previous_secret_valid_until: Option<DateTime<Utc>>,
    /// When it was created.
    #[serde(with = "seconds")]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(with = "seconds")]
    pub updated_at: DateTime<Utc>,
}

/// Secrets and headers, sealed under the organization's key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookKeys {
    /// The secret.
    pub secret: String,
    /// Former secrets, the latest first.
    #[serde(default)]
    pub former: Vec<FormerSecret>,
    /// Names and values of the customer's own headers.
    pub headers: Option<String>,
}

/// Former secrets that are kept at most.
const MAX_FORMER: usize = 4;

impl Webhook {
    fn change_status(&mut self, status: WebhookStatus, reason: Option<DisabledReason>, at: DateTime<Utc>) {
        self.api.status = status;
        self.api.disabled_reason = reason;
        self.api.disabled_at = reason.map(|_| at);
    }

    fn set_headers(&mut self, headers: Option<&SealedHeaders>) {
        self.api.header_names = headers.map(|headers| headers.names.clone()).unwrap_or_default();
        self.keys.headers = headers.map(|headers| headers.sealed.clone());
    }

    fn change(&mut self, event: &WebhookEvent, at: DateTime<Utc>) {
        match event {
            WebhookEvent::Created(_) | WebhookEvent::Deleted(_) => {}
            WebhookEvent::Updated(updated) => {
                change::replace(&mut self.api.url, updated.url.as_ref());
                change::replace(&mut self.api.event_types, updated.event_types.as_ref());
                change::replace(&mut self.api.ordered, updated.ordered.as_ref());
                change::apply(&mut self.api.description, &updated.description);
                change::apply(&mut self.api.campaign_id, &updated.campaign_id);
                change::apply(&mut self.api.project_id, &updated.project_id);
                match &updated.notify_email {
                    Change::Keep => {}
                    Change::Clear => self.api.notify_email = None,
                    Change::Set(email) => self.api.notify_email = email.clear().cloned(),
                }
                match &updated.headers {
                    Change::Keep => {}
                    Change::Clear => self.set_headers(None),
                    Change::Set(headers) => self.set_headers(Some(headers)),
                }
            }
            WebhookEvent::Paused(_) => self.change_status(WebhookStatus::Paused, None, at),
            WebhookEvent::Resumed(_) | WebhookEvent::Enabled(_) => {
                self.change_status(WebhookStatus::Enabled, None, at);
            }
            WebhookEvent::Disabled(disabled) => {
                self.change_status(WebhookStatus::Disabled, Some(disabled.reason), at);
            }
            WebhookEvent::SecretRotated(rotated) => {
                let sealed = std::mem::replace(&mut self.keys.secret, rotated.sealed_secret.clone());
                let former = FormerSecret { sealed, valid_until: rotated.previous_valid_until };
                self.keys.former.insert(0, former);
                self.keys.former.truncate(MAX_FORMER);
                self.api.previous_secret_valid_until = Some(whole_seconds(rotated.previous_valid_until));
            }
        }
        self.api.updated_at = at;
    }
}

impl ReadModel for Webhook {
    type Event = WebhookEvent;
    const PREFIX: &'static str = WebhookId::PREFIX;
    const TABLE: &'static str = "webhooks";
    const COLUMNS: &'static [ColumnDef] = &[
        ColumnDef::text("status"),
        ColumnDef::text("keys"),
        ColumnDef::int("created_at"),
        ColumnDef::int("updated_at"),
    ];

    fn fold(row: Option<Self>, event: &Self::Event, recorded: &Recorded) -> Option<Self> {
        let at = whole_seconds(recorded.at);
        match event {
            WebhookEvent::Created(created) => {
                let mut row = Self {
                    organization_id: created.organization_id,
                    api: WebhookDocument {
                        id: created.webhook_id,
                        url: created.url.clone(),
                        description: created.description.clone(),
                        event_types: created.event_types.clone(),
                        header_names: Vec::new(),
                        campaign_id: created.campaign_id,
                        project_id: created.project_id,
                        ordered: created.ordered,
                        notify_email: created.notify_email.as_ref().and_then(Personal::clear).cloned(),
                        status: WebhookStatus::Enabled,
                        disabled_reason: None,
                        disabled_at: None,
                        previous_secret_valid_until: None,
                        created_at: at,
                        updated_at: at,
                    },
                    keys: WebhookKeys { secret: created.sealed_secret.clone(), ..WebhookKeys::default() },
                };
                row.set_headers(created.headers.as_ref());
                Some(row)
            }
            WebhookEvent::Deleted(_) => None,
            event => row.map(|mut row| {
                row.change(event, at);
                row
            }),
        }
    }

    fn id(&self) -> String {
        self.api.id.to_string()
    }

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn document(&self) -> serde_json::Result<String> {
        serde_json::to_string(&self.api)
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::text(self.api.status.as_str()),
            // Plain data: writing it as JSON cannot fail.
            Column::text(serde_json::to_string(&self.keys).unwrap_or_default()),
            time::column(self.api.created_at),
            time::column(self.api.updated_at),
        ]
    }

    fn groups(&self) -> Vec<(String, i64)> {
        let all = format!("webhooks/{}", self.organization_id);
        let by_status = format!("{all}/{}", self.api.status.as_str());
        vec![(all, 1), (by_status, 1)]
    }

    fn restore(organization: OrganizationId, document: &str, columns: &[Column]) -> serde_json::Result<Self> {
        let keys = Stored::new(Self::COLUMNS, columns).present_text("keys")?;
        Ok(Self {
            organization_id: organization,
            api: serde_json::from_str(document)?,
            keys: serde_json::from_str(keys)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use aggregates::webhook::{
        WebhookCreated, WebhookDeleted, WebhookDisabled, WebhookEnabled, WebhookPaused, WebhookSecretRotated,
        WebhookUpdated,
    };
    use serde_json::json;

    use super::*;
    use crate::testing::{at, folded, id, scopes, shown};

    fn created() -> WebhookEvent {
        WebhookEvent::Created(WebhookCreated {
            webhook_id: id(3),
            organization_id: id(1),
            url: "https://example.com/hook".to_owned(),
            description: None,
            event_types: vec!["*".to_owned()],
            campaign_id: None,
            project_id: Some(id(5)),
            ordered: false,
            notify_email: Some(Email::parse("ops@example.com").expect("good").into()),
            headers: Some(SealedHeaders { names: vec!["x-key".to_owned()], sealed: "sealed headers".to_owned() }),
            sealed_secret: "first".to_owned(),
        })
    }

    #[test]
    fn neither_secret_nor_header_values_are_shown() {
        let rotated = |secret: &str| {
            WebhookEvent::SecretRotated(WebhookSecretRotated {
                sealed_secret: secret.to_owned(),
                previous_valid_until: at(1_705_401_000),
            })
        };
        let row: Webhook = folded(&[created(), rotated("second"), rotated("third")]).expect("a row");
        let document = shown(&row);
        assert_eq!(document["headerNames"], json!(["x-key"]));
        assert_eq!(document["notifyEmail"], "ops@example.com");
        assert_eq!(document["previousSecretValidUntil"], "2024-01-16T10:30:00Z");
        let text = document.to_string();
        assert!(!text.contains("third") && !text.contains("sealed"), "{text}");
        assert_eq!(row.keys.secret, "third");
        assert_eq!(
            row.keys.former.iter().map(|former| former.sealed.as_str()).collect::<Vec<_>>(),
            ["second", "first"]
        );
        assert_eq!(row.keys.headers.as_deref(), Some("sealed headers"));
    }

    #[test]
    fn status_and_details_follow_the_events() {
        let disabled = WebhookEvent::Disabled(WebhookDisabled { reason: DisabledReason::Gone });
        let row: Webhook = folded(&[created(), disabled.clone()]).expect("a row");
        let document = shown(&row);
        assert_eq!((&document["status"], &document["disabledReason"]), (&json!("disabled"), &json!("gone")));
        assert_eq!(document["disabledAt"], "2024-01-15T10:30:10Z");
        assert_eq!(
            scopes(&row),
            [format!("webhooks/{}", id::<OrganizationId>(1)), format!("webhooks/{}/disabled", id::<OrganizationId>(1))]
        );

        let updated = WebhookUpdated {
            url: Some("https://example.org/".to_owned()),
            notify_email: Change::Clear,
            headers: Change::Clear,
            project_id: Change::Clear,
            ordered: Some(true),
            ..WebhookUpdated::default()
        };
        let enabled = WebhookEvent::Enabled(WebhookEnabled {});
        let paused = WebhookEvent::Paused(WebhookPaused {});
        let row: Webhook =
            folded(&[created(), disabled, enabled, paused, WebhookEvent::Updated(updated)]).expect("a row");
        let document = shown(&row);
        assert_eq!((&document["status"], &document["disabledAt"]), (&json!("paused"), &json!(null)));
        assert_eq!((&document["url"], &document["ordered"]), (&json!("https://example.org/"), &json!(true)));
        assert_eq!((&document["headerNames"], &document["notifyEmail"]), (&json!([]), &json!(null)));
        assert_eq!(document["updatedAt"], "2024-01-15T10:30:40Z");
        assert_eq!(row.keys.headers, None);
        assert_eq!(folded::<Webhook>(&[created(), WebhookEvent::Deleted(WebhookDeleted {})]), None);
    }
}

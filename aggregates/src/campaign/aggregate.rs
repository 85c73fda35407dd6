//! The campaign's state and rules.

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Entity,
    campaign::{
        CampaignArchived, CampaignCommand, CampaignCreated, CampaignError, CampaignEvent, CampaignPatch,
        CampaignPaused, CampaignResumed, CampaignUpdated,
    },
    id::{CampaignId, OrganizationId, ProjectId, ScriptId},
    invite::InviteTerms,
    value::{Change, Document, Metadata, Validator, parse_expiry, settings},
};

/// A campaign, as far as its rules need to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// Its id, once it exists.
    pub id: Option<CampaignId>,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The script that it uses.
    pub script_id: ScriptId,
    /// The version of the script.
    pub script_version: u32,
    /// The project that it belongs to.
    pub project_id: Option<ProjectId>,
    /// Where it stands.
    pub status: CampaignStatus,
    /// What applied before its own settings.
    pub inherited_settings: Document,
    /// Its own settings.
    pub own_settings: Document,
    /// Defaults for its invites.
    pub invite_defaults: Document,
    /// The customer's own keys.
    pub metadata: Metadata,
}

/// Where a campaign stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignStatus {
    /// It takes invites.
    #[default]
    Active,
    /// It takes no new invites; existing links keep working.
    Paused,
    /// It is over; its links are refused.
    Archived,
}

impl CampaignStatus {
    /// The names in the API.
    pub const NAMES: [(&'static str, Self); 3] =
        [("active", Self::Active), ("paused", Self::Paused), ("archived", Self::Archived)];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Archived => "archived",
        }
    }
}

impl Campaign {
    /// The settings that apply: defaults < organization < script < campaign (contract 16).
    pub fn settings(&self) -> Document {
        settings::resolve(&[&self.inherited_settings, &self.own_settings])
    }

    /// Whether an address may be invited only once (contract 19).
    pub fn unique_email(&self) -> bool {
        self.settings().get("uniqueEmail").and_then(serde_json::Value::as_bool).unwrap_or(false)
    }

    /// What applies to invites that are created now, unless they say otherwise.
    pub fn invite_terms(&self, now: DateTime<Utc>) -> InviteTerms {
        let text = |key| self.invite_defaults.get(key).and_then(serde_json::Value::as_str);
        InviteTerms {
            now,
            expires_in: text("expiresIn").and_then(|text| parse_expiry(text).ok()),
            email_template: text("emailTemplate").map(str::to_owned),
        }
    }

    /// Whether new invites may be created.
    ///
    /// # Errors
    /// When the campaign is paused or archived.
    pub fn admit_invites(&self) -> Result<(), CampaignError> {
        match self.status {
            CampaignStatus::Paused => Err(CampaignError::Paused),
            CampaignStatus::Active | CampaignStatus::Archived => self.admit_links(),
        }
    }

    /// Whether the links of its invites work, and may be sent again (contract 15).
    ///
    /// # Errors
    /// When the campaign is archived.
    pub fn admit_links(&self) -> Result<(), CampaignError> {
        match (self.id, self.status) {
            (None, _) => Err(CampaignError::NotFound),
            (_, CampaignStatus::Archived) => Err(CampaignError::Archived),
            (_, CampaignStatus::Active | CampaignStatus::Paused) => Ok(()),
        }
    }

    fn update(&self, patch: CampaignPatch) -> Result<Vec<CampaignEvent>, CampaignError> {
        let mut validator = Validator::new();
        // A client may send back what it has read, so the present values are no error.
        if patch.status.is_some_and(|status| status != self.status) {
            let message = "cannot be patched; use POST /pause, POST /resume or POST /archive";
            validator.error("status", "not_allowed", message);
        }
        if patch.script_id.is_some_and(|script_id| script_id != self.script_id) {
            validator.error("scriptId", "not_allowed", "cannot be changed; create another campaign");
        }
        let own_settings = settings::merged(&self.own_settings, patch.settings, "settings", &mut validator);
        let invite_defaults =
            settings::merged(&self.invite_defaults, patch.invite_defaults, "inviteDefaults", &mut validator);
        let metadata = match patch.metadata {
            Change::Keep => None,
            Change::Clear => Some(Metadata::default()),
            Change::Set(change) => Some(self.metadata.patched(&change, "metadata", &mut validator)),
        };
        validator.finish(()).map_err(CampaignError::Invalid)?;
        let updated = CampaignUpdated {
            name: patch.name.filter(|name| *name != self.name),
            description: patch.description.against(self.description.as_ref()),
            project_id: patch.project_id.against(self.project_id.as_ref()),
            settings: own_settings,
            invite_defaults,
            metadata: metadata.filter(|metadata| *metadata != self.metadata),
        };
        // What an archived campaign is called may still change; how it works may not.
        let works_differently = updated.settings.is_some() || updated.invite_defaults.is_some();
        if self.status == CampaignStatus::Archived && works_differently {
            return Err(CampaignError::Archived);
        }
        let unchanged = updated == CampaignUpdated::default();
        Ok(if unchanged { Vec::new() } else { vec![CampaignEvent::Updated(updated)] })
    }
}

impl Entity for Campaign {
    type Id = CampaignId;

    fn organization_id(&self) -> Option<OrganizationId> {
        self.id.map(|_| self.organization_id)
    }

    fn decide(&self, command: CampaignCommand) -> Result<Vec<CampaignEvent>, CampaignError> {
        match (command, self.status) {
            (CampaignCommand::Create { .. }, _) if self.id.is_some() => Err(CampaignError::AlreadyExists),
            (CampaignCommand::Create { campaign_id, organization_id, campaign, script, organization_settings }, _) => {
                let defaults = settings::defaults();
                Ok(vec![CampaignEvent::Created(CampaignCreated {
                    campaign_id,
                    organization_id,
                    name: campaign.name,
                    description: campaign.description,
                    script_id: script.script_id(),
                    script_version: script.version(),
                    project_id: campaign.project_id,
                    inherited_settings: settings::resolve(&[&defaults, &organization_settings, script.settings()]),
                    settings: campaign.settings,
                    invite_defaults: campaign.invite_defaults,
                    metadata: campaign.metadata,
                })])
            }
            _ if self.id.is_none() => Err(CampaignError::NotFound),
            (CampaignCommand::Update(patch), _) => self.update(patch),
            (_, CampaignStatus::Archived) => Err(CampaignError::Archived),
            (CampaignCommand::Pause, CampaignStatus::Paused) => Err(CampaignError::AlreadyPaused),
            (CampaignCommand::Pause, _) => Ok(vec![CampaignEvent::Paused(CampaignPaused {})]),
            (CampaignCommand::Resume, CampaignStatus::Active) => Err(CampaignError::AlreadyActive),
            (CampaignCommand::Resume, _) => Ok(vec![CampaignEvent::Resumed(CampaignResumed {})]),
            (CampaignCommand::Archive, _) => Ok(vec![CampaignEvent::Archived(CampaignArchived {})]),
        }
    }
}

impl Aggregate for Campaign {
    const TYPE: &'static str = "campaign";
    type Command = CampaignCommand;
    type Event = CampaignEvent;
    type Error = CampaignError;
    type Services = ();

    async fn handle(&mut self, command: CampaignCommand, (): &(), sink: &EventSink<Self>) -> Result<(), CampaignError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: CampaignEvent) {
        match event {
            CampaignEvent::Created(created) => {
                self.id = Some(created.campaign_id);
                self.organization_id = created.organization_id;
                self.name = created.name;
                self.description = created.description;
                self.script_id = created.script_id;
                self.script_version = created.script_version;
                self.project_id = created.project_id;
                self.inherited_settings = created.inherited_settings;
                self.own_settings = created.settings;
                self.invite_defaults = created.invite_defaults;
                self.metadata = created.metadata;
            }
            CampaignEvent::Updated(updated) => {
                if let Some(name) = updated.name {
                    self.name = name;
                }
                updated.description.apply_to(&mut self.description);
                updated.project_id.apply_to(&mut self.project_id);
                if let Some(settings) = updated.settings {
                    self.own_settings = settings;
                }
                if let Some(defaults) = updated.invite_defaults {
                    self.invite_defaults = defaults;
                }
                if let Some(metadata) = updated.metadata {
                    self.metadata = metadata;
                }
            }
            CampaignEvent::Paused(CampaignPaused {}) => self.status = CampaignStatus::Paused,
            CampaignEvent::Resumed(CampaignResumed {}) => self.status = CampaignStatus::Active,
            CampaignEvent::Archived(CampaignArchived {}) => self.status = CampaignStatus::Archived,
        }
    }
}

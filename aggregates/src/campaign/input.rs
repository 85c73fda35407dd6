//! What callers send about campaigns.

use crate::{
    Refusal,
    campaign::CampaignStatus,
    id::{ProjectId, ScriptId},
    value::{Change, Document, Input, Metadata, Reader, Validator, settings, without_nulls},
};

/// The body of `POST /v1/campaigns`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewCampaignInput {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The script to use.
    pub script_id: String,
    /// The project to assign it to.
    pub project_id: Option<String>,
    /// Its own settings.
    pub settings: Option<Document>,
    /// Defaults for its invites.
    pub invite_defaults: Option<Document>,
    /// The customer's own keys.
    pub metadata: Option<Document>,
}

/// A new campaign whose fields keep the rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewCampaign {
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// What it is for, up to 500 characters.
    pub description: Option<String>,
    /// The script to use; whether it exists is for the caller to find out.
    pub script_id: ScriptId,
    /// The project to assign it to; whether it exists is for the caller to find out.
    pub project_id: Option<ProjectId>,
    /// Its own settings.
    pub settings: Document,
    /// Defaults for its invites.
    pub invite_defaults: Document,
    /// The customer's own keys.
    pub metadata: Metadata,
}

impl Input for NewCampaignInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            name: fields.required("name"),
            description: fields.optional("description"),
            script_id: fields.required("scriptId"),
            project_id: fields.optional("projectId"),
            settings: fields.settings("settings"),
            invite_defaults: fields.invite_defaults("inviteDefaults"),
            metadata: fields.optional("metadata"),
        }
    }
}

impl NewCampaignInput {
    /// Checks the fields.
    ///
    /// # Errors
    /// A validation refusal with every field that breaks a rule.
    pub fn validate(self) -> Result<NewCampaign, Refusal> {
        let mut validator = Validator::new();
        let (own, defaults) = (self.settings.unwrap_or_default(), self.invite_defaults.unwrap_or_default());
        settings::check(&own, "settings", &mut validator);
        settings::check_invite_defaults(&defaults, "inviteDefaults", &mut validator);
        let campaign = NewCampaign {
            name: validator.name("name", &self.name),
            description: validator.description("description", self.description.as_deref()),
            script_id: validator.id("scriptId", &self.script_id),
            project_id: self.project_id.map(|id| validator.id("projectId", &id)),
            settings: without_nulls(&own),
            invite_defaults: without_nulls(&defaults),
            metadata: Metadata::check(self.metadata.unwrap_or_default(), "metadata", &mut validator),
        };
        validator.refuse(campaign)
    }
}

/// The body of `PATCH /v1/campaigns/{campaignId}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CampaignPatchInput {
    /// The new name.
    pub name: Change<String>,
    /// The new description.
    pub description: Change<String>,
    /// The new project.
    pub project_id: Change<String>,
    /// A merge-patch of the settings.
    pub settings: Change<Document>,
    /// A merge-patch of the invite defaults.
    pub invite_defaults: Change<Document>,
    /// A merge-patch of the metadata.
    pub metadata: Change<Document>,
    /// Only the status that the campaign has already.
    pub status: Change<String>,
    /// Only the script that the campaign has already.
    pub script_id: Change<String>,
}

/// A patch of a campaign whose fields keep the rules, as far as that can be told without the campaign.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CampaignPatch {
    /// The new name.
    pub name: Option<String>,
    /// The new description.
    pub description: Change<String>,
    /// The new project; whether it exists is for the caller to find out.
    pub project_id: Change<ProjectId>,
    /// A merge-patch of the settings.
    pub settings: Change<Document>,
    /// A merge-patch of the invite defaults.
    pub invite_defaults: Change<Document>,
    /// A merge-patch of the metadata.
    pub metadata: Change<Document>,
    /// The status that the caller takes the campaign to have.
    pub status: Option<CampaignStatus>,
    /// The script that the caller takes the campaign to use.
    pub script_id: Option<ScriptId>,
}

impl Input for CampaignPatchInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            name: fields.change("name"),
            description: fields.change("description"),
            project_id: fields.change("projectId"),
            settings: fields.settings_change("settings"),
            invite_defaults: fields.invite_defaults_change("inviteDefaults"),
            metadata: fields.change("metadata"),
            status: fields.change("status"),
            script_id: fields.change("scriptId"),
        }
    }
}

impl CampaignPatchInput {
    /// Checks the fields.
    ///
    /// # Errors
    /// A validation refusal with every field that breaks a rule.
    pub fn validate(self) -> Result<CampaignPatch, Refusal> {
        let mut validator = Validator::new();
        if let Change::Set(patch) = &self.settings {
            settings::check(patch, "settings", &mut validator);
        }
        if let Change::Set(patch) = &self.invite_defaults {
            settings::check_invite_defaults(patch, "inviteDefaults", &mut validator);
        }
        if let Change::Set(patch) = &self.metadata {
            let _ = Metadata::default().patched(patch, "metadata", &mut validator);
        }
        let status = validator.required_change("status", self.status);
        let script_id = validator.required_change("scriptId", self.script_id);
        let patch = CampaignPatch {
            name: validator.name_change("name", self.name),
            description: validator.description_change("description", self.description),
            project_id: self.project_id.map(|id| validator.id("projectId", &id)),
            settings: self.settings,
            invite_defaults: self.invite_defaults,
            metadata: self.metadata,
            status: status.and_then(|text| validator.one_of("status", &text, &CampaignStatus::NAMES)),
            script_id: script_id.map(|id| validator.id("scriptId", &id)),
        };
        validator.refuse(patch)
    }
}

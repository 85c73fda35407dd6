//! What can happen to a campaign.

use serde::{Deserialize, Serialize};

use crate::{
    Payload,
    event::events,
    id::{CampaignId, OrganizationId, ProjectId, ScriptId},
    value::{Change, Document, Metadata},
};

events! {
    /// Events of a campaign's stream.
    CampaignEvent {
        /// See [`CampaignCreated`].
        Created(CampaignCreated),
        /// See [`CampaignUpdated`].
        Updated(CampaignUpdated),
        /// See [`CampaignPaused`].
        Paused(CampaignPaused),
        /// See [`CampaignResumed`].
        Resumed(CampaignResumed),
        /// See [`CampaignArchived`].
        Archived(CampaignArchived),
    }
}

/// A campaign was started on a published version of a script (contract 15).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CampaignCreated {
    /// The new campaign.
    pub campaign_id: CampaignId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// What it is for, up to 500 characters.
    pub description: Option<String>,
    /// The script.
    pub script_id: ScriptId,
    /// The version of the script that the campaign is pinned to.
    pub script_version: u32,
    /// The project that it belongs to.
    pub project_id: Option<ProjectId>,
    /// What applied before the campaign's own settings: defaults < organization < script (contract 16).
    pub inherited_settings: Document,
    /// The campaign's own settings, which win.
    pub settings: Document,
    /// Defaults for its invites: `expiresIn`, `emailTemplate`, and whatever else was given.
    pub invite_defaults: Document,
    /// The customer's own keys.
    pub metadata: Metadata,
}

impl Payload for CampaignCreated {
    const NAME: &'static str = "campaign.created";
}

/// Details changed; what is absent stayed as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CampaignUpdated {
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub description: Change<String>,
    /// The new project.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub project_id: Change<ProjectId>,
    /// The campaign's own settings, whole, after the merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Document>,
    /// The invite defaults, whole, after the merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite_defaults: Option<Document>,
    /// The metadata, whole, after the merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

impl Payload for CampaignUpdated {
    const NAME: &'static str = "campaign.updated";
}

/// No new invites for now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignPaused {}

impl Payload for CampaignPaused {
    const NAME: &'static str = "campaign.paused";
}

/// Invites are possible again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignResumed {}

impl Payload for CampaignResumed {
    const NAME: &'static str = "campaign.resumed";
}

/// The campaign is over; its links are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignArchived {}

impl Payload for CampaignArchived {
    const NAME: &'static str = "campaign.archived";
}

//! What can be asked of a campaign.

use crate::{
    campaign::{CampaignPatch, NewCampaign},
    id::{CampaignId, OrganizationId},
    script::PinnedScript,
    value::Document,
};

/// Commands of a campaign.
#[derive(Clone, Debug, PartialEq)]
pub enum CampaignCommand {
    /// Starts it.
    Create {
        /// The new campaign.
        campaign_id: CampaignId,
        /// Its organization.
        organization_id: OrganizationId,
        /// What it is.
        campaign: NewCampaign,
        /// The published version that it uses.
        script: PinnedScript,
        /// The organization's settings, which the script's override.
        organization_settings: Document,
    },
    /// Changes its details and settings.
    Update(CampaignPatch),
    /// Stops new invites for now.
    Pause,
    /// Allows new invites again.
    Resume,
    /// Ends it.
    Archive,
}

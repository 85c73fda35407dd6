//! Campaigns as the OpenAPI document describes them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Settings of a campaign. Other keys are kept as they are.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"voice": "alloy", "language": "en", "maxDuration": 1800, "requireConsent": true}))]
pub struct CampaignSettings {
    /// The interviewer's voice.
    pub voice: Option<String>,
    /// The interview's language.
    pub language: Option<String>,
    /// The longest interview, in seconds.
    #[schema(minimum = 10, maximum = 14400)]
    pub max_duration: Option<i64>,
    /// Whether an interview needs the participant's consent.
    pub require_consent: Option<bool>,
    /// Whether an address can be invited only once.
    pub unique_email: Option<bool>,
    /// Any other key.
    #[serde(flatten)]
    pub other: HashMap<String, Value>,
}

/// Defaults for the invites of a campaign. Other keys are kept as they are.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"expiresIn": "7d", "emailTemplate": "default"}))]
pub struct InviteDefaults {
    /// Validity period: a whole number and `m`, `h`, `d` or `w`.
    pub expires_in: Option<String>,
    /// The template of the mails.
    pub email_template: Option<String>,
    /// Any other key.
    #[serde(flatten)]
    pub other: HashMap<String, Value>,
}

/// The body of a new campaign.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "name": "Q1 Customer Feedback", "description": "Quarterly feedback interviews with enterprise customers",
    "scriptId": "scr_01hm6x3k5vf8qbw2d9z7c4n0ta", "projectId": "prj_01hm6x3k5vf8qbw2d9z7c4n0tb",
    "settings": {"voice": "alloy", "language": "en", "maxDuration": 1800, "requireConsent": true},
    "inviteDefaults": {"expiresIn": "7d", "emailTemplate": "default"},
}))]
pub struct NewCampaign {
    /// Campaign name.
    #[schema(max_length = 100)]
    pub name: String,
    /// Campaign description.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// The interview script to use; it must be published.
    pub script_id: String,
    /// The project to assign the campaign to.
    pub project_id: Option<String>,
    /// Settings, on top of those of the script.
    pub settings: Option<CampaignSettings>,
    /// Defaults for invites.
    pub invite_defaults: Option<InviteDefaults>,
    /// Your own keys; values are strings, numbers or booleans.
    pub metadata: Option<HashMap<String, Value>>,
}

/// What can be changed of a campaign.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"name": "Q2 Customer Feedback", "settings": {"voice": "echo"}}))]
pub struct CampaignPatch {
    /// Campaign name.
    #[schema(max_length = 100)]
    pub name: Option<String>,
    /// Campaign description.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// The project to assign the campaign to.
    pub project_id: Option<String>,
    /// A merge-patch of the campaign's own settings; `null` inherits again.
    pub settings: Option<CampaignSettings>,
    /// A merge-patch of the defaults for invites.
    pub invite_defaults: Option<InviteDefaults>,
    /// A merge-patch of your own keys.
    pub metadata: Option<HashMap<String, Value>>,
}

/// What has come of a campaign so far.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CampaignStats {
    /// Invites, whatever became of them.
    pub total_invites: u64,
    /// Sessions that were completed.
    pub completed_sessions: u64,
    /// The average duration of those, in whole seconds.
    pub average_duration: u64,
}

/// Where a campaign stands.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CampaignStatus {
    /// It takes invites.
    Active,
    /// It takes no new invites; existing links keep working.
    Paused,
    /// It is over; its links are refused.
    Archived,
}

/// A campaign.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "cam_01hm6x3k5vf8qbw2d9z7c4n0tc", "name": "Q1 Customer Feedback",
    "description": "Quarterly feedback interviews with enterprise customers",
    "scriptId": "scr_01hm6x3k5vf8qbw2d9z7c4n0ta", "scriptVersion": 1,
    "projectId": "prj_01hm6x3k5vf8qbw2d9z7c4n0tb", "status": "active",
    "settings": {"voice": "alloy", "language": "en", "maxDuration": 1800, "requireConsent": true},
    "inviteDefaults": {"expiresIn": "7d", "emailTemplate": "default"}, "metadata": {},
    "createdAt": "2024-01-15T10:30:00Z", "updatedAt": "2024-01-15T10:30:00Z",
    "stats": {"totalInvites": 0, "completedSessions": 0, "averageDuration": 0},
}))]
pub struct Campaign {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[schema(required)]
    pub description: Option<String>,
    /// The script.
    pub script_id: String,
    /// The version of the script that it uses.
    pub script_version: u32,
    /// The project that it belongs to.
    #[schema(required)]
    pub project_id: Option<String>,
    /// Where it stands.
    pub status: CampaignStatus,
    /// The settings in force: defaults, organization, script and campaign laid over each other.
    pub settings: CampaignSettings,
    /// Defaults for its invites.
    pub invite_defaults: InviteDefaults,
    /// Your own keys.
    pub metadata: HashMap<String, Value>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// What has come of it so far.
    pub stats: CampaignStats,
}

/// Which campaigns to list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct CampaignFilters {
    /// Only those that stand here: `active`, `paused` or `archived`.
    pub status: Option<String>,
    /// Only those of this project.
    pub project_id: Option<String>,
    /// Only those whose name contains this text; letter case does not matter.
    pub search: Option<String>,
    /// `createdAt`, `name` or `updatedAt`.
    #[param(default = "createdAt")]
    pub sort: Option<String>,
}

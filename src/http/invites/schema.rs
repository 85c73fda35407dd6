//! Invites as the OpenAPI document describes them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// The body of a new invite.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "email": "participant@example.com", "name": "Jane Doe", "sendEmail": true, "expiresIn": "7d",
    "metadata": {"userId": "12345", "segment": "enterprise"},
}))]
pub struct NewInvite {
    /// Participant email address.
    #[schema(format = "email")]
    pub email: String,
    /// Participant display name.
    #[schema(max_length = 100)]
    pub name: Option<String>,
    /// Whether to send the invite email.
    #[schema(default = true)]
    pub send_email: Option<bool>,
    /// Validity period: a whole number and `m`, `h`, `d` or `w`. Overrides the campaign's default.
    #[schema(example = "7d")]
    pub expires_in: Option<String>,
    /// Exact expiry date. Takes precedence over `expiresIn`.
    pub expires_at: Option<DateTime<Utc>>,
    /// Your own keys; values are strings, numbers or booleans.
    pub metadata: Option<HashMap<String, Value>>,
    /// Email template to use. Default: that of the campaign.
    pub email_template: Option<String>,
}

/// The body of many new invites. What stands beside the items holds for those that do not say themselves.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "invites": [
        {"email": "alice@example.com", "name": "Alice", "metadata": {"segment": "trial"}},
        {"email": "bob@example.com", "name": "Bob", "metadata": {"segment": "enterprise"}},
    ],
    "sendEmail": true, "expiresIn": "7d",
}))]
pub struct NewInvites {
    /// Whom to invite.
    #[schema(min_items = 1, max_items = 500)]
    pub invites: Vec<NewInvite>,
    /// Whether to send the invite emails.
    #[schema(default = true)]
    pub send_email: Option<bool>,
    /// Validity period.
    pub expires_in: Option<String>,
    /// Exact expiry date.
    pub expires_at: Option<DateTime<Utc>>,
    /// Email template to use.
    pub email_template: Option<String>,
}

/// Where an invite stands.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InviteStatus {
    /// It waits for the participant.
    Pending,
    /// The interview has begun.
    Started,
    /// The interview is over.
    Completed,
    /// Its time ran out before it was started.
    Expired,
    /// It was withdrawn.
    Cancelled,
}

/// What became of the mail with the link.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmailStatus {
    /// None was asked for.
    NotSent,
    /// It is to be sent.
    Queued,
    /// It was handed over.
    Sent,
    /// It arrived.
    Delivered,
    /// It was read.
    Opened,
    /// It came back.
    Bounced,
    /// It could not be handed over.
    Failed,
}

/// An invite.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "inv_01hm6x3k5vf8qbw2d9z7c4n0td", "campaignId": "cam_01hm6x3k5vf8qbw2d9z7c4n0tc",
    "email": "participant@example.com", "name": "Jane Doe", "status": "pending", "emailStatus": "sent",
    "expiresAt": "2024-01-22T10:30:00Z", "metadata": {"userId": "12345", "segment": "enterprise"},
    "emailTemplate": null, "createdAt": "2024-01-15T10:30:00Z", "updatedAt": "2024-01-15T10:30:00Z",
    "token": "inv_8f7d9e2c1a0b3h4k5j6m8f7d9e2c1a0b3h4k5j6m8f7",
    "inviteUrl": "https://interviewrelay.com/interview/inv_8f7d9e2c1a0b3h4k5j6m8f7d9e2c1a0b3h4k5j6m8f7",
}))]
pub struct Invite {
    /// Its id.
    pub id: String,
    /// Its campaign.
    pub campaign_id: String,
    /// Participant email address; null once the person was erased.
    #[schema(required)]
    pub email: Option<String>,
    /// Participant display name.
    #[schema(required)]
    pub name: Option<String>,
    /// Where it stands.
    pub status: InviteStatus,
    /// What became of its mail.
    pub email_status: EmailStatus,
    /// The first second at which it can no longer be started.
    pub expires_at: DateTime<Utc>,
    /// Your own keys.
    pub metadata: HashMap<String, Value>,
    /// The template of its mail; null for the default one.
    #[schema(required)]
    pub email_template: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// The credential in the participant's link.
    pub token: String,
    /// The participant's link.
    pub invite_url: String,
}

/// An item that was not created.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct BulkError {
    /// Its place in the request, from 0.
    pub index: usize,
    /// Its address, as far as it had one.
    #[schema(required)]
    pub email: Option<String>,
    /// `VALIDATION_ERROR`, or `CONFLICT` for an address that is invited already.
    pub code: String,
    /// What is wrong with it.
    pub message: String,
}

/// How many.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct BulkSummary {
    /// Items in the request.
    pub requested: usize,
    /// Invites that were created.
    pub created: usize,
    /// Items that were not.
    pub failed: usize,
}

/// What became of a bulk request.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({
    "data": [{
        "id": "inv_01hm6x3k5vf8qbw2d9z7c4n0tn", "campaignId": "cam_01hm6x3k5vf8qbw2d9z7c4n0tc",
        "email": "alice@example.com", "name": "Alice", "status": "pending", "emailStatus": "queued",
        "expiresAt": "2024-01-22T10:30:00Z", "metadata": {"segment": "trial"}, "emailTemplate": null,
        "createdAt": "2024-01-15T10:30:00Z", "updatedAt": "2024-01-15T10:30:00Z",
        "token": "inv_2b5c8d1e4f7a0h3j6k9m2b5c8d1e4f7a0h3j6k9m2b5",
        "inviteUrl": "https://interviewrelay.com/interview/inv_2b5c8d1e4f7a0h3j6k9m2b5c8d1e4f7a0h3j6k9m2b5",
    }],
    "errors": [{
        "index": 1, "email": "bob@example.com", "code": "CONFLICT",
        "message": "This address has an invite of this campaign already.",
    }],
    "summary": {"requested": 2, "created": 1, "failed": 1},
}))]
pub struct BulkResult {
    /// The new invites, in the order of the request.
    pub data: Vec<Invite>,
    /// The items that were not created.
    pub errors: Vec<BulkError>,
    /// How many.
    pub summary: BulkSummary,
}

/// Which invites to list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct InviteFilters {
    /// Only those that stand here: `pending`, `started`, `completed`, `expired` or `cancelled`.
    pub status: Option<String>,
    /// Only those of this address; letter case does not matter.
    pub email: Option<String>,
    /// `createdAt`.
    #[param(default = "createdAt")]
    pub sort: Option<String>,
}

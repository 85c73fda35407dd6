//! Organizations as the OpenAPI document describes them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Settings that scripts and campaigns of the organization override. Other keys are kept as they are.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"language": "en", "voice": "alloy", "maxDuration": 1800, "requireConsent": true}))]
pub struct OrganizationSettings {
    /// The interviewer's voice.
    pub voice: Option<String>,
    /// The language of interviews, and of the mails that invite members.
    pub language: Option<String>,
    /// The longest interview, in seconds.
    #[schema(minimum = 10, maximum = 14400)]
    pub max_duration: Option<i64>,
    /// Whether an interview needs the participant's consent.
    pub require_consent: Option<bool>,
    /// Whether an address can be invited only once per campaign.
    pub unique_email: Option<bool>,
    /// Any other key.
    #[serde(flatten)]
    pub other: HashMap<String, Value>,
}

/// A change of the organization: what is absent stays, `null` clears.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "name": "Acme", "domain": "interviews.acme.example", "brandColor": "#6366F1", "settings": {"language": "de"},
}))]
pub struct OrganizationPatch {
    /// Organization name.
    #[schema(max_length = 100)]
    pub name: Option<String>,
    /// Logo URL for white-label branding: an `https://` address, which is shown to API callers and never fetched. To have
    /// the logo on the interview page and in documents, upload it with `POST /v1/organization/logo`.
    #[schema(max_length = 2048)]
    pub logo: Option<String>,
    /// Custom domain for interview links. It must lead to this server, over HTTPS.
    pub domain: Option<String>,
    /// The organization's colour, as a hex code.
    pub brand_color: Option<String>,
    /// A merge-patch of the settings. Campaigns take settings over when they are created.
    pub settings: Option<OrganizationSettings>,
}

/// The form that brings the organization's logo.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"file": "(the bytes of logo.png)"}))]
pub struct NewLogo {
    /// The picture, with its file name: PNG or JPEG, at most 1 MiB, at most 4,000 pixels wide and high.
    #[schema(value_type = String, format = Binary)]
    pub file: String,
}

/// An organization.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "org_01hm6x3k5vf8qbw2d9z7c4n0t9", "name": "Acme",
    "logo": "https://relay.example.com/logos/fil_01hm6gb9v4e9ttpzg6q1x1e0c5", "domain": "interviews.acme.example",
    "brandColor": "#6366F1", "plan": "professional", "settings": {"language": "de"},
    "createdAt": "2024-01-15T10:30:00Z", "updatedAt": "2024-01-15T10:30:00Z",
}))]
pub struct Organization {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The address of its logo. That of an uploaded one works without an API key, and changes with the picture.
    #[schema(required)]
    pub logo: Option<String>,
    /// The domain of its interview links; this server's own where null.
    #[schema(required)]
    pub domain: Option<String>,
    /// Its colour, as a hex code.
    #[schema(required)]
    pub brand_color: Option<String>,
    /// `free`, `starter`, `professional` or `enterprise`.
    pub plan: String,
    /// Its own settings.
    pub settings: OrganizationSettings,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

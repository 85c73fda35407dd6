//! What a participant sees of an interview; written as it is, and described so by the OpenAPI document.

use aggregates::consent::{ConsentText as Text, ConsentType};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::invites::schema::InviteStatus;

/// An invite, as far as its participant is concerned.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterviewInvite {
    /// Where it stands.
    #[schema(value_type = InviteStatus)]
    pub status: &'static str,
    /// The first second at which the interview can no longer be started.
    #[schema(format = DateTime)]
    pub expires_at: String,
    /// How to address the participant.
    #[schema(required)]
    pub name: Option<String>,
}

/// What the interview is about.
#[derive(Serialize, ToSchema)]
pub struct InterviewCampaign {
    /// The campaign's id.
    pub id: String,
    /// The campaign's name.
    pub name: String,
}

/// Who asks for the interview.
#[derive(Serialize, ToSchema)]
pub struct InterviewOrganization {
    /// Its name.
    pub name: String,
    /// Address of its logo.
    #[schema(required)]
    pub logo: Option<String>,
}

/// A text that the participant is asked to agree to.
#[derive(Serialize, ToSchema)]
pub struct ConsentText {
    /// What it asks consent to: `recording` or `data_processing`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: ConsentType,
    /// Counts up with every new wording.
    pub version: u32,
    /// Its language.
    pub locale: &'static str,
    /// The exact words.
    pub text: &'static str,
    /// SHA-256 of the exact words, in hexadecimal.
    pub sha256: String,
}

impl From<Text> for ConsentText {
    fn from(text: Text) -> Self {
        let Text { kind, version, locale, text: words } = text;
        Self { kind, version, locale, text: words, sha256: text.sha256() }
    }
}

/// What the participant is asked to agree to.
#[derive(Serialize, ToSchema)]
pub struct InterviewConsent {
    /// Whether the interview cannot start without it.
    pub required: bool,
    /// The texts to show, in the language of the interview where there are any, and in English otherwise.
    pub texts: Vec<ConsentText>,
}

/// The session of an invite, as far as its participant is concerned.
#[derive(Serialize, ToSchema)]
pub struct InterviewSession {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub status: String,
}

/// An interview, before it begins.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "invite": {"status": "pending", "expiresAt": "2024-01-22T10:30:00Z", "name": "Jane Doe"},
    "campaign": {"id": "cam_01hm6x3k5vf8qbw2d9z7c4n0tc", "name": "Q1 Customer Feedback"},
    "organization": {"name": "Acme", "logo": null}, "language": "en", "totalQuestions": 8,
    "consent": {"required": true, "texts": [{
        "type": "recording", "version": 1, "locale": "en", "text": "I agree that this interview is recorded…",
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    }]},
    "session": null,
}))]
pub struct Interview {
    /// The invite.
    pub invite: InterviewInvite,
    /// What it is about.
    pub campaign: InterviewCampaign,
    /// Who asks for it.
    pub organization: InterviewOrganization,
    /// The language of the interview.
    pub language: String,
    /// The number of questions of the script, without follow-ups.
    pub total_questions: usize,
    /// What the participant is asked to agree to.
    pub consent: InterviewConsent,
    /// The session, once there is one.
    #[schema(required)]
    pub session: Option<InterviewSession>,
}

//! Sessions as the OpenAPI document describes them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Where a session stands.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// The participant has come, but has not started.
    Created,
    /// The interview runs.
    InProgress,
    /// The interview rests.
    Paused,
    /// The interview came to its end.
    Completed,
    /// The interview stopped before its end, or never began.
    Abandoned,
}

/// Why a session ended.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Nothing was left to ask.
    Finished,
    /// The greatest duration was reached.
    TimeLimit,
    /// The participant left.
    ParticipantLeft,
    /// The participant withdrew consent.
    ConsentWithdrawn,
    /// It was paused for too long.
    PauseTimeout,
    /// It was not started while its invite was valid.
    NeverStarted,
}

/// Who is interviewed.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct SessionParticipant {
    /// The address that was invited.
    #[schema(required, format = "email")]
    pub email: Option<String>,
    /// The display name.
    #[schema(required)]
    pub name: Option<String>,
}

/// The mood of what the participant said.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct SessionSentiment {
    /// `positive`, `neutral` or `negative`.
    pub overall: String,
    /// From −1 to 1.
    pub score: f64,
}

/// What the participant uses.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct SessionDevice {
    /// The browser.
    #[schema(max_length = 200)]
    pub browser: Option<String>,
    /// The operating system.
    #[schema(max_length = 200)]
    pub os: Option<String>,
    /// `desktop`, `mobile` or `tablet`.
    #[serde(rename = "type")]
    #[schema(max_length = 200)]
    pub kind: Option<String>,
}

/// What was consented to, as last said; null where nothing was said.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionConsent {
    /// To recording.
    #[schema(required)]
    pub recording: Option<bool>,
    /// To processing.
    #[schema(required)]
    pub data_processing: Option<bool>,
}

/// A session: one interview.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "ses_01hm6x3k5vf8qbw2d9z7c4n0tf", "campaignId": "cam_01hm6x3k5vf8qbw2d9z7c4n0tc",
    "inviteId": "inv_01hm6x3k5vf8qbw2d9z7c4n0td", "status": "completed",
    "participant": {"email": "participant@example.com", "name": "Jane Doe"}, "startedAt": "2024-01-15T14:00:00Z",
    "completedAt": "2024-01-15T14:12:30Z", "duration": 750, "questionsAnswered": 8, "totalQuestions": 10, "language": "en",
    "sentiment": {"overall": "positive", "score": 0.72},
    "device": {"browser": "Chrome 120", "os": "macOS 14.2", "type": "desktop"},
    "metadata": {"userId": "12345", "segment": "enterprise"}, "createdAt": "2024-01-15T13:59:45Z",
    "updatedAt": "2024-01-15T14:12:30Z", "endReason": "finished", "pauseReason": null,
    "consent": {"recording": true, "dataProcessing": true},
}))]
pub struct Session {
    /// Its id.
    pub id: String,
    /// Its campaign.
    pub campaign_id: String,
    /// The invite that led to it.
    pub invite_id: String,
    /// Where it stands.
    pub status: SessionStatus,
    /// Who is interviewed.
    pub participant: SessionParticipant,
    /// When the interview began.
    #[schema(required)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it was completed.
    #[schema(required)]
    pub completed_at: Option<DateTime<Utc>>,
    /// Seconds of interview, pauses left out, as of the last pause or the end.
    pub duration: i64,
    /// Questions of the script that were answered; neither skipped ones nor follow-ups count.
    pub questions_answered: u32,
    /// Questions of the script.
    pub total_questions: u32,
    /// The language of the interview.
    pub language: String,
    /// The mood of what was said; null where it is not known.
    #[schema(required)]
    pub sentiment: Option<SessionSentiment>,
    /// What the participant uses.
    #[schema(required)]
    pub device: Option<SessionDevice>,
    /// The invite's metadata.
    pub metadata: HashMap<String, Value>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Why it ended.
    #[schema(required)]
    pub end_reason: Option<EndReason>,
    /// Why it is paused: the reason that was given, else `participant`, `api` or `heartbeat_lost`.
    #[schema(required)]
    pub pause_reason: Option<String>,
    /// What was consented to.
    pub consent: SessionConsent,
}

/// A session after a heartbeat.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionAlive {
    /// The session.
    #[serde(flatten)]
    pub session: Session,
    /// Seconds until the next heartbeat is due.
    #[schema(example = 30)]
    pub next_heartbeat_in: i64,
}

/// What sessions are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SessionFilters {
    /// Only sessions that stand there.
    #[param(inline)]
    pub status: Option<SessionStatus>,
    /// What to sort by.
    #[param(example = "createdAt")]
    pub sort: Option<String>,
}

/// The body of a pause.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"reason": "Technical issue reported by participant"}))]
pub struct PauseSession {
    /// Why, in your words.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

/// What consent is about.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    /// That the conversation is recorded.
    Recording,
    /// That what was said is processed.
    DataProcessing,
    /// Both.
    All,
}

/// The body of a consent that you vouch for.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"granted": true, "type": "all", "ip": "203.0.113.7"}))]
pub struct NewConsent {
    /// Whether consent was granted. `false` while the interview runs is a withdrawal, and ends it.
    pub granted: bool,
    /// Consent type.
    #[serde(rename = "type")]
    pub kind: ConsentKind,
    /// Participant IP address for the audit trail.
    pub ip: Option<String>,
    /// SHA-256 of the exact text that was shown, in hexadecimal.
    pub text_sha256: Option<String>,
}

/// A consent, a refusal or a withdrawal, and on what grounds.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "con_01hm6x3k5vf8qbw2d9z7c4n0tg", "sessionId": "ses_01hm6x3k5vf8qbw2d9z7c4n0tf", "type": "all", "granted": true,
    "textVersion": 1, "textSha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "locale": "en",
    "method": "web", "actor": "participant", "ip": "203.0.113.7", "userAgent": "Mozilla/5.0",
    "createdAt": "2024-01-15T14:00:00Z",
}))]
pub struct Consent {
    /// Its id.
    pub id: String,
    /// The session.
    pub session_id: String,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: ConsentKind,
    /// Whether it was given.
    pub granted: bool,
    /// The version of the text that was shown; null where the text was not ours.
    #[schema(required)]
    pub text_version: Option<u32>,
    /// SHA-256 of the exact text that was shown, if that is known. Of both texts it is that of the two with an empty line
    /// between them.
    #[schema(required)]
    pub text_sha256: Option<String>,
    /// The language of the text.
    #[schema(required)]
    pub locale: Option<String>,
    /// `web`: by the participant; `api`: by somebody with an API key, who vouches for it.
    pub method: String,
    /// `participant`, or the API key's id.
    pub actor: String,
    /// The participant's address in the network.
    #[schema(required)]
    pub ip: Option<String>,
    /// What the participant's browser calls itself.
    #[schema(required)]
    pub user_agent: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// How a transcript is written.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TranscriptFormat {
    /// A JSON document.
    Json,
    /// One line for each utterance.
    Text,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles.
    Vtt,
}

/// Who is shown.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TranscriptSpeaker {
    /// The interviewer.
    Ai,
    /// The participant.
    Participant,
    /// Both.
    All,
}

/// What a transcript holds.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TranscriptQuery {
    /// Response format; `json` unless another one is named.
    #[param(inline)]
    pub format: Option<TranscriptFormat>,
    /// Include sentiment per utterance (JSON only).
    #[param(default = true)]
    pub include_sentiment: Option<bool>,
    /// Include keywords per utterance (JSON only).
    #[param(default = false)]
    pub include_keywords: Option<bool>,
    /// Apply PII redaction.
    #[param(default = false)]
    pub redact_pii: Option<bool>,
    /// Filter by speaker; `all` unless one is named.
    #[param(inline)]
    pub speaker: Option<TranscriptSpeaker>,
}

/// How a document looks.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PdfBranding {
    /// The product's colours, with your organization's name.
    Default,
    /// Black on white, without your organization's name.
    Minimal,
    /// Your organization's logo and colour, where it has them.
    Custom,
}

/// What a document holds.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PdfQuery {
    /// Include insights in the PDF.
    #[param(default = true)]
    pub include_insights: Option<bool>,
    /// Include timestamps per utterance.
    #[param(default = true)]
    pub include_timestamps: Option<bool>,
    /// Include sentiment indicators.
    #[param(default = true)]
    pub include_sentiment: Option<bool>,
    /// Branding style; `default` unless another one is named.
    #[param(inline)]
    pub branding: Option<PdfBranding>,
}

/// The sentiment of an utterance.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct UtteranceSentiment {
    /// `positive`, `neutral` or `negative`.
    pub label: String,
    /// VADER's compound score, from −1 to 1.
    pub score: f64,
}

/// Something that was said.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TranscriptUtterance {
    /// Unique within the session.
    pub id: String,
    /// `ai` or `participant`.
    pub speaker: String,
    /// What was said.
    pub text: String,
    /// When it began, in seconds from the start, pauses left out.
    pub start_time: f64,
    /// When it ended.
    pub end_time: f64,
    /// How sure the recognition of speech was; 1 for what was typed, null for the interviewer.
    #[schema(required)]
    pub confidence: Option<f64>,
    /// The script's question that it belongs to.
    #[schema(required)]
    pub question_id: Option<String>,
    /// Its sentiment, unless left out; null where its language is not supported, where the answer was chosen (a number, an
    /// option, yes or no), or consent was withdrawn.
    pub sentiment: Option<UtteranceSentiment>,
    /// Its key phrases, if asked for, the most telling first; null where its language is not supported, where the answer was
    /// chosen, or consent was withdrawn.
    pub keywords: Option<Vec<String>>,
}

/// A transcript.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "sessionId": "ses_01hm6x3k5vf8qbw2d9z7c4n0tf", "language": "en", "duration": 750, "partial": false, "utterances": [
        {"id": "utt_1", "speaker": "ai", "text": "Hello, and thank you for taking the time.", "startTime": 0.0, "endTime": 2.6,
            "confidence": null, "questionId": null, "sentiment": {"label": "positive", "score": 0.3612}},
        {"id": "utt_2", "speaker": "ai", "text": "Tell me about your experience using our product.", "startTime": 2.6,
            "endTime": 5.6, "confidence": null, "questionId": "q1", "sentiment": {"label": "neutral", "score": 0.0}},
        {"id": "utt_3", "speaker": "participant", "text": "I love the new reports.", "startTime": 5.6, "endTime": 12.4,
            "confidence": 1.0, "questionId": "q1", "sentiment": {"label": "positive", "score": 0.6369}},
    ],
}))]
pub struct Transcript {
    /// The session.
    pub session_id: String,
    /// The language of the interview.
    pub language: String,
    /// Seconds of interview, pauses left out.
    pub duration: i64,
    /// Whether the interview was broken off.
    pub partial: bool,
    /// What was said, in order.
    pub utterances: Vec<TranscriptUtterance>,
}

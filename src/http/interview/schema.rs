//! What a participant sees of an interview; written as it is, and described so by the OpenAPI document.

use aggregates::consent::{self, ConsentText as Text, ConsentType};
use chrono::{DateTime, Utc};
use projections::session::ConsentDocument;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::http::{
    invites::schema::InviteStatus,
    scripts::schema::{QuestionType, Scale},
    sessions::schema::{ConsentKind, EndReason, SessionConsent, SessionDevice, SessionStatus},
};

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
    /// Address of its logo; an uploaded one is served by this server.
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
    /// What was consented to.
    #[schema(value_type = SessionConsent)]
    pub consent: ConsentDocument,
}

/// What can be done by voice.
#[derive(Clone, Copy, Serialize, ToSchema)]
pub struct InterviewSpeech {
    /// Whether the server can speak what the interviewer says.
    pub prompts: bool,
    /// Whether open questions can be answered aloud.
    pub answers: bool,
}

/// An interview, before it begins.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "invite": {"status": "pending", "expiresAt": "2024-01-22T10:30:00Z", "name": "Jane Doe"},
    "campaign": {"id": "cam_01hm6x3k5vf8qbw2d9z7c4n0tc", "name": "Q1 Customer Feedback"},
    "organization": {"name": "Acme", "logo": "https://relay.example.com/logos/fil_01hm6gb9v4e9ttpzg6q1x1e0c5"},
    "language": "en", "totalQuestions": 10,
    "consent": {"required": true, "texts": consent::texts("en").into_iter().map(ConsentText::from).collect::<Vec<_>>()},
    "speech": {"prompts": true, "answers": true}, "session": null,
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
    /// What can be done by voice.
    pub speech: InterviewSpeech,
    /// The session, once there is one.
    #[schema(required)]
    pub session: Option<InterviewSession>,
}

/// The body of a participant's coming.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"device": {"browser": "Chrome 120", "os": "macOS 14.2", "type": "desktop"}}))]
pub struct NewInterviewSession {
    /// What the participant uses.
    pub device: Option<SessionDevice>,
}

fn running() -> Value {
    json!({
        "id": "ses_01hm6x3k5vf8qbw2d9z7c4n0tf", "status": "in_progress", "startedAt": "2024-01-15T14:00:00Z",
        "completedAt": null, "duration": 0, "questionsAnswered": 0, "totalQuestions": 10, "language": "en",
        "endReason": null, "consent": {"recording": true, "dataProcessing": true}, "createdAt": "2024-01-15T13:59:45Z",
    })
}

/// A session as its participant sees it.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = running)]
pub struct ParticipantSession {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub status: SessionStatus,
    /// When the interview began.
    #[schema(required)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it was completed.
    #[schema(required)]
    pub completed_at: Option<DateTime<Utc>>,
    /// Seconds of interview, pauses left out, as of the last pause or the end.
    pub duration: i64,
    /// Questions that were answered.
    pub questions_answered: u32,
    /// Questions in all.
    pub total_questions: u32,
    /// The language of the interview.
    pub language: String,
    /// Why it ended.
    #[schema(required)]
    pub end_reason: Option<EndReason>,
    /// What was consented to.
    pub consent: SessionConsent,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// The answer to most actions.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct ParticipantSessionBody {
    /// The session.
    pub session: ParticipantSession,
}

/// A session with the credential for it.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "session": {
        "id": "ses_01hm6x3k5vf8qbw2d9z7c4n0tf", "status": "created", "startedAt": null, "completedAt": null, "duration": 0,
        "questionsAnswered": 0, "totalQuestions": 10, "language": "en", "endReason": null,
        "consent": {"recording": null, "dataProcessing": null}, "createdAt": "2024-01-15T13:59:45Z",
    },
    "sessionToken": "st_AZF…", "expiresAt": "2024-01-16T13:59:45Z",
}))]
pub struct OpenedInterview {
    /// The session.
    pub session: ParticipantSession,
    /// Send it as `Authorization: Bearer …`.
    pub session_token: String,
    /// The first second at which the token is not valid any more.
    pub expires_at: DateTime<Utc>,
}

/// The body of a participant's consent.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"granted": true, "type": "all"}))]
pub struct GivenConsent {
    /// Whether consent is given.
    pub granted: bool,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: ConsentKind,
    /// The hash of the text that was shown; it must be the one that is offered. For `all` it is that of both texts with an
    /// empty line between them.
    pub text_sha256: Option<String>,
}

/// Something that the interviewer says.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterviewMessage {
    /// The id of its utterance: names it where it is to be spoken, and in the transcript.
    pub utterance_id: String,
    /// `greeting`, `transition` or `closing`.
    pub kind: String,
    /// The words.
    pub text: String,
}

/// Something that the interviewer asks.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterviewPrompt {
    /// Names it in the answer.
    pub id: String,
    /// `question`, or `follow_up` about one.
    pub kind: String,
    /// The question that it is, or is about.
    pub question_id: String,
    /// The id of its utterance: names it where it is to be spoken, and in the transcript.
    pub utterance_id: String,
    /// The words.
    pub text: String,
    /// What is to be shown or played with it.
    pub media: Vec<InterviewMedia>,
    /// How it is answered. A follow-up is always open.
    #[serde(rename = "type")]
    pub answer: QuestionType,
    /// What can be chosen.
    #[schema(required)]
    pub options: Option<Vec<String>>,
    /// What can be rated.
    #[schema(required)]
    pub scale: Option<Scale>,
    /// Whether it must be answered.
    pub required: bool,
    /// The greatest time for the answer, in seconds.
    #[schema(required)]
    pub max_duration: Option<u32>,
}

/// An image or sound that belongs to a question.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterviewMedia {
    /// Its id.
    pub id: String,
    /// `image` or `audio`.
    pub kind: String,
    /// Its media type.
    #[schema(example = "image/png")]
    pub content_type: String,
    /// What its file is called.
    #[schema(required)]
    pub name: Option<String>,
    /// Where it can be fetched, for a while. Asking for the prompt again yields a fresh address.
    pub url: String,
    /// When that address stops working.
    pub url_expires_at: DateTime<Utc>,
}

/// How far an interview is.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct InterviewProgress {
    /// Questions of the script that were answered.
    pub answered: u32,
    /// Questions of the script.
    pub total: u32,
}

/// The interviewer's turn.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "messages": [{"utteranceId": "utt_6", "kind": "transition", "text": "Thank you."}],
    "prompt": {
        "id": "p3", "kind": "question", "questionId": "q2", "utteranceId": "utt_7",
        "text": "On a scale of 1-10, how likely are you to recommend us?", "media": [], "type": "rating", "options": null,
        "scale": {"min": 1, "max": 10}, "required": true, "maxDuration": null,
    },
    "progress": {"answered": 1, "total": 10}, "done": false, "nextSeq": 3,
}))]
pub struct InterviewTurn {
    /// What is said before the prompt and needs no answer.
    pub messages: Vec<InterviewMessage>,
    /// What waits for an answer; null when nothing is left to ask.
    #[schema(required)]
    pub prompt: Option<InterviewPrompt>,
    /// How far the interview is.
    pub progress: InterviewProgress,
    /// Whether nothing is left to ask.
    pub done: bool,
    /// A sequence number that no answer has used.
    pub next_seq: u64,
}

/// The session, and the interviewer's first turn.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({
    "session": running(),
    "messages": [{"utteranceId": "utt_1", "kind": "greeting", "text": "Hello, and thank you for taking the time."}],
    "prompt": {
        "id": "p1", "kind": "question", "questionId": "q1", "utteranceId": "utt_2",
        "text": "Tell me about your experience using our product.", "media": [], "type": "open", "options": null,
        "scale": null, "required": true, "maxDuration": null,
    },
    "progress": {"answered": 0, "total": 10}, "done": false, "nextSeq": 1,
}))]
pub struct StartedInterview {
    /// The session.
    pub session: ParticipantSession,
    /// What is said and asked.
    #[serde(flatten)]
    pub turn: InterviewTurn,
}

/// The body of an answer.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"promptId": "p3", "seq": 3, "value": 9}))]
pub struct NewInterviewAnswer {
    /// The prompt that is answered; it must be the current one.
    pub prompt_id: String,
    /// A number of your choice, another one for each answer: an answer that arrives again under its number counts once.
    pub seq: u64,
    /// Answers an open question.
    #[schema(max_length = 20000)]
    pub text: Option<String>,
    /// Answers a rating with a number, a choice with one of the options, and yes or no with a boolean.
    pub value: Option<Value>,
    /// Skips what is not required.
    pub skip: Option<bool>,
}

/// The form of a spoken answer.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"promptId": "p2", "seq": 2, "file": "(the bytes of answer.webm)"}))]
pub struct NewSpokenAnswer {
    /// The prompt that is answered; it must be the current one, and be answered in words.
    pub prompt_id: String,
    /// As in a typed answer.
    pub seq: u64,
    /// The recording, with a file name; at most 25 MiB. Its type is told by its bytes.
    #[schema(value_type = String, format = Binary)]
    pub file: String,
}

/// The interviewer's turn after a spoken answer.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct SpokenInterviewTurn {
    /// What was heard; it is the answer.
    #[schema(required, example = "They save me an hour every week.")]
    pub heard: Option<String>,
    /// What is said and asked next.
    #[serde(flatten)]
    pub turn: InterviewTurn,
}

/// Where an interview stands after a heartbeat.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"status": "in_progress", "nextHeartbeatIn": 30}))]
pub struct Heartbeat {
    /// Where the session stands.
    pub status: SessionStatus,
    /// Seconds until the next heartbeat is due.
    pub next_heartbeat_in: i64,
}

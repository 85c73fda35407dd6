//! What can happen to a session.
//!
//! Every event carries its instant and how far the interview was then (`elapsed`, milliseconds of interview, pauses left
//! out), so that neither the state nor a row has to be recomputed from the clock.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    DecodeError, Payload, Personal, Sealable,
    event::events,
    id::{CampaignId, ConsentId, InviteId, OrganizationId, ScriptId, SessionId},
    session::{
        ConsentKind, ConsentMethod, Device, EndReason, Given, Origin, PauseCause, PromptKind, ResumeCause, Sentiment,
        Spoken, Terms, UtteranceKind,
    },
    value::{Email, Metadata},
};

events! {
    /// Events of a session's stream.
    SessionEvent {
        /// See [`SessionCreated`].
        Created(SessionCreated),
        /// See [`ConsentRecorded`].
        ConsentRecorded(ConsentRecorded),
        /// See [`ConsentWithdrawn`].
        ConsentWithdrawn(ConsentWithdrawn),
        /// See [`SessionStarted`].
        Started(SessionStarted),
        /// See [`SessionPrompted`].
        Prompted(SessionPrompted),
        /// See [`SessionAnswered`].
        Answered(SessionAnswered),
        /// See [`SessionSkipped`].
        Skipped(SessionSkipped),
        /// See [`SessionPaused`].
        Paused(SessionPaused),
        /// See [`SessionResumed`].
        Resumed(SessionResumed),
        /// See [`SessionCompleted`].
        Completed(SessionCompleted),
        /// See [`SessionAbandoned`].
        Abandoned(SessionAbandoned),
        /// See [`TranscriptReady`].
        TranscriptReady(TranscriptReady),
    }
}

/// The participant acted on the link (contract 22).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionCreated {
    /// The new session.
    pub session_id: SessionId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its campaign.
    pub campaign_id: CampaignId,
    /// The invite that led here.
    pub invite_id: InviteId,
    /// The script.
    pub script_id: ScriptId,
    /// The version of the script, which is frozen.
    pub script_version: u32,
    /// How many questions that version has.
    pub total_questions: u32,
    /// What holds for this interview.
    pub terms: Terms,
    /// Whom the invite was for: the data subject.
    pub email: Personal<Email>,
    /// The participant's display name.
    pub name: Personal<Option<String>>,
    /// The invite's metadata.
    pub metadata: Personal<Metadata>,
    /// What the participant uses.
    pub device: Personal<Option<Device>>,
    /// The first instant at which it can no longer be started: the invite's expiry.
    pub start_by: DateTime<Utc>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Payload for SessionCreated {
    const NAME: &'static str = "session.created";

    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        vec![
            ("email", &mut self.email),
            ("name", &mut self.name),
            ("metadata", &mut self.metadata),
            ("device", &mut self.device),
        ]
    }

    fn subject(&self) -> Option<&str> {
        self.email.clear().map(Email::normalized)
    }
}

/// What both consent events say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsentFacts {
    /// The record.
    pub consent_id: ConsentId,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: ConsentKind,
    /// The version of the text that was shown; none where the text was not ours.
    pub text_version: Option<u32>,
    /// The SHA-256 of the exact text that was shown, if that is known.
    pub text_sha256: Option<String>,
    /// The language of the text.
    pub locale: Option<String>,
    /// How it was given.
    pub method: ConsentMethod,
    /// Who recorded it: `participant`, or an API key's id.
    pub actor: String,
    /// The participant's address in the network.
    pub ip: Option<Personal<String>>,
    /// What the participant's browser calls itself.
    pub user_agent: Option<Personal<String>>,
    /// When.
    pub at: DateTime<Utc>,
}

impl ConsentFacts {
    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        let mut fields: Vec<(&'static str, &mut dyn Sealable)> = Vec::new();
        fields.extend(self.ip.as_mut().map(|field| ("ip", field as &mut dyn Sealable)));
        fields.extend(self.user_agent.as_mut().map(|field| ("userAgent", field as &mut dyn Sealable)));
        fields
    }
}

/// Consent was given, or refused before it was ever given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsentRecorded {
    /// Whether it was given.
    pub granted: bool,
    /// The particulars.
    #[serde(flatten)]
    pub facts: ConsentFacts,
}

impl Payload for ConsentRecorded {
    const NAME: &'static str = "consent.recorded";

    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        self.facts.personal()
    }
}

/// Consent was taken back. Where the interview runs, its end follows in the same transaction, and no answer after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsentWithdrawn {
    /// The particulars.
    #[serde(flatten)]
    pub facts: ConsentFacts,
}

impl Payload for ConsentWithdrawn {
    const NAME: &'static str = "consent.withdrawn";

    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        self.facts.personal()
    }
}

/// The interview began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionStarted {
    /// When.
    pub at: DateTime<Utc>,
}

impl Payload for SessionStarted {
    const NAME: &'static str = "session.started";
}

/// The interviewer spoke, and maybe asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionPrompted {
    /// What was said, in this order; the prompt, if there is one, is the last.
    pub said: Vec<Said>,
    /// The words of each, in the same order. A model may quote the participant, so they are personal.
    pub texts: Personal<Vec<String>>,
    /// What now waits for an answer; none when the interviewer has nothing left to ask.
    pub prompt: Option<Asked>,
    /// Milliseconds of interview, pauses left out.
    pub elapsed: u64,
    /// When.
    pub at: DateTime<Utc>,
}

/// One line of the interviewer, without its words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// What it is.
    pub kind: UtteranceKind,
    /// Who worded it.
    pub origin: Origin,
}

/// A prompt, without its words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// Counts the prompts of the session from 1.
    pub number: u32,
    /// What it is.
    pub kind: PromptKind,
    /// The question that it is, or is about.
    pub question_id: String,
}

impl Payload for SessionPrompted {
    const NAME: &'static str = "session.prompted";

    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        vec![("texts", &mut self.texts)]
    }
}

/// The participant answered the current prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionAnswered {
    /// The prompt's number.
    pub prompt: u32,
    /// What the prompt was.
    pub kind: PromptKind,
    /// The question that it was, or was about.
    pub question_id: String,
    /// The client's sequence number.
    pub seq: u64,
    /// The answer itself. A retry is compared with it, so no digest of it is kept: that of a yes or no would say as much
    /// as the word, and in the clear.
    pub given: Personal<Given>,
    /// What is known about it if it was spoken.
    pub spoken: Option<Spoken>,
    /// Milliseconds of interview, pauses left out.
    pub elapsed: u64,
    /// When.
    pub at: DateTime<Utc>,
}

impl Payload for SessionAnswered {
    const NAME: &'static str = "session.answered";
    const SCHEMA: u16 = 2;

    /// Schema 1 did not know how long recordings are, and says nothing of it.
    fn upcast(schema: u16, payload: Value) -> Result<Value, DecodeError> {
        if schema == 1 { Ok(payload) } else { Err(DecodeError::UnknownSchema { name: Self::NAME, schema }) }
    }

    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        vec![("given", &mut self.given)]
    }
}

/// The participant skipped the current prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionSkipped {
    /// The prompt's number.
    pub prompt: u32,
    /// What the prompt was.
    pub kind: PromptKind,
    /// The question that it was, or was about.
    pub question_id: String,
    /// The client's sequence number.
    pub seq: u64,
    /// Milliseconds of interview, pauses left out.
    pub elapsed: u64,
    /// When.
    pub at: DateTime<Utc>,
}

impl Payload for SessionSkipped {
    const NAME: &'static str = "session.skipped";
}

/// The interview rests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionPaused {
    /// What paused it.
    pub cause: PauseCause,
    /// Why, in somebody's words.
    pub reason: Option<Personal<String>>,
    /// Milliseconds of interview, pauses left out. The silence that led to a pause is left out too.
    pub elapsed: u64,
    /// When.
    pub at: DateTime<Utc>,
}

impl Payload for SessionPaused {
    const NAME: &'static str = "session.paused";

    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        self.reason.as_mut().map(|field| ("reason", field as &mut dyn Sealable)).into_iter().collect()
    }
}

/// The interview goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionResumed {
    /// What resumed it.
    pub cause: ResumeCause,
    /// When.
    pub at: DateTime<Utc>,
}

impl Payload for SessionResumed {
    const NAME: &'static str = "session.resumed";
}

/// The interview came to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionCompleted {
    /// Why.
    pub reason: EndReason,
    /// Milliseconds of interview, pauses left out.
    pub elapsed: u64,
    /// When.
    pub at: DateTime<Utc>,
}

impl Payload for SessionCompleted {
    const NAME: &'static str = "session.completed";
}

/// The interview stopped before its end, or never began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionAbandoned {
    /// Why.
    pub reason: EndReason,
    /// Milliseconds of interview, pauses left out.
    pub elapsed: u64,
    /// When.
    pub at: DateTime<Utc>,
}

impl Payload for SessionAbandoned {
    const NAME: &'static str = "session.abandoned";
}

/// The transcript is complete and will not change any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TranscriptReady {
    /// Whether the interview stopped before its end.
    pub partial: bool,
    /// How many utterances it has.
    pub utterances: u32,
    /// The mood of what was said; none where it is not known.
    pub sentiment: Option<Personal<Sentiment>>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Payload for TranscriptReady {
    const NAME: &'static str = "transcript.ready";

    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        self.sentiment.as_mut().map(|field| ("sentiment", field as &mut dyn Sealable)).into_iter().collect()
    }
}

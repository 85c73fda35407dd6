//! What can be asked of a session.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use crate::{
    id::{CampaignId, ConsentId, InviteId, OrganizationId, ScriptId, SessionId},
    script::ScriptContent,
    session::{
        ConsentKind, ConsentMethod, Device, NewAnswer, Participant, PauseCause, Produced, ResumeCause, Sentiment,
        Spoken, Terms,
    },
    value::Metadata,
};

/// Commands of a session. `content` is what its pinned version of the script says.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionCommand {
    /// The participant acts on the link.
    Create(Box<NewSession>),
    /// Records consent, its refusal or its withdrawal; a withdrawal ends a running interview.
    Consent(NewConsent),
    /// Begins the interview: greeting and first question.
    Start {
        /// The script.
        content: Arc<ScriptContent>,
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// Answers or skips the current prompt, and goes on to what comes next.
    Answer {
        /// The answer.
        answer: NewAnswer,
        /// What is known about it if it was spoken.
        spoken: Option<Spoken>,
        /// Wording that a producer made beforehand for exactly this [`crate::session::Step`]; used only if it is still
        /// the step that follows, else the interviewer's own phrases are.
        produced: Option<Produced>,
        /// The script.
        content: Arc<ScriptContent>,
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// Lets the interview rest.
    Pause {
        /// The participant or an API key; silence has a command of its own.
        cause: PauseCause,
        /// Why, in somebody's words.
        reason: Option<String>,
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// Goes on with the interview.
    Resume {
        /// The participant or an API key.
        cause: ResumeCause,
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// The participant's page has fallen silent: pauses a running interview; completes one with nothing left to ask. Does
    /// nothing in any other state.
    HeartbeatLost {
        /// When it was last heard of; the silence since then does not count as interview.
        last_seen: DateTime<Utc>,
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// The participant's page was heard of again: resumes what silence has paused. Does nothing in any other state.
    HeartbeatRestored {
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// The participant says that it is done.
    Complete {
        /// The script.
        content: Arc<ScriptContent>,
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// The participant leaves.
    Leave {
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// Ends an interview that has run out of time. Does nothing before [`crate::session::Session::time_limit`].
    EndForTime {
        /// How much longer the current answer may take.
        grace: Duration,
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// Ends an interview that has been paused for so long. Does nothing before that.
    EndForPause {
        /// How long it may rest.
        timeout: Duration,
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// Gives up a session that was not started while its invite was valid. Does nothing before that, nor once it was
    /// started.
    GiveUp {
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// Declares the transcript of an ended interview complete. Does nothing where there is none, or where that was done.
    ReadyTranscript {
        /// The mood of what was said, if it is known.
        sentiment: Option<Sentiment>,
        /// The present instant.
        now: DateTime<Utc>,
    },
}

/// A session to be created.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSession {
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
    /// The version of the script.
    pub script_version: u32,
    /// How many questions that version has.
    pub total_questions: u32,
    /// What holds for this interview.
    pub terms: Terms,
    /// Who is interviewed.
    pub participant: Participant,
    /// The invite's metadata.
    pub metadata: Metadata,
    /// What the participant uses.
    pub device: Option<Device>,
    /// The invite's expiry.
    pub start_by: DateTime<Utc>,
    /// The present instant.
    pub now: DateTime<Utc>,
}

/// Consent to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct NewConsent {
    /// The new record.
    pub consent_id: ConsentId,
    /// What it is about.
    pub kind: ConsentKind,
    /// Whether it is given.
    pub granted: bool,
    /// The SHA-256 of the text that was shown, as the caller knows it. A participant was shown one of ours.
    pub text_sha256: Option<String>,
    /// How it was given.
    pub method: ConsentMethod,
    /// Who records it: `participant`, or an API key's id.
    pub actor: String,
    /// The participant's address in the network.
    pub ip: Option<String>,
    /// What the participant's browser calls itself.
    pub user_agent: Option<String>,
    /// The present instant.
    pub now: DateTime<Utc>,
}

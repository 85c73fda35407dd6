//! The parts of a session's state.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Personal,
    consent::ConsentType,
    id::{ConsentId, FileId},
    value::Email,
};

/// Declares an enum whose names in the API and in the log are the same.
macro_rules! named {
    ($(#[$doc:meta])* $enum:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $enum {
            $($(#[$variant_doc])* #[serde(rename = $name)] $variant,)*
        }

        impl $enum {
            /// The names in the API.
            pub const NAMES: &'static [(&'static str, Self)] = &[$(($name, Self::$variant)),*];

            /// The name in the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}
pub(super) use named;

named! {
    /// Where a session stands (contract 24).
    #[derive(Default)]
    SessionStatus {
        /// The participant has come, but has not started.
        #[default]
        Created = "created",
        /// The interview runs.
        InProgress = "in_progress",
        /// The interview rests.
        Paused = "paused",
        /// The interview came to its end.
        Completed = "completed",
        /// The interview stopped before its end, or never began.
        Abandoned = "abandoned",
    }
}

impl SessionStatus {
    /// Whether the interview is over.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Abandoned)
    }
}

named! {
    /// Why a session ended.
    EndReason {
        /// There was nothing left to ask, or the participant completed it.
        Finished = "finished",
        /// The greatest duration was reached.
        TimeLimit = "time_limit",
        /// The participant left.
        ParticipantLeft = "participant_left",
        /// The participant withdrew consent.
        ConsentWithdrawn = "consent_withdrawn",
        /// It was paused for too long.
        PauseTimeout = "pause_timeout",
        /// It was not started while the invite was valid.
        NeverStarted = "never_started",
    }
}

named! {
    /// What paused a session.
    PauseCause {
        /// The participant.
        Participant = "participant",
        /// Somebody with an API key.
        Api = "api",
        /// The participant's page fell silent.
        HeartbeatLost = "heartbeat_lost",
    }
}

named! {
    /// What resumed a session.
    ResumeCause {
        /// The participant.
        Participant = "participant",
        /// Somebody with an API key.
        Api = "api",
        /// The participant's page was heard of again.
        HeartbeatRestored = "heartbeat_restored",
    }
}

named! {
    /// What a consent record is about.
    ConsentKind {
        /// That the conversation is recorded.
        Recording = "recording",
        /// That what was said is processed.
        DataProcessing = "data_processing",
        /// Both.
        All = "all",
    }
}

impl ConsentKind {
    /// The single types that it covers.
    pub const fn types(self) -> &'static [ConsentType] {
        match self {
            Self::Recording => &[ConsentType::Recording],
            Self::DataProcessing => &[ConsentType::DataProcessing],
            Self::All => &[ConsentType::Recording, ConsentType::DataProcessing],
        }
    }
}

named! {
    /// How consent was given.
    ConsentMethod {
        /// By the participant, on the interview page.
        Web = "web",
        /// By somebody with an API key, who vouches for it.
        Api = "api",
    }
}

named! {
    /// What a prompt is.
    PromptKind {
        /// A question of the script.
        Question = "question",
        /// The interviewer wants to know more about a question.
        FollowUp = "follow_up",
    }
}

named! {
    /// The mood of a conversation.
    Overall {
        /// More good than bad.
        Positive = "positive",
        /// Neither.
        Neutral = "neutral",
        /// More bad than good.
        Negative = "negative",
    }
}

/// The mood of what the participant said.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sentiment {
    /// In a word.
    pub overall: Overall,
    /// From −1 to 1.
    pub score: f64,
}

/// Who is interviewed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Participant {
    /// The address that was invited.
    pub email: Email,
    /// The display name.
    pub name: Option<String>,
}

/// What the participant uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// `Chrome 120`.
    pub browser: Option<String>,
    /// `macOS 14.2`.
    pub os: Option<String>,
    /// `desktop`, `mobile` or `tablet`, mostly.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// What is known about an answer that was spoken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spoken {
    /// How sure the transcription is of its words, from 0 to 1.
    pub confidence: Option<f64>,
    /// The recording.
    pub file_id: Option<FileId>,
    /// How long the recording is, in milliseconds, where somebody has measured it.
    pub duration_ms: Option<u64>,
}

/// What waits, or waited, for an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Counts the prompts of the session from 1; [`Prompt::id`] shows it.
    pub number: u32,
    /// What it is.
    pub kind: PromptKind,
    /// The question that it is, or is about.
    pub question_id: String,
    /// When it was asked: milliseconds of interview, pauses left out.
    pub asked_at: u64,
}

impl Prompt {
    /// The id in the API.
    pub fn id(&self) -> String {
        prompt_id_of(self.number)
    }
}

/// The id of the prompt with a number.
pub(super) fn prompt_id_of(number: u32) -> String {
    format!("p{number}")
}

/// What was agreed to, or refused, and on what grounds (contract 27).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsentRecord {
    /// Its id.
    pub id: ConsentId,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: ConsentKind,
    /// Whether it was given.
    pub granted: bool,
    /// Whether it took back what was given before.
    pub withdrawal: bool,
    /// The version of the text that was shown; none where the text was not ours.
    pub text_version: Option<u32>,
    /// The SHA-256 of the exact text that was shown, if that is known. Of both texts it is that of the two with an empty
    /// line between them.
    pub text_sha256: Option<String>,
    /// The language of the text.
    pub locale: Option<String>,
    /// How it was given.
    pub method: ConsentMethod,
    /// Who recorded it: `participant`, or an API key's id.
    pub actor: String,
    /// The participant's address in the network.
    pub ip: Option<String>,
    /// What the participant's browser calls itself.
    pub user_agent: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// The opened value of a personal field that may be absent.
pub(super) fn opened<T: Clone>(field: Option<&Personal<T>>) -> Option<T> {
    field.and_then(Personal::clear).cloned()
}

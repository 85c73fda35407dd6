//! Why a command was refused, in terms that no transport is part of.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of refusal. The HTTP layer maps each to a status in one table (contract 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Code {
    /// The input is malformed: a wrong type, a missing required field.
    InvalidRequest,
    /// The input is well-typed but breaks a rule.
    ValidationError,
    /// There is no such resource for this caller.
    NotFound,
    /// The campaign is paused or archived.
    CampaignNotActive,
    /// The invite's time is over.
    InviteExpired,
    /// The invite has been started, completed or cancelled.
    InviteNotPending,
    /// The invite's link was revoked.
    InviteCancelled,
    /// The session is not in a state that allows this.
    SessionNotActive,
    /// The interview may not start without the participant's consent.
    ConsentRequired,
    /// The session has no transcript yet.
    TranscriptNotReady,
    /// The personal data that this needs has been erased.
    Erased,
    /// An active or paused campaign uses the script.
    ScriptInUse,
    /// The script has no published version.
    ScriptNotPublished,
    /// The script already has a draft version.
    DraftExists,
    /// The organization would be left without an owner.
    LastOwner,
    /// The change contradicts the state of the resource.
    Conflict,
    /// `If-Match` names another version than the current one.
    PreconditionFailed,
    /// Too soon after the last attempt.
    RateLimited,
    /// The organization's balance does not cover this.
    InsufficientCredits,
}

/// One offending field (contract 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Path of the field, as in `questions[1].type`.
    pub field: String,
    /// A stable word for the rule: `required`, `invalid_type`, `too_long`, `invalid_enum`, …
    pub code: String,
    /// One sentence for people.
    pub message: String,
}

impl FieldError {
    /// Describes one offending field.
    pub fn new(field: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code: code.to_owned(), message: message.into() }
    }
}

/// A refused command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The kind.
    pub code: Code,
    /// One sentence for people.
    pub message: String,
    /// Every offending field at once; empty where no field is at fault.
    pub fields: Vec<FieldError>,
    /// Seconds after which the command may be tried again, where that is known.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal that no single field causes.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fields: Vec::new(), retry_after: None }
    }

    /// Input that cannot be read: wrong types, missing fields.
    pub fn malformed(message: impl Into<String>, fields: Vec<FieldError>) -> Self {
        Self { fields, ..Self::new(Code::InvalidRequest, message) }
    }

    /// The same, where all that is wrong is said by the fields.
    pub fn malformed_fields(fields: Vec<FieldError>) -> Self {
        Self::malformed("One or more fields are missing or have the wrong type.", fields)
    }

    /// Well-typed input that breaks rules.
    pub fn validation(fields: Vec<FieldError>) -> Self {
        Self { fields, ..Self::new(Code::ValidationError, "One or more fields failed validation.") }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

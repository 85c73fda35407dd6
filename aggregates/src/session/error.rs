//! Why a session refuses a command.

use crate::{Code, FieldError, Refusal, session::SessionStatus};

/// Errors of a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// There is none.
    #[error("The session does not exist.")]
    NotFound,
    /// It was created before.
    #[error("The session exists already.")]
    AlreadyExists,
    /// It is not in a state that allows this.
    #[error("The session is {} and does not allow this.", .0.as_str())]
    NotActive(SessionStatus),
    /// The participant has not agreed to what the interview needs.
    #[error("The interview may not start without the participant's consent.")]
    ConsentRequired,
    /// The participant has not agreed to being recorded.
    #[error("The participant does not consent to being recorded.")]
    NotRecorded,
    /// The prompt is not the one that waits for an answer.
    #[error("This prompt is not the current one.")]
    NotCurrent,
    /// The sequence number came with another answer before.
    #[error("This sequence number was used for another answer.")]
    SequenceReused,
    /// Required questions are open.
    #[error("The interview cannot be completed before every required question is answered.")]
    Unanswered,
    /// There are too many of something.
    #[error("The session has {0} already, which is as many as there can be.")]
    TooMany(&'static str),
    /// The person's data has been erased, and nothing can be added to it.
    #[error("The participant's personal data has been erased.")]
    Erased,
    /// Fields break rules.
    #[error("One or more fields failed validation.")]
    Invalid(Vec<FieldError>),
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        let code = match error {
            SessionError::NotFound => Code::NotFound,
            SessionError::NotActive(_) => Code::SessionNotActive,
            SessionError::ConsentRequired | SessionError::NotRecorded => Code::ConsentRequired,
            SessionError::Erased => Code::Erased,
            SessionError::AlreadyExists
            | SessionError::NotCurrent
            | SessionError::SequenceReused
            | SessionError::TooMany(_)
            | SessionError::Unanswered => Code::Conflict,
            SessionError::Invalid(fields) => return Self::validation(fields),
        };
        Self::new(code, error.to_string())
    }
}

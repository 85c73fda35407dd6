//! Why an invite refuses a command.

use crate::{Code, Refusal, invite::InviteStatus};

/// Errors of an invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// There is none.
    #[error("The invite does not exist.")]
    NotFound,
    /// It was created before.
    #[error("The invite exists already.")]
    AlreadyExists,
    /// Its time is over, whether or not that has been recorded.
    #[error("The invite has expired.")]
    Expired,
    /// It was withdrawn.
    #[error("The invite was withdrawn.")]
    Cancelled,
    /// Its interview has begun already, or is over.
    #[error("The interview of this invite has begun already.")]
    Used,
    /// Another session is the invite's live one.
    #[error("The invite has another session.")]
    OtherSession,
    /// It has left the state in which it could still be changed.
    #[error("The invite is {} and can no longer be changed.", .0.as_str())]
    NotPending(InviteStatus),
    /// The mail was sent again less than a minute ago.
    #[error("The invite was sent a moment ago. Try again in {retry_after} seconds.")]
    TooSoon {
        /// Whole seconds until it may be sent again.
        retry_after: u64,
    },
    /// It has no mail of that number.
    #[error("The invite has no such mail.")]
    NoSuchMail,
    /// Its time is not over yet.
    #[error("The invite has not expired yet.")]
    NotDue,
}

impl From<InviteError> for Refusal {
    fn from(error: InviteError) -> Self {
        let (code, retry_after) = match error {
            InviteError::NotFound | InviteError::NoSuchMail => (Code::NotFound, None),
            InviteError::Expired => (Code::InviteExpired, None),
            InviteError::NotPending(_) => (Code::InviteNotPending, None),
            InviteError::TooSoon { retry_after } => (Code::RateLimited, Some(retry_after)),
            InviteError::Cancelled => (Code::InviteCancelled, None),
            InviteError::Used => (Code::SessionNotActive, None),
            InviteError::AlreadyExists | InviteError::NotDue | InviteError::OtherSession => (Code::Conflict, None),
        };
        Self { retry_after, ..Self::new(code, error.to_string()) }
    }
}

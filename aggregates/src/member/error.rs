//! Why a member refuses a command.

use crate::{Code, Refusal};

/// Errors of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    /// There is none.
    #[error("The member does not exist.")]
    NotFound,
    /// It was created before.
    #[error("The member exists already.")]
    AlreadyExists,
    /// The person is an active member.
    #[error("This person is a member already.")]
    AlreadyActive,
    /// The invitation was taken up before.
    #[error("The invitation was accepted already.")]
    AlreadyAccepted,
    /// The link belongs to an earlier invitation.
    #[error("The invitation was replaced by a later one.")]
    Replaced,
    /// The invitation was not taken up in time.
    #[error("The invitation has expired.")]
    Expired,
    /// The person was invited less than a minute ago.
    #[error("This person was invited a moment ago. Try again in {retry_after} seconds.")]
    TooSoon {
        /// Whole seconds until the person may be invited again.
        retry_after: u64,
    },
    /// Nobody would be left to own the organization (contract 35).
    #[error("The last owner of an organization can be neither removed nor given another role.")]
    LastOwner,
    /// The person was erased.
    #[error("The personal data of this member was erased.")]
    Erased,
}

impl From<MemberError> for Refusal {
    fn from(error: MemberError) -> Self {
        let (code, retry_after) = match error {
            MemberError::NotFound | MemberError::Replaced => (Code::NotFound, None),
            MemberError::AlreadyExists | MemberError::AlreadyActive | MemberError::AlreadyAccepted => {
                (Code::Conflict, None)
            }
            MemberError::Expired => (Code::InviteExpired, None),
            MemberError::TooSoon { retry_after } => (Code::RateLimited, Some(retry_after)),
            MemberError::LastOwner => (Code::LastOwner, None),
            MemberError::Erased => (Code::Erased, None),
        };
        Self { retry_after, ..Self::new(code, error.to_string()) }
    }
}

//! What can be asked of a member.

use chrono::{DateTime, Utc};

use crate::{
    id::{MemberId, OrganizationId},
    member::{MemberPatch, NewMember},
};

/// Commands of a member.
#[derive(Clone, Debug, PartialEq)]
pub enum MemberCommand {
    /// Invites a person.
    Invite {
        /// The new member.
        member_id: MemberId,
        /// The organization.
        organization_id: OrganizationId,
        /// Who is invited, and as what.
        member: NewMember,
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// Invites a person again who has not accepted yet: with a new link, and as what is said now.
    Reinvite {
        /// The same person.
        member: NewMember,
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// Takes an invitation up.
    Accept {
        /// Which of the invitations the link belongs to.
        invitation: u32,
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// Changes name or role.
    Update {
        /// What changes.
        patch: MemberPatch,
        /// How many active owners the organization has now.
        owners: i64,
    },
    /// Takes the person out of the organization, or takes the invitation back.
    Remove {
        /// How many active owners the organization has now.
        owners: i64,
    },
}

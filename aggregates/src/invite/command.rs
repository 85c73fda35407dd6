//! What can be asked of an invite.

use chrono::{DateTime, Utc};

use crate::{
    id::{CampaignId, InviteId, OrganizationId, SessionId},
    invite::{MailReport, NewInvite},
};

/// Commands of an invite.
#[derive(Clone, Debug, PartialEq)]
pub enum InviteCommand {
    /// Invites a person.
    Create {
        /// The new invite.
        invite_id: InviteId,
        /// Its organization.
        organization_id: OrganizationId,
        /// Its campaign.
        campaign_id: CampaignId,
        /// Whom it is for, and its terms.
        invite: NewInvite,
        /// Whether the campaign allows one invite per address.
        unique: bool,
    },
    /// Sends the mail once more.
    Resend {
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// Withdraws it and revokes its link.
    Cancel {
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// Records what became of one of its mails.
    Report(MailReport),
    /// Records that its time ran out.
    Expire {
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// The participant acts on the link.
    OpenSession {
        /// The new session.
        session_id: SessionId,
        /// The session before it, which must be over: an invite has one live session.
        replaces: Option<SessionId>,
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// The interview begins.
    Start {
        /// The session.
        session_id: SessionId,
        /// The present instant.
        now: DateTime<Utc>,
    },
    /// The interview was completed.
    Complete {
        /// The session.
        session_id: SessionId,
    },
}

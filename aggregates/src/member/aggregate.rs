//! The member's state and rules.

use chrono::{DateTime, Duration, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Entity,
    id::{MemberId, OrganizationId},
    member::{
        MemberAccepted, MemberCommand, MemberError, MemberEvent, MemberInvited, MemberPatch, MemberReinvited,
        MemberRemoved, MemberRenamed, MemberRole, MemberRoleChanged, NewMember,
    },
    value::{Email, whole_second},
};

/// How long an invitation can be accepted (contract 35).
pub const VALID_FOR: Duration = Duration::days(7);
/// The least time between two invitations of one person.
pub const REINVITE_INTERVAL: Duration = Duration::minutes(1);
/// The number of a member's first invitation.
pub const FIRST_INVITATION: u32 = 1;

/// A member, as far as its rules need to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Its id, once it exists.
    pub id: Option<MemberId>,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The person's normalized address, as long as it is readable.
    pub email: Option<String>,
    /// What the person is called.
    pub name: Option<String>,
    /// What the person is in the organization, or will be.
    pub role: MemberRole,
    /// Whether the invitation was accepted.
    pub active: bool,
    /// Which of the invitations is the valid one.
    pub invitation: u32,
    /// When it was sent.
    pub invited_at: DateTime<Utc>,
    /// The first instant at which it can no longer be accepted.
    pub expires_at: DateTime<Utc>,
    /// Whether the person is no member any more.
    pub removed: bool,
}

impl Member {
    /// Whether the invitation of this number may be accepted now.
    ///
    /// # Errors
    /// When it was replaced, accepted or taken back, or has expired.
    pub fn admit(&self, invitation: u32, now: DateTime<Utc>) -> Result<(), MemberError> {
        match () {
            () if self.organization_id().is_none() => Err(MemberError::NotFound),
            () if invitation != self.invitation => Err(MemberError::Replaced),
            () if self.active => Err(MemberError::AlreadyAccepted),
            () if now >= self.expires_at => Err(MemberError::Expired),
            () => Ok(()),
        }
    }

    fn reinvite(&self, member: NewMember, now: DateTime<Utc>) -> Result<Vec<MemberEvent>, MemberError> {
        if self.active {
            return Err(MemberError::AlreadyActive);
        }
        let wait = self.invited_at + REINVITE_INTERVAL - now;
        if wait > Duration::zero() {
            // Rounded up, and never longer than the interval, even where the clocks of two nodes differ.
            let milliseconds = wait.min(REINVITE_INTERVAL).num_milliseconds().unsigned_abs().max(1);
            return Err(MemberError::TooSoon { retry_after: milliseconds.div_ceil(1000) });
        }
        Ok(vec![MemberEvent::Reinvited(MemberReinvited {
            name: member.name.or_else(|| self.name.clone()).into(),
            role: member.role,
            invited_at: now,
            expires_at: whole_second(now + VALID_FOR),
        })])
    }

    /// Whether the organization can do without this one as an owner.
    fn dispensable(&self, owners: i64) -> Result<(), MemberError> {
        let is_last = self.active && self.role == MemberRole::Owner && owners <= 1;
        if is_last { Err(MemberError::LastOwner) } else { Ok(()) }
    }

    fn update(&self, patch: MemberPatch, owners: i64) -> Result<Vec<MemberEvent>, MemberError> {
        let mut events = Vec::new();
        let name = patch.name.against(self.name.as_ref());
        if !name.is_keep() {
            self.email.as_ref().ok_or(MemberError::Erased)?;
            events.push(MemberEvent::Renamed(MemberRenamed { name: name.set().into() }));
        }
        if let Some(role) = patch.role.filter(|role| *role != self.role) {
            self.dispensable(owners)?;
            events.push(MemberEvent::RoleChanged(MemberRoleChanged { role }));
        }
        Ok(events)
    }
}

impl Entity for Member {
    type Id = MemberId;

    fn organization_id(&self) -> Option<OrganizationId> {
        self.id.filter(|_| !self.removed).map(|_| self.organization_id)
    }

    fn subject(&self) -> Option<&str> {
        self.email.as_deref()
    }

    fn decide(&self, command: MemberCommand) -> Result<Vec<MemberEvent>, MemberError> {
        match command {
            MemberCommand::Invite { .. } if self.id.is_some() => Err(MemberError::AlreadyExists),
            MemberCommand::Invite { member_id, organization_id, member, now } => {
                Ok(vec![MemberEvent::Invited(MemberInvited {
                    member_id,
                    organization_id,
                    email: member.email.into(),
                    name: member.name.into(),
                    role: member.role,
                    invited_at: now,
                    expires_at: whole_second(now + VALID_FOR),
                })])
            }
            _ if self.organization_id().is_none() => Err(MemberError::NotFound),
            MemberCommand::Reinvite { member, now } => self.reinvite(member, now),
            MemberCommand::Accept { invitation, now } => {
                self.admit(invitation, now)?;
                Ok(vec![MemberEvent::Accepted(MemberAccepted {})])
            }
            MemberCommand::Update { patch, owners } => self.update(patch, owners),
            MemberCommand::Remove { owners } => {
                self.dispensable(owners)?;
                Ok(vec![MemberEvent::Removed(MemberRemoved {})])
            }
        }
    }
}

impl Aggregate for Member {
    const TYPE: &'static str = "member";
    type Command = MemberCommand;
    type Event = MemberEvent;
    type Error = MemberError;
    type Services = ();

    async fn handle(&mut self, command: MemberCommand, (): &(), sink: &EventSink<Self>) -> Result<(), MemberError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: MemberEvent) {
        match event {
            MemberEvent::Invited(invited) => {
                self.id = Some(invited.member_id);
                self.organization_id = invited.organization_id;
                self.email = invited.email.clear().map(|email| Email::normalized(email).to_owned());
                self.name = invited.name.clear().cloned().flatten();
                self.role = invited.role;
                self.invitation = FIRST_INVITATION;
                self.invited_at = invited.invited_at;
                self.expires_at = invited.expires_at;
            }
            MemberEvent::Reinvited(reinvited) => {
                self.name = reinvited.name.clear().cloned().flatten();
                self.role = reinvited.role;
                self.invitation += 1;
                self.invited_at = reinvited.invited_at;
                self.expires_at = reinvited.expires_at;
            }
            MemberEvent::Accepted(MemberAccepted {}) => self.active = true,
            MemberEvent::Renamed(renamed) => self.name = renamed.name.clear().cloned().flatten(),
            MemberEvent::RoleChanged(MemberRoleChanged { role }) => self.role = role,
            MemberEvent::Removed(MemberRemoved {}) => self.removed = true,
        }
    }
}

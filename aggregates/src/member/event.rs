//! What can happen to a member.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Payload, Personal, Sealable,
    event::events,
    id::{MemberId, OrganizationId},
    value::Email,
};

events! {
    /// Events of a member's stream.
    MemberEvent {
        /// See [`MemberInvited`].
        Invited(MemberInvited),
        /// See [`MemberReinvited`].
        Reinvited(MemberReinvited),
        /// See [`MemberAccepted`].
        Accepted(MemberAccepted),
        /// See [`MemberRenamed`].
        Renamed(MemberRenamed),
        /// See [`MemberRoleChanged`].
        RoleChanged(MemberRoleChanged),
        /// See [`MemberRemoved`].
        Removed(MemberRemoved),
    }
}

/// What a member is in the organization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Owns it.
    Owner,
    /// Administers it.
    Admin,
    /// Works in it.
    #[default]
    Member,
    /// Looks on.
    Viewer,
}

impl MemberRole {
    /// The names in the API.
    pub const NAMES: [(&'static str, Self); 4] =
        [("owner", Self::Owner), ("admin", Self::Admin), ("member", Self::Member), ("viewer", Self::Viewer)];

    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }
}

/// A person was invited to the organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberInvited {
    /// The new member.
    pub member_id: MemberId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// Who is invited: the data subject.
    pub email: Personal<Email>,
    /// What the person is called.
    pub name: Personal<Option<String>>,
    /// As what.
    pub role: MemberRole,
    /// When: the next invitation is a minute later at the earliest.
    pub invited_at: DateTime<Utc>,
    /// The first instant at which the invitation can no longer be accepted.
    pub expires_at: DateTime<Utc>,
}

impl Payload for MemberInvited {
    const NAME: &'static str = "member.invited";

    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        vec![("email", &mut self.email), ("name", &mut self.name)]
    }

    fn subject(&self) -> Option<&str> {
        self.email.clear().map(Email::normalized)
    }
}

/// The person was invited again. The link of the invitation before leads nowhere any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberReinvited {
    /// What the person is called now.
    pub name: Personal<Option<String>>,
    /// As what the person is invited now.
    pub role: MemberRole,
    /// When.
    pub invited_at: DateTime<Utc>,
    /// The first instant at which the invitation can no longer be accepted.
    pub expires_at: DateTime<Utc>,
}

impl Payload for MemberReinvited {
    const NAME: &'static str = "member.reinvited";

    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        vec![("name", &mut self.name)]
    }
}

/// The person accepted the invitation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberAccepted {}

impl Payload for MemberAccepted {
    const NAME: &'static str = "member.accepted";
}

/// The person is called something else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberRenamed {
    /// What the person is called now.
    pub name: Personal<Option<String>>,
}

impl Payload for MemberRenamed {
    const NAME: &'static str = "member.renamed";

    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        vec![("name", &mut self.name)]
    }
}

/// The person has another role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberRoleChanged {
    /// The new one.
    pub role: MemberRole,
}

impl Payload for MemberRoleChanged {
    const NAME: &'static str = "member.role_changed";
}

/// The person is no member any more, or the invitation was taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberRemoved {}

impl Payload for MemberRemoved {
    const NAME: &'static str = "member.removed";
}

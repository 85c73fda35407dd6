//! Members of an organization.

use aggregates::{
    id::{Id, MemberId, OrganizationId, SubjectId},
    member::{FIRST_INVITATION, MemberRole, event::MemberEvent},
    value::Email,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::Error as _};

use crate::{
    Column, ColumnDef, ReadModel, Recorded,
    column::Stored,
    time::{self, optional_seconds, seconds, whole_seconds},
};

/// Whether a member has accepted the invitation (contract 57).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberStatus {
    /// Not yet.
    Invited,
    /// Yes.
    Active,
}

impl MemberStatus {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
        }
    }
}

/// A member's row. A member who was removed has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The person, as the log knows it; stays when the person is erased.
    pub subject: Option<SubjectId>,
    /// Which of the member's invitations is the valid one.
    pub invitation: u32,
    /// What the API shows.
    pub api: MemberDocument,
}

/// What the API shows of a member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberDocument {
    /// Its id.
    pub id: MemberId,
    /// The person's address; none once the person is erased.
    pub email: Option<Email>,
    /// What the person is called; none if that was not given, or once the person is erased.
    pub name: Option<String>,
    /// What the person is in the organization, or will be.
    pub role: MemberRole,
    /// Whether the invitation was accepted.
    pub status: MemberStatus,
    /// The first second at which the invitation can no longer be accepted; none once it was.
    #[serde(with = "optional_seconds")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When the person was first invited.
    #[serde(with = "seconds")]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(with = "seconds")]
    pub updated_at: DateTime<Utc>,
}

impl ReadModel for Member {
    type Event = MemberEvent;
    const PREFIX: &'static str = MemberId::PREFIX;
    const TABLE: &'static str = "members";
    const COLUMNS: &'static [ColumnDef] = &[
        ColumnDef::text("subject"),
        ColumnDef::text("role"),
        ColumnDef::text("status"),
        ColumnDef::text("name"),
        ColumnDef::text("name_search"),
        ColumnDef::int("invitation"),
        ColumnDef::int("created_at"),
        ColumnDef::int("updated_at"),
    ];

    fn fold(row: Option<Self>, event: &Self::Event, recorded: &Recorded) -> Option<Self> {
        let at = whole_seconds(recorded.at);
        let mut row = match event {
            MemberEvent::Invited(invited) => {
                return Some(Self {
                    organization_id: invited.organization_id,
                    subject: recorded.subject,
                    invitation: FIRST_INVITATION,
                    api: MemberDocument {
                        id: invited.member_id,
                        email: invited.email.clear().cloned(),
                        name: invited.name.clear().cloned().flatten(),
                        role: invited.role,
                        status: MemberStatus::Invited,
                        expires_at: Some(whole_seconds(invited.expires_at)),
                        created_at: at,
                        updated_at: at,
                    },
                });
            }
            MemberEvent::Removed(_) => return None,
            _ => row?,
        };
        match event {
            MemberEvent::Invited(_) | MemberEvent::Removed(_) => {}
            MemberEvent::Reinvited(reinvited) => {
                row.invitation = row.invitation.saturating_add(1);
                row.api.name = reinvited.name.clear().cloned().flatten();
                row.api.role = reinvited.role;
                row.api.expires_at = Some(whole_seconds(reinvited.expires_at));
            }
            MemberEvent::Accepted(_) => {
                row.api.status = MemberStatus::Active;
                row.api.expires_at = None;
            }
            MemberEvent::Renamed(renamed) => row.api.name = renamed.name.clear().cloned().flatten(),
            MemberEvent::RoleChanged(changed) => row.api.role = changed.role,
        }
        row.api.updated_at = at;
        Some(row)
    }

    fn id(&self) -> String {
        self.api.id.to_string()
    }

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn document(&self) -> serde_json::Result<String> {
        serde_json::to_string(&self.api)
    }

    fn columns(&self) -> Vec<Column> {
        let name = self.api.name.as_deref().unwrap_or_default();
        vec![
            Column::id(self.subject),
            Column::text(self.api.role.as_str()),
            Column::text(self.api.status.as_str()),
            Column::text(name),
            Column::text(name.to_lowercase()),
            Column::int(self.invitation),
            time::column(self.api.created_at),
            time::column(self.api.updated_at),
        ]
    }

    fn groups(&self) -> Vec<(String, i64)> {
        let (organization, status) = (self.organization_id, self.api.status);
        let mut groups =
            vec![(format!("members/{organization}"), 1), (format!("members/{organization}/{}", status.as_str()), 1)];
        if status == MemberStatus::Active && self.api.role == MemberRole::Owner {
            groups.push((format!("members/{organization}/owners"), 1));
        }
        if let Some(subject) = self.subject {
            groups.push((format!("members/{organization}/person/{subject}"), 1));
        }
        groups
    }

    fn restore(organization: OrganizationId, document: &str, columns: &[Column]) -> serde_json::Result<Self> {
        let stored = Stored::new(Self::COLUMNS, columns);
        let subject = stored.text("subject")?.map(str::parse).transpose().map_err(serde_json::Error::custom)?;
        let invitation = u32::try_from(stored.present_int("invitation")?).map_err(serde_json::Error::custom)?;
        Ok(Self { organization_id: organization, subject, invitation, api: serde_json::from_str(document)? })
    }
}

#[cfg(test)]
mod tests {
    use aggregates::{
        Personal,
        member::event::{MemberAccepted, MemberInvited, MemberReinvited, MemberRemoved, MemberRoleChanged},
    };
    use serde_json::json;

    use super::*;
    use crate::testing::{HALF_PAST_TEN, at, folded, id, scopes, shown};

    fn invited() -> MemberEvent {
        MemberEvent::Invited(MemberInvited {
            member_id: id(8),
            organization_id: id(1),
            email: Email::parse("Ada@example.com").expect("an address").into(),
            name: Personal::Clear(Some("Ada Lovelace".to_owned())),
            role: MemberRole::Owner,
            invited_at: at(HALF_PAST_TEN),
            expires_at: at(HALF_PAST_TEN + 60),
        })
    }

    #[test]
    fn an_invited_member_shows_until_when() {
        let row: Member = folded(&[invited()]).expect("a row");
        assert_eq!(
            shown(&row),
            json!({
                "id": row.id(), "email": "Ada@example.com", "name": "Ada Lovelace", "role": "owner",
                "status": "invited", "expiresAt": "2024-01-15T10:31:00Z",
                "createdAt": "2024-01-15T10:30:00Z", "updatedAt": "2024-01-15T10:30:00Z",
            })
        );
        assert_eq!((row.subject, row.invitation), (Some(id(99)), 1));
    }

    #[test]
    fn only_active_owners_count_as_owners() {
        let (organization, person) = (id::<OrganizationId>(1), id::<SubjectId>(99));
        let reinvited = MemberEvent::Reinvited(MemberReinvited {
            name: Personal::Clear(None),
            role: MemberRole::Owner,
            invited_at: at(HALF_PAST_TEN),
            expires_at: at(HALF_PAST_TEN + 600),
        });
        let history = [
            invited(),
            reinvited,
            MemberEvent::Accepted(MemberAccepted {}),
            MemberEvent::RoleChanged(MemberRoleChanged { role: MemberRole::Viewer }),
        ];
        let row = |n: usize| folded::<Member>(&history[..n]).expect("a row");
        let expected = |status: &str, owner: bool| {
            let mut scopes = vec![format!("members/{organization}"), format!("members/{organization}/{status}")];
            scopes.extend(owner.then(|| format!("members/{organization}/owners")));
            scopes.push(format!("members/{organization}/person/{person}"));
            scopes
        };
        assert_eq!(scopes(&row(1)), expected("invited", false));
        assert_eq!((row(2).invitation, row(2).api.name), (2, None));
        assert_eq!(scopes(&row(3)), expected("active", true));
        assert_eq!((row(3).api.status, row(3).api.expires_at), (MemberStatus::Active, None));
        assert_eq!(scopes(&row(4)), expected("active", false));
    }

    #[test]
    fn a_removed_member_has_no_row() {
        assert_eq!(folded::<Member>(&[invited(), MemberEvent::Removed(MemberRemoved {})]), None);
    }
}

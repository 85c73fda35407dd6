//! Invites.

use aggregates::{
    id::{CampaignId, Id, InviteId, OrganizationId, SubjectId},
    invite::{
        InviteStatus, SendFailure,
        event::{InviteCreated, InviteEvent},
    },
    value::{Email, Metadata},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::Error as _};

use crate::{
    Column, ColumnDef, ReadModel, Recorded,
    column::Stored,
    time::{self, seconds, whole_seconds},
};

/// What became of the mail with the link (contract 21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailStatus {
    /// None was asked for, or it was no longer needed.
    NotSent,
    /// It is to be sent.
    Queued,
    /// It was handed over.
    Sent,
    /// It arrived.
    Delivered,
    /// It was read.
    Opened,
    /// It came back.
    Bounced,
    /// It could not be handed over.
    Failed,
}

impl EmailStatus {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Opened => "opened",
            Self::Bounced => "bounced",
            Self::Failed => "failed",
        }
    }
}

/// Whether an invite that the log still calls `status` has run out: expiry holds from the very second, whether or not
/// its event has been written (contract 17).
pub fn overdue(status: InviteStatus, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    status == InviteStatus::Pending && now >= expires_at
}

/// An invite's row.
#[derive(Clone, Debug, PartialEq)]
pub struct Invite {
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Whom it is for, as the log knows the person; stays when the person is erased.
    pub subject: Option<SubjectId>,
    /// Which of the tokens derivable for this invite is the valid one (contract 7).
    pub token_generation: u32,
    /// Whether it was made under the rule of one invite per address (contract 19).
    pub unique: bool,
    /// What the API shows.
    pub api: InviteDocument,
}

/// What the API shows of an invite, without `token` and `inviteUrl`, which are derived when it is rendered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InviteDocument {
    /// Its id.
    pub id: InviteId,
    /// Its campaign.
    pub campaign_id: CampaignId,
    /// The participant's address; none once the person is erased.
    pub email: Option<Email>,
    /// The participant's display name; none if it was not given, or once the person is erased.
    pub name: Option<String>,
    /// Where it stands in the log; see [`overdue`].
    pub status: InviteStatus,
    /// What became of its mail.
    pub email_status: EmailStatus,
    /// The first second at which it can no longer be started.
    #[serde(with = "seconds")]
    pub expires_at: DateTime<Utc>,
    /// The customer's own keys; empty once the person is erased.
    pub metadata: Metadata,
    /// The template of its mail; the default one where absent.
    pub email_template: Option<String>,
    /// When it was created.
    #[serde(with = "seconds")]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(with = "seconds")]
    pub updated_at: DateTime<Utc>,
}

impl Invite {
    /// See [`overdue`](fn@overdue).
    pub fn overdue(&self, now: DateTime<Utc>) -> bool {
        overdue(self.api.status, self.api.expires_at, now)
    }

    fn created(event: &InviteCreated, recorded: &Recorded) -> Self {
        let at = whole_seconds(recorded.at);
        Self {
            organization_id: event.organization_id,
            subject: recorded.subject,
            token_generation: event.token_generation,
            unique: event.unique,
            api: InviteDocument {
                id: event.invite_id,
                campaign_id: event.campaign_id,
                email: event.email.clear().cloned(),
                name: event.name.clear().cloned().flatten(),
                status: InviteStatus::Pending,
                email_status: if event.send_email { EmailStatus::Queued } else { EmailStatus::NotSent },
                expires_at: whole_seconds(event.expires_at),
                metadata: event.metadata.clear().cloned().unwrap_or_default(),
                email_template: event.email_template.clone(),
                created_at: at,
                updated_at: at,
            },
        }
    }
}

impl ReadModel for Invite {
    type Event = InviteEvent;
    const PREFIX: &'static str = InviteId::PREFIX;
    const TABLE: &'static str = "invites";
    const COLUMNS: &'static [ColumnDef] = &[
        ColumnDef::text("campaign_id"),
        ColumnDef::text("status"),
        ColumnDef::text("email_status"),
        ColumnDef::text("subject"),
        ColumnDef::int("expires_at"),
        ColumnDef::int("token_generation"),
        ColumnDef::int("unique_email"),
        ColumnDef::int("created_at"),
        ColumnDef::int("updated_at"),
    ];

    fn fold(row: Option<Self>, event: &Self::Event, recorded: &Recorded) -> Option<Self> {
        let mut row = match event {
            InviteEvent::Created(created) => return Some(Self::created(created, recorded)),
            _ => row?,
        };
        match event {
            InviteEvent::Created(_) => {}
            InviteEvent::Resent(_) => row.api.email_status = EmailStatus::Queued,
            InviteEvent::Cancelled(_) => row.api.status = InviteStatus::Cancelled,
            InviteEvent::Expired(_) => row.api.status = InviteStatus::Expired,
            InviteEvent::Sent(_) => row.api.email_status = EmailStatus::Sent,
            InviteEvent::SendFailed(failed) if failed.reason == SendFailure::Obsolete => {
                row.api.email_status = EmailStatus::NotSent;
            }
            InviteEvent::SendFailed(_) => row.api.email_status = EmailStatus::Failed,
            InviteEvent::Delivered(_) => row.api.email_status = EmailStatus::Delivered,
            InviteEvent::Opened(_) => row.api.email_status = EmailStatus::Opened,
            InviteEvent::Bounced(_) => row.api.email_status = EmailStatus::Bounced,
            // An internal matter: the invite waits as before, and whoever lists what changed has nothing to see.
            InviteEvent::SessionOpened(_) => return Some(row),
            InviteEvent::Started(_) => row.api.status = InviteStatus::Started,
            InviteEvent::Completed(_) => row.api.status = InviteStatus::Completed,
        }
        row.api.updated_at = whole_seconds(recorded.at);
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
        vec![
            Column::id(Some(self.api.campaign_id)),
            Column::text(self.api.status.as_str()),
            Column::text(self.api.email_status.as_str()),
            Column::id(self.subject),
            time::column(self.api.expires_at),
            Column::int(self.token_generation),
            Column::int(self.unique),
            time::column(self.api.created_at),
            time::column(self.api.updated_at),
        ]
    }

    fn groups(&self) -> Vec<(String, i64)> {
        let (campaign, status) = (self.api.campaign_id, self.api.status.as_str());
        let mut groups = vec![(format!("invites/{campaign}"), 1), (format!("invites/{campaign}/{status}"), 1)];
        let withdrawn = matches!(self.api.status, InviteStatus::Cancelled | InviteStatus::Expired);
        if let Some(subject) = self.subject.filter(|_| self.unique && !withdrawn) {
            groups.push((format!("invites/unique/{campaign}/{subject}"), 1));
        }
        groups
    }

    fn restore(organization: OrganizationId, document: &str, columns: &[Column]) -> serde_json::Result<Self> {
        let stored = Stored::new(Self::COLUMNS, columns);
        Ok(Self {
            organization_id: organization,
            subject: stored.text("subject")?.map(str::parse).transpose().map_err(serde_json::Error::custom)?,
            token_generation: u32::try_from(stored.present_int("token_generation")?)
                .map_err(serde_json::Error::custom)?,
            unique: stored.present_int("unique_email")? != 0,
            api: serde_json::from_str(document)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use aggregates::{
        Personal,
        invite::event::{InviteCancelled, InviteExpired, InviteResent},
    };
    use serde_json::json;

    use super::*;
    use crate::testing::{HALF_PAST_TEN, at, folded, id, scopes, shown};

    fn created() -> InviteCreated {
        let metadata = json!({"userId": "12345", "score": 0.1});
        InviteCreated {
            invite_id: id(6),
            organization_id: id(1),
            campaign_id: id(5),
            email: Email::parse("Jane@Example.com").expect("an address").into(),
            name: Some("Jane Doe".to_owned()).into(),
            metadata: serde_json::from_value::<Metadata>(metadata).expect("an object").into(),
            expires_at: at(HALF_PAST_TEN + 604_800),
            send_email: true,
            email_template: None,
            token_generation: 3,
            unique: true,
        }
    }

    #[test]
    fn a_new_invite() {
        let row: Invite = folded(&[InviteEvent::Created(created())]).expect("a row");
        assert_eq!(
            shown(&row),
            json!({
                "id": row.id(), "campaignId": row.api.campaign_id, "email": "Jane@Example.com", "name": "Jane Doe",
                "status": "pending", "emailStatus": "queued", "expiresAt": "2024-01-22T10:30:00Z",
                "metadata": {"userId": "12345", "score": 0.1}, "emailTemplate": null,
                "createdAt": "2024-01-15T10:30:00Z", "updatedAt": "2024-01-15T10:30:00Z",
            })
        );
        assert!(!row.overdue(at(HALF_PAST_TEN + 604_799)));
        assert!(row.overdue(at(HALF_PAST_TEN + 604_800)));
    }

    #[test]
    fn an_erased_person_is_gone_from_the_document() {
        let mut event = created();
        (event.email, event.name, event.metadata) = (Personal::Erased, Personal::Erased, Personal::Erased);
        let document = shown(&folded::<Invite>(&[InviteEvent::Created(event)]).expect("a row"));
        assert_eq!((&document["email"], &document["name"]), (&json!(null), &json!(null)));
        assert_eq!(document["metadata"], json!({}));
    }

    #[test]
    fn a_resend_queues_the_mail_that_was_not_asked_for_at_first() {
        let first = InviteEvent::Created(InviteCreated { send_email: false, ..created() });
        let row: Invite = folded(std::slice::from_ref(&first)).expect("a row");
        assert_eq!(row.api.email_status, EmailStatus::NotSent);
        let resent = InviteEvent::Resent(InviteResent { resent_at: at(HALF_PAST_TEN) });
        let row: Invite = folded(&[first, resent]).expect("a row");
        assert_eq!(row.api.email_status, EmailStatus::Queued);
    }

    #[test]
    fn the_status_of_its_mail_follows_what_is_reported() {
        use aggregates::invite::mail::*;
        let failed = |reason| InviteEvent::SendFailed(InviteSendFailed { mail: 1, reason, code: None });
        for (event, status) in [
            (InviteEvent::Sent(InviteSent { mail: 1 }), "sent"),
            (InviteEvent::Delivered(InviteDelivered { mail: 1 }), "delivered"),
            (InviteEvent::Opened(InviteOpened { mail: 1 }), "opened"),
            (InviteEvent::Bounced(InviteBounced { mail: 1, code: None }), "bounced"),
            (failed(SendFailure::Rejected), "failed"),
            (failed(SendFailure::Obsolete), "not_sent"),
        ] {
            let row: Invite = folded(&[InviteEvent::Created(created()), event]).expect("a row");
            assert_eq!(
                (shown(&row)["emailStatus"].as_str(), row.columns()[2].clone()),
                (Some(status), Column::text(status))
            );
            assert_eq!(shown(&row)["updatedAt"], "2024-01-15T10:30:10Z");
        }
    }

    #[test]
    fn an_invite_blocks_its_address_until_it_is_cancelled_or_expired() {
        let (campaign, subject) = (id::<CampaignId>(5), id::<SubjectId>(99));
        let unique = format!("invites/unique/{campaign}/{subject}");
        let expected = |status: &str| vec![format!("invites/{campaign}"), format!("invites/{campaign}/{status}")];

        let row: Invite = folded(&[InviteEvent::Created(created())]).expect("a row");
        assert_eq!(scopes(&row), [expected("pending"), vec![unique]].concat());
        let shared = InviteEvent::Created(InviteCreated { unique: false, ..created() });
        assert_eq!(scopes(&folded::<Invite>(&[shared]).expect("a row")), expected("pending"));
        for (event, status) in [
            (InviteEvent::Cancelled(InviteCancelled {}), "cancelled"),
            (InviteEvent::Expired(InviteExpired {}), "expired"),
        ] {
            let row: Invite = folded(&[InviteEvent::Created(created()), event]).expect("a row");
            assert_eq!(scopes(&row), expected(status));
        }
    }

    #[test]
    fn a_row_with_columns_of_another_shape_is_refused() {
        let row: Invite = folded(&[InviteEvent::Created(created())]).expect("a row");
        let (document, mut columns) = (row.document().expect("writable"), row.columns());
        assert_eq!(Invite::restore(row.organization_id, &document, &columns).expect("readable"), row);
        assert!(Invite::restore(row.organization_id, &document, &columns[..3]).is_err());
        columns[5] = Column::Int(None);
        assert!(Invite::restore(row.organization_id, &document, &columns).is_err());
    }
}

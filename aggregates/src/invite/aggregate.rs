//! The invite's state and rules.

use chrono::{DateTime, Duration, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Entity,
    id::{CampaignId, InviteId, OrganizationId, SessionId},
    invite::{
        InviteCancelled, InviteCommand, InviteCompleted, InviteCreated, InviteError, InviteEvent, InviteExpired,
        InviteResent, InviteSessionOpened, InviteStarted, MailStage, NewInvite, SendFailure,
    },
};

/// The least time between two resends of one invite (contract 17).
pub const RESEND_INTERVAL: Duration = Duration::minutes(1);
/// The generation of an invite's first token (contract 7).
pub const FIRST_TOKEN: u32 = 1;

/// An invite, as far as its rules need to know. Nothing in it is about the person, so it may be kept in the clear.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Invite {
    /// Its id, once it exists.
    pub id: Option<InviteId>,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its campaign.
    pub campaign_id: CampaignId,
    /// Where it stands, as far as that has been recorded; [`Invite::status_at`] knows better.
    pub status: InviteStatus,
    /// The first instant at which it can no longer be started.
    pub expires_at: DateTime<Utc>,
    /// When the mail was last sent once more; its first sending does not count (contract 54).
    pub resent_at: Option<DateTime<Utc>>,
    /// Which of its tokens is the valid one.
    pub token_generation: u32,
    /// How many mails were asked for.
    #[serde(default)]
    pub mails: u32,
    /// How far the latest of them has come.
    #[serde(default)]
    pub mail: MailStage,
    /// The latest session that was opened with it: the only one that may be live.
    pub session_id: Option<SessionId>,
}

/// Where an invite stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InviteStatus {
    /// It waits for the participant.
    #[default]
    Pending,
    /// The interview has begun.
    Started,
    /// The interview is over.
    Completed,
    /// Its time ran out before it was started.
    Expired,
    /// It was withdrawn.
    Cancelled,
}

impl InviteStatus {
    /// The names in the API.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("pending", Self::Pending),
        ("started", Self::Started),
        ("completed", Self::Completed),
        ("expired", Self::Expired),
        ("cancelled", Self::Cancelled),
    ];

    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Invite {
    /// Where the invite stands at an instant: expiry holds from the very second, recorded or not (contract 17).
    pub fn status_at(&self, now: DateTime<Utc>) -> InviteStatus {
        match self.status {
            InviteStatus::Pending if now >= self.expires_at => InviteStatus::Expired,
            status => status,
        }
    }

    fn require_pending(&self, now: DateTime<Utc>) -> Result<(), InviteError> {
        match self.status_at(now) {
            InviteStatus::Pending => Ok(()),
            InviteStatus::Expired => Err(InviteError::Expired),
            status => Err(InviteError::NotPending(status)),
        }
    }

    /// Whether an interview may be begun with it, as its participant is told.
    ///
    /// # Errors
    /// When it was withdrawn, has expired, or was used.
    pub fn admit_start(&self, now: DateTime<Utc>) -> Result<(), InviteError> {
        match self.status_at(now) {
            _ if self.id.is_none() => Err(InviteError::NotFound),
            InviteStatus::Pending => Ok(()),
            InviteStatus::Expired => Err(InviteError::Expired),
            InviteStatus::Cancelled => Err(InviteError::Cancelled),
            InviteStatus::Started | InviteStatus::Completed => Err(InviteError::Used),
        }
    }

    fn require_session(&self, session_id: Option<SessionId>) -> Result<(), InviteError> {
        if self.session_id == session_id { Ok(()) } else { Err(InviteError::OtherSession) }
    }

    fn complete(&self, session_id: SessionId) -> Result<Vec<InviteEvent>, InviteError> {
        self.require_session(Some(session_id))?;
        match self.status {
            InviteStatus::Started => Ok(vec![InviteEvent::Completed(InviteCompleted { session_id })]),
            status => Err(InviteError::NotPending(status)),
        }
    }

    fn resend(&self, now: DateTime<Utc>) -> Result<Vec<InviteEvent>, InviteError> {
        self.require_pending(now)?;
        let wait = self.resent_at.map_or(Duration::zero(), |resent_at| resent_at + RESEND_INTERVAL - now);
        if wait > Duration::zero() {
            // Rounded up, so that whoever waits as long as told is not refused again; and never longer than the
            // interval, even where the clocks of two nodes differ.
            let milliseconds = wait.min(RESEND_INTERVAL).num_milliseconds().unsigned_abs().max(1);
            return Err(InviteError::TooSoon { retry_after: milliseconds.div_ceil(1000) });
        }
        Ok(vec![InviteEvent::Resent(InviteResent { resent_at: now })])
    }

    fn ask_for_mail(&mut self) {
        self.mails += 1;
        self.mail = MailStage::Queued;
    }

    fn expire(&self, now: DateTime<Utc>) -> Result<Vec<InviteEvent>, InviteError> {
        match (self.status, self.status_at(now)) {
            (InviteStatus::Pending, InviteStatus::Expired) => Ok(vec![InviteEvent::Expired(InviteExpired {})]),
            (InviteStatus::Pending, _) => Err(InviteError::NotDue),
            // Somebody was faster: the timer has nothing left to do.
            _ => Ok(Vec::new()),
        }
    }
}

impl Entity for Invite {
    type Id = InviteId;

    fn organization_id(&self) -> Option<OrganizationId> {
        self.id.map(|_| self.organization_id)
    }

    fn decide(&self, command: InviteCommand) -> Result<Vec<InviteEvent>, InviteError> {
        match command {
            InviteCommand::Create { .. } if self.id.is_some() => Err(InviteError::AlreadyExists),
            InviteCommand::Create { invite_id, organization_id, campaign_id, invite, unique } => {
                let NewInvite { email, name, metadata, expires_at, send_email, email_template } = invite;
                Ok(vec![InviteEvent::Created(InviteCreated {
                    invite_id,
                    organization_id,
                    campaign_id,
                    email: email.into(),
                    name: name.into(),
                    metadata: metadata.into(),
                    expires_at,
                    send_email,
                    email_template,
                    token_generation: FIRST_TOKEN,
                    unique,
                })])
            }
            _ if self.id.is_none() => Err(InviteError::NotFound),
            InviteCommand::Resend { now } => self.resend(now),
            InviteCommand::Cancel { now } => {
                self.require_pending(now)?;
                Ok(vec![InviteEvent::Cancelled(InviteCancelled {})])
            }
            InviteCommand::Report(report) => self.report(report),
            InviteCommand::Expire { now } => self.expire(now),
            InviteCommand::OpenSession { session_id, replaces, now } => {
                self.admit_start(now)?;
                self.require_session(replaces)?;
                Ok(vec![InviteEvent::SessionOpened(InviteSessionOpened { session_id })])
            }
            InviteCommand::Start { session_id, now } => {
                self.admit_start(now)?;
                self.require_session(Some(session_id))?;
                Ok(vec![InviteEvent::Started(InviteStarted { session_id })])
            }
            InviteCommand::Complete { session_id } => self.complete(session_id),
        }
    }
}

impl Aggregate for Invite {
    const TYPE: &'static str = "invite";
    type Command = InviteCommand;
    type Event = InviteEvent;
    type Error = InviteError;
    type Services = ();

    async fn handle(&mut self, command: InviteCommand, (): &(), sink: &EventSink<Self>) -> Result<(), InviteError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: InviteEvent) {
        match event {
            InviteEvent::Created(created) => {
                self.id = Some(created.invite_id);
                self.organization_id = created.organization_id;
                self.campaign_id = created.campaign_id;
                self.expires_at = created.expires_at;
                self.token_generation = created.token_generation;
                if created.send_email {
                    self.ask_for_mail();
                }
            }
            InviteEvent::Resent(resent) => {
                self.resent_at = Some(resent.resent_at);
                self.ask_for_mail();
            }
            InviteEvent::Cancelled(InviteCancelled {}) => self.status = InviteStatus::Cancelled,
            InviteEvent::Expired(InviteExpired {}) => self.status = InviteStatus::Expired,
            InviteEvent::Sent(_) => self.mail = MailStage::Sent,
            InviteEvent::SendFailed(failed) if failed.reason == SendFailure::Obsolete => self.mail = MailStage::None,
            InviteEvent::SendFailed(_) => self.mail = MailStage::Failed,
            InviteEvent::Delivered(_) => self.mail = MailStage::Delivered,
            InviteEvent::Opened(_) => self.mail = MailStage::Opened,
            InviteEvent::Bounced(_) => self.mail = MailStage::Bounced,
            InviteEvent::SessionOpened(opened) => self.session_id = Some(opened.session_id),
            InviteEvent::Started(_) => self.status = InviteStatus::Started,
            InviteEvent::Completed(_) => self.status = InviteStatus::Completed,
        }
    }
}

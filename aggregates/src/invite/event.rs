//! What can happen to an invite.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Payload, Personal, Sealable,
    event::events,
    id::{CampaignId, InviteId, OrganizationId, SessionId},
    invite::mail::{InviteBounced, InviteDelivered, InviteOpened, InviteSendFailed, InviteSent},
    value::{Email, Metadata},
};

events! {
    /// Events of an invite's stream.
    InviteEvent {
        /// See [`InviteCreated`].
        Created(InviteCreated),
        /// See [`InviteResent`].
        Resent(InviteResent),
        /// See [`InviteCancelled`].
        Cancelled(InviteCancelled),
        /// See [`InviteExpired`].
        Expired(InviteExpired),
        /// See [`InviteSessionOpened`].
        SessionOpened(InviteSessionOpened),
        /// See [`InviteStarted`].
        Started(InviteStarted),
        /// See [`InviteCompleted`].
        Completed(InviteCompleted),
        /// See [`InviteSent`].
        Sent(InviteSent),
        /// See [`InviteSendFailed`].
        SendFailed(InviteSendFailed),
        /// See [`InviteDelivered`].
        Delivered(InviteDelivered),
        /// See [`InviteOpened`].
        Opened(InviteOpened),
        /// See [`InviteBounced`].
        Bounced(InviteBounced),
    }
}

/// A person was invited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InviteCreated {
    /// The new invite.
    pub invite_id: InviteId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its campaign.
    pub campaign_id: CampaignId,
    /// Whom it is for: the data subject.
    pub email: Personal<Email>,
    /// The participant's display name.
    pub name: Personal<Option<String>>,
    /// The customer's own keys; they may say anything about the person.
    pub metadata: Personal<Metadata>,
    /// The first instant at which the invite can no longer be started.
    pub expires_at: DateTime<Utc>,
    /// Whether a mail with the link is to be sent.
    pub send_email: bool,
    /// The template of that mail; the default one where absent.
    pub email_template: Option<String>,
    /// Which of the tokens derivable for this invite is the valid one (contract 7).
    pub token_generation: u32,
    /// Whether the campaign allows one invite per address (contract 19).
    pub unique: bool,
}

impl Payload for InviteCreated {
    const NAME: &'static str = "invite.created";

    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        vec![("email", &mut self.email), ("name", &mut self.name), ("metadata", &mut self.metadata)]
    }

    fn subject(&self) -> Option<&str> {
        self.email.clear().map(Email::normalized)
    }
}

/// The mail with the link is to be sent once more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InviteResent {
    /// When that was asked for: the next time is a minute later at the earliest (contract 54).
    pub resent_at: DateTime<Utc>,
}

impl Payload for InviteResent {
    const NAME: &'static str = "invite.resent";
}

/// The invite was withdrawn and its link revoked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InviteCancelled {}

impl Payload for InviteCancelled {
    const NAME: &'static str = "invite.cancelled";
}

/// The invite's time ran out before it was started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InviteExpired {}

impl Payload for InviteExpired {
    const NAME: &'static str = "invite.expired";
}

/// The participant acted on the link. The invite still waits: only the start of the interview stops its clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InviteSessionOpened {
    /// The one live session of the invite.
    pub session_id: SessionId,
}

impl Payload for InviteSessionOpened {
    const NAME: &'static str = "invite.session_opened";
}

/// The interview has begun: the invite can no longer expire or be changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InviteStarted {
    /// The session.
    pub session_id: SessionId,
}

impl Payload for InviteStarted {
    const NAME: &'static str = "invite.started";
}

/// The interview was completed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InviteCompleted {
    /// The session.
    pub session_id: SessionId,
}

impl Payload for InviteCompleted {
    const NAME: &'static str = "invite.completed";
}

//! What becomes of an invite's mails (contract 21).
//!
//! An invite asks for a mail when it is created with `sendEmail`, and once more with each resend. The mails are numbered
//! from 1. Whatever is reported about a mail that a later one has overtaken no longer matters.

use serde::{Deserialize, Serialize};

use crate::{
    Payload,
    invite::{Invite, InviteError, InviteEvent},
};

/// What is reported about one of an invite's mails. Reports may come twice, late, and in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailReport {
    /// Which one, from 1.
    pub mail: u32,
    /// What became of it.
    pub fate: MailFate,
}

/// What can become of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailFate {
    /// A mail server has taken it.
    Sent,
    /// It will not be sent any more.
    NotSent {
        /// Why.
        reason: SendFailure,
        /// A code of the other side or of ours, never its words: they may name the person.
        code: Option<String>,
    },
    /// It has arrived.
    Delivered,
    /// It was displayed.
    Opened,
    /// It came back.
    Bounced {
        /// The status code of the report (RFC 3463), or the provider's word for it.
        code: Option<String>,
    },
}

/// Why a mail was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendFailure {
    /// The mail server refused it for good.
    Rejected,
    /// The mail server could not be reached, or put us off, until we gave up.
    GaveUp,
    /// The address cannot be written to.
    Address,
    /// It could not be made: the template does not render with this invite's data.
    Template,
    /// There was no longer a reason to send it: the invite is over, or the person was erased.
    Obsolete,
}

impl SendFailure {
    /// The name in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::GaveUp => "gave_up",
            Self::Address => "address",
            Self::Template => "template",
            Self::Obsolete => "obsolete",
        }
    }
}

/// How far an invite's latest mail has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailStage {
    /// None was asked for.
    #[default]
    None,
    /// It is to be sent.
    Queued,
    /// It could not be sent.
    Failed,
    /// It was handed over.
    Sent,
    /// It has arrived.
    Delivered,
    /// It was displayed.
    Opened,
    /// It came back.
    Bounced,
}

impl MailStage {
    /// Whether a report says anything new. Each thing happens once to a mail; what was displayed has arrived, whatever is
    /// reported later; and a mail can come back after its delivery was reported, since gateways accept before they check.
    fn takes(self, fate: &MailFate) -> bool {
        match fate {
            MailFate::Sent | MailFate::NotSent { .. } => self == Self::Queued,
            MailFate::Delivered => matches!(self, Self::Queued | Self::Failed | Self::Sent),
            MailFate::Opened => !matches!(self, Self::None | Self::Opened),
            MailFate::Bounced { .. } => matches!(self, Self::Queued | Self::Sent | Self::Delivered),
        }
    }
}

impl Invite {
    pub(super) fn report(&self, report: MailReport) -> Result<Vec<InviteEvent>, InviteError> {
        let MailReport { mail, fate } = report;
        if mail == 0 || mail > self.mails {
            return Err(InviteError::NoSuchMail);
        }
        if mail < self.mails || !self.mail.takes(&fate) {
            return Ok(Vec::new());
        }
        let event = match fate {
            MailFate::Sent => InviteEvent::Sent(InviteSent { mail }),
            MailFate::NotSent { reason, code } => InviteEvent::SendFailed(InviteSendFailed { mail, reason, code }),
            MailFate::Delivered => InviteEvent::Delivered(InviteDelivered { mail }),
            MailFate::Opened => InviteEvent::Opened(InviteOpened { mail }),
            MailFate::Bounced { code } => InviteEvent::Bounced(InviteBounced { mail, code }),
        };
        // A provider may be faster than the note that the mail was handed over to it.
        let implied = self.mail == MailStage::Queued
            && matches!(event, InviteEvent::Delivered(_) | InviteEvent::Opened(_) | InviteEvent::Bounced(_));
        let sent = implied.then_some(InviteEvent::Sent(InviteSent { mail }));
        Ok(sent.into_iter().chain([event]).collect())
    }
}

/// A mail server has taken the mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InviteSent {
    /// Which of the invite's mails, from 1.
    pub mail: u32,
}

impl Payload for InviteSent {
    const NAME: &'static str = "invite.sent";
}

/// The mail will not be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InviteSendFailed {
    /// Which of the invite's mails, from 1.
    pub mail: u32,
    /// Why.
    pub reason: SendFailure,
    /// A code of the other side or of ours.
    pub code: Option<String>,
}

impl Payload for InviteSendFailed {
    const NAME: &'static str = "invite.send_failed";
}

/// The mail has arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InviteDelivered {
    /// Which of the invite's mails, from 1.
    pub mail: u32,
}

impl Payload for InviteDelivered {
    const NAME: &'static str = "invite.delivered";
}

/// The mail was displayed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InviteOpened {
    /// Which of the invite's mails, from 1.
    pub mail: u32,
}

impl Payload for InviteOpened {
    const NAME: &'static str = "invite.opened";
}

/// The mail came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InviteBounced {
    /// Which of the invite's mails, from 1.
    pub mail: u32,
    /// The status code of the report (RFC 3463), or the provider's word for it.
    pub code: Option<String>,
}

impl Payload for InviteBounced {
    const NAME: &'static str = "invite.bounced";
}

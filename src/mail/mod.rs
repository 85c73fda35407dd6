//! Mail: what is sent, when, and what became of it.
//!
//! The [`Mailer`] is a durable subscriber. It reads the log and queues a row for each event that asks for a mail, in the
//! transaction of its checkpoint. Then it sends what is due, under its lease: **before** an attempt it writes that it
//! begins (which also counts it against the cap, and is refused to a node that has lost the lease); **after** it, the
//! event that says what came of it and the end of the row commit together. So no mail is forgotten, and none is sent
//! twice, but for one window that SMTP leaves open: when the process or the connection dies after the mail server has
//! taken the message and before its answer has been written down, nobody knows, and the mail is sent again, under the
//! same Message-ID.
//!
//! A kind of mail is one implementation of [`Kind`] and one entry in [`KINDS`].

pub mod builtin;
pub mod draft;
mod invite;
mod mailer;
mod member;
pub mod member_words;
pub mod reports;
pub mod settings;
pub mod transport;
mod webhook_disabled;

use aggregates::invite::SendFailure;
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;

pub use self::{
    builtin::{Rendered, Source},
    mailer::Mailer,
    settings::{MailSettings, Outlet},
};
use self::{
    draft::{Draft, Unwritable},
    invite::InviteMail,
    member::MemberMail,
    webhook_disabled::WebhookDisabledMail,
};
use crate::{
    command::{self, Caller, Commands, mail_reports::FinishMail},
    store::{QueuedMail, StoredRecord},
};

/// A kind of mail.
pub trait Kind: Send + Sync {
    /// Its name in the queue, never changed.
    fn name(&self) -> &'static str;

    /// Whether an event asks for such a mail.
    ///
    /// # Errors
    /// When the event cannot be read; it is put aside.
    fn is_asked_for(&self, record: &StoredRecord) -> Result<bool, String>;

    /// What the mail says now. It is asked for before each attempt, so it never speaks of what is over.
    fn draft<'a>(
        &'a self,
        commands: &'a Commands,
        settings: &'a MailSettings,
        mail: &'a QueuedMail,
    ) -> BoxFuture<'a, Result<Draft, Undrafted>>;

    /// Writes down that the mail was sent, or why it never will be, where anybody wants to know, and takes it off the queue.
    fn settle<'a>(
        &'a self,
        commands: &'a Commands,
        mail: &'a QueuedMail,
        _: &'a End,
    ) -> BoxFuture<'a, Result<(), command::Error>> {
        Box::pin(async move {
            let Ok(organization) = mail.organization.parse() else { return Ok(()) };
            let caller = Caller { organization, actor: "mail".to_owned(), request_id: mail.id.clone() };
            commands.run(&caller, None, &FinishMail { id: mail.id.clone() }).await.map(drop)
        })
    }
}

/// All kinds of mail.
pub static KINDS: [&dyn Kind; 3] = [&InviteMail, &MemberMail, &WebhookDisabledMail];

/// A row that a mail speaks of.
async fn document<T: DeserializeOwned>(commands: &Commands, table: &'static str, id: &str) -> Result<T, Undrafted> {
    let found = commands.store.document_of_any(table, id).await?.ok_or_else(|| Undrafted::obsolete("unknown"))?;
    serde_json::from_str(&found.json).map_err(|error| Undrafted::ForNow(error.to_string()))
}

/// Why there is nothing to send.
#[derive(Clone, Debug)]
pub enum Undrafted {
    /// There never will be.
    ForGood(Unwritable),
    /// The store failed; later there may be.
    ForNow(String),
}

impl Undrafted {
    fn obsolete(code: &str) -> Self {
        Self::ForGood(Unwritable::new(SendFailure::Obsolete, code))
    }
}

impl From<crate::store::Error> for Undrafted {
    fn from(error: crate::store::Error) -> Self {
        Self::ForNow(error.to_string())
    }
}

/// How the sending of a mail ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was handed over.
    Sent,
    /// It will not be.
    NotSent {
        /// Why.
        reason: SendFailure,
        /// A code, never the words of the other side.
        code: Option<String>,
    },
}

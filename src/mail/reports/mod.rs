//! Reports on what became of mails, as providers and mail servers send them. Each is proved before anything in it is believed,
//! and counts once, however often it comes: that is the invite's own rule.

mod postmark;
mod rfc3464;
mod sendgrid;
pub mod ses;

use std::sync::Arc;

use aggregates::invite::MailFate;
use axum::http::{HeaderMap, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use subtle::ConstantTimeEq;

use super::{MailSettings, transport::is_enhanced};
use crate::trust::{keys::Keys, mail_token::MailRef};

/// How old a signed report may be. Providers try for hours to hand one in, with the time of the first attempt.
const OLDEST: TimeDelta = TimeDelta::hours(24);
/// How far a provider's clock may be ahead of ours.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// What is reported about one mail of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The mail.
    pub mail: MailRef,
    /// What became of it.
    pub fate: MailFate,
}

/// Why a report is not listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no such way to report here.
    Unknown,
    /// It is not proved that it comes from whom it says.
    Unproved(&'static str),
    /// It cannot be read.
    Unreadable(&'static str),
    /// What the proof needs cannot be had right now.
    Unavailable,
}

/// A request with a report, as it came.
pub struct Request<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: &'a [u8],
    /// The present instant.
    pub now: DateTime<Utc>,
}

/// Reads reports.
pub struct Desk {
    settings: Arc<MailSettings>,
    keys: Arc<Keys>,
    ses: ses::Ses,
}

impl Desk {
    /// Reads the reports that the settings provide for. `amazon` fetches what SES's proofs need.
    pub fn new(settings: Arc<MailSettings>, keys: Arc<Keys>, amazon: Arc<dyn ses::Amazon>) -> Self {
        Self { settings, keys, ses: ses::Ses::new(amazon) }
    }

    /// The folder that mails are written to, if they are.
    pub fn folder(&self) -> Option<&std::path::Path> {
        match &self.settings.outlet {
            super::Outlet::Folder(folder) => Some(folder),
            super::Outlet::Smtp(_) => None,
        }
    }

    /// What a request reports about mails of ours; nothing, if it is about others' or about what does not matter here.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn read(&self, provider: &str, request: Request<'_>) -> Result<Vec<Report>, Refused> {
        let settings = &*self.settings;
        match provider {
            "ses" => {
                let topic = settings.ses_topic.as_deref().ok_or(Refused::Unknown)?;
                self.ses.read(&self.keys, topic, &request).await
            }
            "sendgrid" => {
                let key = settings.sendgrid_key.as_deref().ok_or(Refused::Unknown)?;
                sendgrid::read(&self.keys, key, &request)
            }
            "postmark" => {
                let secret = settings.postmark_secret.as_deref().ok_or(Refused::Unknown)?;
                postmark::read(&self.keys, secret, &request)
            }
            "rfc3464" => {
                let secret = settings.bounce_secret.as_deref().ok_or(Refused::Unknown)?;
                rfc3464::read(&self.keys, secret, &request)
            }
            _ => Err(Refused::Unknown),
        }
    }
}

impl Request<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }

    /// What follows the scheme in `Authorization`.
    fn credentials(&self, scheme: &str) -> Option<&str> {
        let (given, credentials) = self.header(header::AUTHORIZATION.as_str())?.split_once(' ')?;
        given.eq_ignore_ascii_case(scheme).then_some(credentials.trim())
    }

    /// Whether the request knows a secret, as the user and password of basic authentication or as a bearer's token.
    fn knows(&self, secret: &str) -> bool {
        let basic = self.credentials("basic").and_then(|text| BASE64_STANDARD.decode(text).ok());
        let given = basic.or_else(|| self.credentials("bearer").map(|text| text.as_bytes().to_vec()));
        given.is_some_and(|given| given.ct_eq(secret.as_bytes()).into())
    }
}

/// Whether a signed report's time is near enough to ours: an old recording proves nothing.
fn is_fresh(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    at <= now + AHEAD && at > now - OLDEST
}

/// The status code of a bounce, if the provider gives one, or else its word for it. Neither can hold anything about a person.
fn code(status: Option<&str>, word: Option<&str>) -> Option<String> {
    let status = status.map(str::trim).filter(|status| is_enhanced(status));
    let is_word = |word: &&str| {
        (1..=60).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_/-".contains(&byte))
    };
    status.or_else(|| word.filter(is_word)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_are_kept() {
        assert_eq!(code(Some("5.1.1"), Some("hard")).as_deref(), Some("5.1.1"));
        assert_eq!(code(Some("550 ada@example.com"), Some("HardBounce")).as_deref(), Some("HardBounce"));
        assert_eq!(code(None, Some("mailbox of ada@example.com is full")), None);
    }

    #[test]
    fn old_and_future_reports_are_not_fresh() {
        let now = DateTime::from_timestamp(1_780_000_000, 0).expect("a time");
        for (seconds, fresh) in [(0, true), (-86_399, true), (-86_400, false), (600, true), (601, false)] {
            assert_eq!(is_fresh(now + TimeDelta::seconds(seconds), now), fresh, "{seconds}");
        }
    }
}

//! What an operator says about mail.

use std::{path::PathBuf, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};
use lettre::{Address, AsyncSmtpTransport, Tokio1Executor, message::Mailbox};

use crate::trust::mail_token;

/// The sender where nobody named one; only possible as long as mails are written to files.
pub const DEFAULT_FROM: &str = "no-reply@interview-relay.invalid";
/// The longest local part that mail servers accept (RFC 5321).
const MAX_LOCAL: usize = 64;

/// How mails leave, and who may report what became of them.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Where mails go.
    pub outlet: Outlet,
    /// The sender.
    pub from: Mailbox,
    /// The address that bounces go to, to be completed for each mail.
    pub bounces: Option<BounceAddress>,
    /// Attempts per minute, of all nodes together.
    pub rate: u32,
    /// Whether mails hold the picture that tells of their opening.
    pub open_pixel: bool,
    /// The topic that Amazon SES publishes to; others are not listened to.
    pub ses_topic: Option<String>,
    /// SendGrid's public key for signed events: a P-256 point.
    pub sendgrid_key: Option<Vec<u8>>,
    /// What Postmark must know: `user:password` of its basic authentication.
    pub postmark_secret: Option<String>,
    /// What whoever hands in bounce messages must know.
    pub bounce_secret: Option<String>,
}

/// Where mails go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outlet {
    /// To a mail server, by its URL.
    Smtp(String),
    /// Into files of this folder.
    Folder(PathBuf),
}

/// An address with room for a token in it: `bounces@mail.example.com` becomes `bounces+<token>@mail.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BounceAddress {
    local: String,
    domain: String,
}

impl BounceAddress {
    /// The address for one mail.
    ///
    /// # Errors
    /// Not for addresses that were read from text and tokens of ours.
    pub fn with(&self, token: &str) -> Result<Address, lettre::address::AddressError> {
        Address::new(format!("{}+{token}", self.local), &self.domain)
    }
}

impl FromStr for BounceAddress {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let address: Address = text.parse().map_err(|_| ())?;
        let (local, domain) = (address.user(), address.domain());
        if !text.is_ascii() || local.contains('+') || local.len() + 1 + mail_token::LENGTH > MAX_LOCAL {
            return Err(());
        }
        Ok(Self { local: local.to_owned(), domain: domain.to_owned() })
    }
}

impl MailSettings {
    /// Mails in files, and nobody to report on them.
    pub fn to_folder(folder: PathBuf) -> Self {
        Self {
            outlet: Outlet::Folder(folder),
            #[allow(clippy::expect_used, reason = "a test reads it")]
            from: DEFAULT_FROM.parse().expect("the default sender is an address"),
            bounces: None,
            rate: 600,
            open_pixel: true,
            ses_topic: None,
            sendgrid_key: None,
            postmark_secret: None,
            bounce_secret: None,
        }
    }
}

/// Whether mails can be sent by way of this URL: `smtp://`, with `?tls=required` for STARTTLS, or `smtps://`.
pub fn is_smtp_url(url: &str) -> bool {
    AsyncSmtpTransport::<Tokio1Executor>::from_url(url).is_ok()
}

/// Reads a sender: an address, or `Name <address>`.
pub fn sender(text: &str) -> Option<Mailbox> {
    // The parser stops at the end of the first address, whatever follows it.
    if text.chars().any(char::is_control) || text.matches('@').count() != 1 {
        return None;
    }
    text.parse().ok()
}

/// Reads SendGrid's verification key: an ECDSA key on P-256 as SubjectPublicKeyInfo in base 64. Answers its point.
pub fn sendgrid_key(text: &str) -> Option<Vec<u8>> {
    /// What DER puts before the uncompressed point of every such key.
    const HEAD: [u8; 26] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
        0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let lines = text.lines().filter(|line| !line.starts_with("-----"));
    let der = BASE64_STANDARD.decode(lines.collect::<String>().replace(' ', "")).ok()?;
    let point = der.strip_prefix(&HEAD)?;
    (point.len() == 65 && point[0] == 4).then(|| point.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_and_servers() {
        assert!(sender(DEFAULT_FROM).is_some());
        let named = sender("Acme Research <mail@example.com>").expect("good");
        assert_eq!(
            (named.name.as_deref(), named.email.to_string().as_str()),
            (Some("Acme Research"), "mail@example.com")
        );
        for bad in ["", "mail", "a@b@c", "Acme <mail@example.com>\r\nBcc: x@example.com", "A\nB <mail@example.com>"] {
            assert!(sender(bad).is_none(), "{bad:?}");
        }
        for good in
            ["smtp://localhost:2525", "smtps://user:p%40ss@mail.example.com", "smtp://mail.example.com?tls=required"]
        {
            assert!(is_smtp_url(good), "{good}");
        }
        for bad in ["", "mail.example.com", "http://mail.example.com", "smtp://", "smtp://x?tls=maybe"] {
            assert!(!is_smtp_url(bad), "{bad}");
        }
    }

    #[test]
    fn the_bounce_address_must_have_room() {
        let address: BounceAddress = "bounces@mail.example.com".parse().expect("good");
        let token = "a".repeat(mail_token::LENGTH);
        assert_eq!(address.with(&token).expect("an address").to_string(), format!("bounces+{token}@mail.example.com"));
        for bad in ["", "x", "a+b@example.com", "sixteen-letters-@example.com", "ü@example.com"] {
            assert!(bad.parse::<BounceAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        assert_eq!(sendgrid_key(""), None);
        assert_eq!(sendgrid_key("AAAA"), None);
        assert_eq!(sendgrid_key("not base 64!"), None);
    }
}

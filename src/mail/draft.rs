//! From what a mail says to the bytes that are sent. Nothing that comes from outside can begin another header here: texts with
//! control characters are refused, and everything else is encoded.

use std::time::SystemTime;

use aggregates::{invite::SendFailure, value::Email};
use chrono::{DateTime, Utc};
use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};

use super::{builtin::Rendered, settings::MailSettings};
use crate::trust::keys::Keys;

/// The header that names the mail, for whoever reports on it.
pub const HEADER: &str = "X-InterviewRelay-Mail";

/// A mail before it is written.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The event that asks for it, which gives it its Message-ID.
    pub id: String,
    /// Whom it goes to.
    pub to: Email,
    /// The name of that person, if it is known.
    pub to_name: Option<String>,
    /// In whose name it is sent.
    pub sender_name: String,
    /// What it says.
    pub content: Rendered,
    /// The language of that.
    pub language: String,
    /// The token by which reports find it (see [`crate::trust::mail_token`]).
    pub token: Option<String>,
}

/// A mail as it is sent.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Sender and recipient, as the mail servers see them.
    pub envelope: Envelope,
    /// The message.
    pub bytes: Vec<u8>,
}

/// Why a mail cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritable {
    /// The kind.
    pub reason: SendFailure,
    /// More, without anything about the person.
    pub code: Option<String>,
}

impl Unwritable {
    /// Because of what `code` says.
    pub fn new(reason: SendFailure, code: impl Into<String>) -> Self {
        Self { reason, code: Some(code.into()) }
    }
}

impl Draft {
    /// Writes the mail.
    ///
    /// # Errors
    /// When the address cannot be written to, or a text cannot stand in a header.
    pub fn write(self, settings: &MailSettings, date: DateTime<Utc>) -> Result<Letter, Unwritable> {
        if self.content.subject.chars().any(char::is_control) {
            return Err(Unwritable::new(SendFailure::Template, "invalid_subject"));
        }
        let to = recipient(&self.to)?;
        let broken = |code: &'static str| move |_| Unwritable::new(SendFailure::Address, code);
        let from = Mailbox::new(
            settings.from.name.clone().or_else(|| printable(&self.sender_name)),
            settings.from.email.clone(),
        );
        let return_path = match (&settings.bounces, &self.token) {
            (Some(bounces), Some(token)) => bounces.with(token).map_err(broken("bounce_address"))?,
            _ => settings.from.email.clone(),
        };
        let envelope = Envelope::new(Some(return_path), vec![to.clone()])
            .map_err(|_| Unwritable::new(SendFailure::Address, "envelope"))?;
        let name = self.to_name.as_deref().and_then(printable);
        let mut message = Message::builder()
            .envelope(envelope.clone())
            .from(from)
            .to(Mailbox::new(name, to))
            .subject(self.content.subject.clone())
            .date(SystemTime::from(date))
            .message_id(Some(self.message_id(settings)));
        for (name, value) in self.headers(settings) {
            message = message.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
        }
        let parts = MultiPart::alternative()
            .singlepart(SinglePart::plain(self.content.text.clone()))
            .singlepart(SinglePart::html(self.content.html.clone()));
        let message =
            message.multipart(parts).map_err(|_| Unwritable::new(SendFailure::Template, "invalid_message"))?;
        Ok(Letter { envelope, bytes: message.formatted() })
    }

    /// The same for every attempt, so that a receiver can tell a mail that it has got twice.
    fn message_id(&self, settings: &MailSettings) -> String {
        let domain = settings.from.email.domain();
        match &self.token {
            Some(token) => format!("<{}.{token}@{domain}>", self.id),
            None => format!("<{}@{domain}>", self.id),
        }
    }

    fn headers(&self, settings: &MailSettings) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            // Nobody wants the answer of an absence assistant (RFC 3834).
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("Content-Language", self.language.clone()),
        ];
        if let Some(token) = &self.token {
            headers.push((HEADER, token.clone()));
            if settings.sendgrid_key.is_some() {
                // SendGrid takes this header off and gives its content back with every event.
                headers.push(("X-SMTPAPI", format!("{{\"unique_args\":{{\"relay_mail\":\"{token}\"}}}}")));
            }
            if settings.postmark_secret.is_some() {
                headers.push(("X-PM-Metadata-relay-mail", token.clone()));
            }
        }
        headers
    }
}

/// A name that can stand in a header, or none.
fn printable(name: &str) -> Option<String> {
    let clean: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Some(clean.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The address as mail servers know it: names of hosts in ASCII, which every server understands.
fn recipient(email: &Email) -> Result<Address, Unwritable> {
    let broken = || Unwritable::new(SendFailure::Address, "invalid_address");
    let (local, domain) = email.as_str().rsplit_once('@').ok_or_else(broken)?;
    let ascii = if domain.is_ascii() {
        domain.to_owned()
    } else {
        let url = reqwest::Url::parse(&format!("http://{domain}/")).map_err(|_| broken())?;
        url.host_str().ok_or_else(broken)?.to_owned()
    };
    Address::new(local, ascii).map_err(|_| broken())
}

/// The address of the picture that tells of a mail's opening.
pub fn pixel_url(keys: &Keys, public_url: &str, mail: crate::trust::mail_token::MailRef) -> String {
    use crate::trust::mail_token::{Purpose, make};
    format!("{public_url}/mail/open/{}.gif", make(keys, Purpose::Open, mail))
}

/// Puts the picture at the end of an HTML part.
pub fn with_pixel(html: &str, url: &str) -> String {
    let picture = format!("<img src=\"{url}\" width=\"1\" height=\"1\" alt=\"\" style=\"display:block;border:0;\">");
    match html.to_ascii_lowercase().rfind("</body>") {
        Some(at) => format!("{}{picture}{}", &html[..at], &html[at..]),
        None => format!("{html}{picture}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(subject: &str, to: &str, name: &str) -> Draft {
        Draft {
            id: "evt_1".to_owned(),
            to: Email::parse(to).expect("an address"),
            to_name: Some(name.to_owned()),
            sender_name: "Acme\r\nBcc: eve@example.com".to_owned(),
            content: Rendered { subject: subject.to_owned(), text: "text".to_owned(), html: "<p>html</p>".to_owned() },
            language: "en".to_owned(),
            token: Some("t".repeat(48)),
        }
    }

    fn written(draft: Draft) -> Result<String, Unwritable> {
        let settings = MailSettings::to_folder("x".into());
        draft.write(&settings, DateTime::default()).map(|letter| String::from_utf8(letter.bytes).expect("ASCII"))
    }

    #[test]
    fn no_text_begins_a_header() {
        let text = written(draft("Hello", "ada@example.com", "Ada\r\nBcc: eve@example.com")).expect("written");
        let (head, _) = text.split_once("\r\n\r\n").expect("a head");
        assert!(!head.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{head}");
        let subject = written(draft("Hello\r\nBcc: eve@example.com", "ada@example.com", "Ada")).expect_err("refused");
        assert_eq!(subject, Unwritable::new(SendFailure::Template, "invalid_subject"));
    }

    #[test]
    fn the_same_mail_has_the_same_id_and_other_alphabets_are_encoded() {
        let first = written(draft("您好", "ada@bücher.example", "Zoë")).expect("written");
        assert!(first.contains(&format!("Message-ID: <evt_1.{}@interview-relay.invalid>", "t".repeat(48))), "{first}");
        assert!(first.contains("ada@xn--bcher-kva.example") && first.is_ascii(), "{first}");
        assert!(written(draft("x", "ada@example.com", "")).expect("written").contains("To: ada@example.com"));
    }

    #[test]
    fn the_picture_goes_into_the_body() {
        assert!(with_pixel("<BODY>x</BODY></html>", "u").starts_with("<BODY>x<img src=\"u\""));
        assert!(with_pixel("<p>x</p>", "u").ends_with("border:0;\">"));
    }
}

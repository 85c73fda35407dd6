//! Postmark's webhooks. They are not signed; Postmark sends the user and password that are part of the webhook's URL.

use aggregates::invite::MailFate;
use serde::Deserialize;

use super::{Refused, Report, Request, code};
use crate::trust::{
    keys::Keys,
    mail_token::{self, Purpose},
};

/// Types of Postmark's bounces that mean something else than that the mail did not arrive.
const NO_BOUNCES: [&str; 9] = [
    "Transient",
    "Subscribe",
    "Unsubscribe",
    "AutoResponder",
    "AddressChange",
    "DnsError",
    "OpenRelayTest",
    "ChallengeVerification",
    "VirusNotification",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    record_type: String,
    #[serde(rename = "Type")]
    kind: Option<String>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(rename = "relay-mail")]
    relay_mail: Option<String>,
}

pub(super) fn read(keys: &Keys, secret: &str, request: &Request<'_>) -> Result<Vec<Report>, Refused> {
    if !request.knows(secret) {
        return Err(Refused::Unproved("The user or password is wrong."));
    }
    let event: Event =
        serde_json::from_slice(request.body).map_err(|_| Refused::Unreadable("The body is not an event."))?;
    Ok(report(keys, &event).into_iter().collect())
}

fn report(keys: &Keys, event: &Event) -> Option<Report> {
    let kind = event.kind.as_deref();
    let fate = match event.record_type.as_str() {
        "Delivery" => MailFate::Delivered,
        "Open" => MailFate::Opened,
        "Bounce" if !kind.is_some_and(|kind| NO_BOUNCES.contains(&kind)) => {
            MailFate::Bounced { code: code(None, kind) }
        }
        _ => return None,
    };
    let mail = mail_token::read(keys, Purpose::Report, event.metadata.relay_mail.as_deref()?)?;
    Some(Report { mail, fate })
}

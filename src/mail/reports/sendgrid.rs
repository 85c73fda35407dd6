//! SendGrid's event webhook, signed with ECDSA on P-256 over the time and the body as it came.

use aggregates::invite::MailFate;
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::DateTime;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;

use super::{Refused, Report, Request, code, is_fresh};
use crate::trust::{
    keys::Keys,
    mail_token::{self, Purpose},
};

const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";

#[derive(Deserialize)]
struct Event {
    event: String,
    relay_mail: Option<String>,
    #[serde(rename = "smtp-id")]
    smtp_id: Option<String>,
    status: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

pub(super) fn read(keys: &Keys, key: &[u8], request: &Request<'_>) -> Result<Vec<Report>, Refused> {
    prove(key, request)?;
    let events: Vec<Event> =
        serde_json::from_slice(request.body).map_err(|_| Refused::Unreadable("The body is not a list of events."))?;
    Ok(events.iter().filter_map(|event| report(keys, event)).collect())
}

fn prove(key: &[u8], request: &Request<'_>) -> Result<(), Refused> {
    let missing = Refused::Unproved("The signature or its time is missing.");
    let (Some(signature), Some(timestamp)) = (request.header(SIGNATURE), request.header(TIMESTAMP)) else {
        return Err(missing);
    };
    let signature = BASE64_STANDARD.decode(signature).map_err(|_| missing)?;
    let signed = [timestamp.as_bytes(), request.body].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key)
        .verify(&signed, &signature)
        .map_err(|_| Refused::Unproved("The signature is wrong."))?;
    let at = timestamp.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    match at {
        Some(at) if is_fresh(at, request.now) => Ok(()),
        _ => Err(Refused::Unproved("The signature is too old.")),
    }
}

fn report(keys: &Keys, event: &Event) -> Option<Report> {
    let fate = match event.event.as_str() {
        "delivered" => MailFate::Delivered,
        "open" => MailFate::Opened,
        "bounce" | "dropped" => {
            let word = event.kind.as_deref().unwrap_or(&event.event);
            MailFate::Bounced { code: code(event.status.as_deref(), Some(word)) }
        }
        _ => return None,
    };
    let named = event.relay_mail.as_deref().and_then(|token| mail_token::read(keys, Purpose::Report, token));
    let mail = named.or_else(|| event.smtp_id.as_deref().and_then(|id| mail_token::find(keys, id)))?;
    Some(Report { mail, fate })
}

//! Bounce messages (RFC 3464), as a mail server pipes them in. Which mail one is about stands in the address that it was
//! sent to, and in what it quotes.

use aggregates::invite::MailFate;
use mail_parser::{MessageParser, MessagePart, MimeHeaders, PartType};

use super::{Refused, Report, Request, code};
use crate::trust::{keys::Keys, mail_token};

/// Headers that may hold the address which the bounce was sent to.
const ADDRESSED: [&str; 4] = ["Delivered-To", "X-Original-To", "Envelope-To", "To"];

pub(super) fn read(keys: &Keys, secret: &str, request: &Request<'_>) -> Result<Vec<Report>, Refused> {
    if !request.knows(secret) {
        return Err(Refused::Unproved("The secret is wrong."));
    }
    let unreadable = Refused::Unreadable("The body is not a message.");
    let message = MessageParser::default().parse(request.body).ok_or(unreadable)?;
    let status = message.parts.iter().find(|part| part.is_content_type("message", "delivery-status"));
    let Some(fate) = status.and_then(|part| fate(&text(part))) else {
        // Automatic replies and the like come to this address too.
        return Ok(Vec::new());
    };
    let addressed = ADDRESSED.iter().filter_map(|name| message.header_raw(*name));
    let mail = addressed.into_iter().find_map(|value| mail_token::find(keys, value));
    let mail = mail.or_else(|| message.parts.iter().skip(1).find_map(|part| mail_token::find(keys, &text(part))));
    Ok(mail.map(|mail| Report { mail, fate }).into_iter().collect())
}

/// What a part says, with the headers of the message in it if it is one.
fn text(part: &MessagePart<'_>) -> String {
    match &part.body {
        PartType::Message(message) => String::from_utf8_lossy(message.raw_message()).into_owned(),
        PartType::Multipart(_) => String::new(),
        _ => String::from_utf8_lossy(part.contents()).into_owned(),
    }
}

/// What the fields say (RFC 3464, section 2): groups of header lines, one about the message and one per recipient. Our
/// messages have one recipient.
fn fate(fields: &str) -> Option<MailFate> {
    let field = |name: &str| {
        let value = |line: &str| {
            let (key, value) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        fields.lines().find_map(value)
    };
    let action = field("Action")?.to_ascii_lowercase();
    // The status may be followed by a comment.
    let status = field("Status").map(|status| status.split([' ', '(']).next().unwrap_or_default().to_owned());
    match action.as_str() {
        "failed" => Some(MailFate::Bounced { code: code(status.as_deref(), Some("failed")) }),
        "delivered" => Some(MailFate::Delivered),
        // Delayed, relayed to where nobody reports, expanded to a list: not known yet.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions() {
        let of = |action: &str, status: &str| {
            fate(&format!(
                "Reporting-MTA: dns; mx.example.com\r\n\r\nFinal-Recipient: rfc822; ada@example.com\r\n\
                 Action: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; 550 5.1.1 unknown\r\n"
            ))
        };
        let bounced = |code: &str| Some(MailFate::Bounced { code: Some(code.to_owned()) });
        assert_eq!(of("failed", "5.1.1"), bounced("5.1.1"));
        assert_eq!(of("Failed", "5.2.2 (mailbox full)"), bounced("5.2.2"));
        assert_eq!(of("failed", "no idea"), bounced("failed"));
        assert_eq!(of("delivered", "2.0.0"), Some(MailFate::Delivered));
        for action in ["delayed", "relayed", "expanded", ""] {
            assert_eq!(of(action, "4.0.0"), None, "{action}");
        }
        assert_eq!(fate(""), None);
    }
}

//! Headers of the customer's own, sent along with each delivery.

use std::collections::BTreeMap;

use crate::value::{Document, Validator};

/// Headers that one endpoint may have.
pub const MAX_HEADERS: usize = 20;
const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 1_024;

/// What belongs to the connection, to the body or to our own signature.
fn is_ours(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "accept-encoding",
        "connection",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    const PREFIXES: &[&str] = &["content-", "proxy-", "webhook-", "x-interviewrelay-"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn is_token(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Checks headers and lower-cases their names; members that are null are left out.
pub fn check_headers(headers: &Document, validator: &mut Validator) -> BTreeMap<String, String> {
    let mut checked = BTreeMap::new();
    for (given, value) in headers.iter().filter(|(_, value)| !value.is_null()) {
        let field = format!("headers.{given}");
        let name = given.to_ascii_lowercase();
        if !is_token(&name) {
            validator.error(&field, "invalid_format", format!("is no header name of at most {MAX_NAME} characters"));
        } else if is_ours(&name) {
            validator.error(&field, "reserved", "is set by the server and cannot be changed");
        }
        match value.as_str() {
            None => validator.error(&field, "invalid_type", "must be a string"),
            Some(text) if text.len() > MAX_VALUE => {
                validator.error(&field, "too_long", format!("must be at most {MAX_VALUE} characters"));
            }
            Some(text) if !text.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)) => {
                validator.error(&field, "invalid_format", "must be one line of ASCII");
            }
            Some(text) => {
                if checked.insert(name, text.trim().to_owned()).is_some() {
                    validator.error(&field, "duplicate", "is given twice in different spellings");
                }
            }
        }
    }
    if checked.len() > MAX_HEADERS {
        validator.error("headers", "too_long", format!("must have at most {MAX_HEADERS} entries"));
    }
    checked
}

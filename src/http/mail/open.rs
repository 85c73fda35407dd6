//! `GET /mail/open/{token}.gif`.

use std::sync::Arc;

use aggregates::invite::MailFate;
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, header},
    response::Response,
};

use super::report::record;
use crate::{
    app::App,
    http::Token,
    mail::reports::Report,
    trust::mail_token::{self, Purpose},
};

/// One transparent dot.
const DOT: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\
    \x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// Headers by which programs say that they fetch something in case that somebody wants to look at it.
const PREFETCH: [&str; 4] = ["purpose", "sec-purpose", "x-purpose", "x-moz"];

/// Note that a mail was opened
///
/// The picture in a mail's HTML part. Every answer is the same picture, whatever the token is worth. A program that looks at
/// mails in its reader's place, as some mail services do, cannot be told from a reader.
#[utoipa::path(get, path = "/mail/open/{token}", operation_id = "openMail", tag = "Mail",
    params(("token" = String, Path, description = "Token of the mail, and `.gif`.")),
    responses((status = 200, description = "A picture of one transparent dot.", content_type = "image/gif")))]
pub async fn open(State(app): State<Arc<App>>, method: Method, headers: HeaderMap, Token(file): Token) -> Response {
    let token = file.strip_suffix(".gif").unwrap_or_default();
    if method == Method::GET
        && !is_prefetch(&headers)
        && let Some(mail) = mail_token::read(&app.commands.keys, Purpose::Open, token)
    {
        let opened = record(&app, "open-pixel", vec![Report { mail, fate: MailFate::Opened }]).await;
        if let Err(error) = opened {
            // The reader cannot help it; the next look at the mail counts as well.
            tracing::warn!(%error, "the opening of a mail could not be written down");
        }
    }
    let mut response = Response::new(Body::from(DOT));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn is_prefetch(headers: &HeaderMap) -> bool {
    PREFETCH.iter().any(|name| {
        let value = headers.get(*name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.to_ascii_lowercase().contains("prefetch") || value.eq_ignore_ascii_case("preview")
    })
}

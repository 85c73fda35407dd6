//! `GET /dev/mail`: the mails in the data directory, for whoever develops with this server. Only with `--dev`, and only for
//! clients on the same machine: everybody's invite links are in there.
//!
//! What is in the mails comes from anywhere, so every text is escaped, and the HTML part is shown in a frame that can neither
//! run nor load anything: looking at a mail here does not count as its opening.

use std::{path::PathBuf, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use mail_parser::{Message, MessageParser};
use minijinja::{AutoEscape, Environment, context};

use crate::{
    app::App,
    http::{ApiError, Token, proxies::ClientAddress},
};

/// Nothing is loaded and nothing runs, in the page and in its frame.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
/// Mails that are listed.
const MOST: usize = 200;
/// Bytes of a mail that is shown.
const MAX_MAIL: u64 = 4 << 20;

const LIST: &str = r#"<!doctype html><html lang="en"><meta charset="utf-8"><title>Mails</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%}
th,td{text-align:start;padding:.4rem .6rem;border-bottom:1px solid #ddd}</style>
<h1>Mails</h1>{% if folder %}<p>Files of <code>{{ folder }}</code>, the latest first.</p>
<table><thead><tr><th>Written</th><th>To</th><th>Subject</th></tr></thead><tbody>
{% for mail in mails %}<tr><td>{{ mail.date }}</td><td>{{ mail.to }}</td><td><a href="/dev/mail/{{ mail.name }}" dir="auto">{{ mail.subject }}</a></td></tr>
{% endfor %}</tbody></table>{% else %}<p>Mails go to a mail server, not to files.</p>{% endif %}</html>"#;

const SHOW: &str = r#"<!doctype html><html lang="en"><meta charset="utf-8"><title>{{ subject }}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}pre{white-space:pre-wrap;background:#f6f6f6;padding:1rem}
iframe{width:100%;height:48rem;border:1px solid #ddd}</style>
<p><a href="/dev/mail">All mails</a></p><h1 dir="auto">{{ subject }}</h1>
<h2>HTML</h2><iframe sandbox title="HTML part" srcdoc="{{ html }}"></iframe>
<h2>Text</h2><pre dir="auto">{{ text }}</pre><h2>Headers</h2><pre>{{ headers }}</pre></html>"#;

/// The mails that were written to files
#[utoipa::path(get, path = "/dev/mail", operation_id = "listDevMail", tag = "Development",
    responses((status = 200, description = "A page.", content_type = "text/html")))]
pub async fn list(
    State(app): State<Arc<App>>,
    Extension(client): Extension<ClientAddress>,
) -> Result<Response, ApiError> {
    near(client)?;
    let folder = app.mail.folder().map(PathBuf::from);
    let shown = folder.as_ref().map(|folder| folder.display().to_string());
    let mails = match folder {
        Some(folder) => tokio::task::spawn_blocking(move || summaries(&folder)).await.map_err(ApiError::internal)?,
        None => Vec::new(),
    };
    page(LIST, context! { folder => shown, mails => mails })
}

/// One of them
#[utoipa::path(get, path = "/dev/mail/{name}", operation_id = "getDevMail", tag = "Development",
    params(("name" = String, Path, description = "The name of its file.")),
    responses((status = 200, description = "A page.", content_type = "text/html")))]
pub async fn show(
    State(app): State<Arc<App>>,
    Extension(client): Extension<ClientAddress>,
    Token(name): Token,
) -> Result<Response, ApiError> {
    near(client)?;
    let folder = app.mail.folder().ok_or_else(ApiError::not_found)?;
    if !is_name(&name) {
        return Err(ApiError::not_found());
    }
    let path = folder.join(&name);
    let bytes = tokio::task::spawn_blocking(move || read(&path)).await.map_err(ApiError::internal)?;
    let bytes = bytes.ok_or_else(ApiError::not_found)?;
    let message = MessageParser::default().parse(&bytes).ok_or_else(ApiError::not_found)?;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(bytes.len());
    page(
        SHOW,
        context! {
            subject => message.subject().unwrap_or("(no subject)"),
            html => message.body_html(0).unwrap_or_default(),
            text => message.body_text(0).unwrap_or_default(),
            headers => String::from_utf8_lossy(&bytes[..end]),
        },
    )
}

/// For others there is nothing here.
fn near(ClientAddress(client): ClientAddress) -> Result<(), ApiError> {
    if client.to_canonical().is_loopback() { Ok(()) } else { Err(ApiError::not_found()) }
}

/// Whether a name is one that we give to files: it cannot lead elsewhere.
fn is_name(name: &str) -> bool {
    name.ends_with(".eml")
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

fn read(path: &std::path::Path) -> Option<Vec<u8>> {
    let small = std::fs::metadata(path).ok()?.len() <= MAX_MAIL;
    if small { std::fs::read(path).ok() } else { None }
}

fn summaries(folder: &std::path::Path) -> Vec<minijinja::Value> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| is_name(name)).collect();
    names.sort_unstable_by(|a, b| b.cmp(a));
    names.truncate(MOST);
    names
        .iter()
        .filter_map(|name| summary(name, &MessageParser::default().parse(&read(&folder.join(name))?)?))
        .collect()
}

fn summary(name: &str, message: &Message<'_>) -> Option<minijinja::Value> {
    let to = message.to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap_or_default();
    let date = message.date().map(mail_parser::DateTime::to_rfc3339).unwrap_or_default();
    Some(context! { name => name, to => to, date => date, subject => message.subject().unwrap_or("(no subject)") })
}

fn page(template: &str, data: minijinja::Value) -> Result<Response, ApiError> {
    let mut environment = Environment::empty();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let page = environment.render_str(template, data).map_err(ApiError::internal)?;
    let mut response = Response::new(Body::from(page));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        assert!(is_name("20240115T103000000Z_inv_01hm_abcd.eml"));
        for bad in ["../a.eml", ".a.eml", "a", "a/b.eml", "a\\b.eml", "a.eml\0", "", ".eml"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}

//! `/interview/{token}`: the page behind an invite's link.
//!
//! It is the same for everybody and reads nothing from the store: what the link leads to, and whether it still leads
//! anywhere, the page asks the API. So opening a link changes nothing (mail scanners do it too), and the page can say so
//! when the store cannot serve.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;

use super::assets;
use crate::{
    app::App,
    http::{ApiError, Token},
    trust::token,
};

/// Nothing but files of this server and sound that it has sent, no inline code, and no text that becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";
/// Spoken answers need the microphone; nothing needs the rest.
const PERMISSIONS: &str = "microphone=(self), autoplay=(self), camera=(), display-capture=(), geolocation=(), hid=(), \
                           midi=(), payment=(), publickey-credentials-get=(), serial=(), usb=()";
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The page as this installation serves it.
#[derive(Clone, Debug)]
pub struct InterviewPage {
    html: Bytes,
    policy: HeaderValue,
}

impl Default for InterviewPage {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl InterviewPage {
    /// The page, which only pages of these origins may mount.
    pub fn new(origins: &[String]) -> Self {
        let preload: String = assets::imported()
            .map(|name| format!("  <link rel=\"modulepreload\" href=\"assets/{{{{version}}}}/{name}\">\n"))
            .collect();
        let origins = origins.join(" ");
        let html = assets::PAGE
            .replace("{{preload}}", &preload)
            .replace("{{version}}", &assets::VERSION)
            .replace("{{origins}}", &origins);
        let ancestors = if origins.is_empty() { "'none'" } else { &origins };
        // Origins of the settings are ASCII; should one ever not be, nobody may mount the page.
        let policy = HeaderValue::from_str(&format!("{POLICY}; frame-ancestors {ancestors}"));
        let policy = policy.unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
        Self { html: html.into(), policy }
    }
}

/// The interview page
///
/// What an invite's link opens. Opening it starts nothing.
#[utoipa::path(get, path = "/interview/{token}", operation_id = "openInterviewPage", tag = "Interview",
    params(("token" = String, Path, description = "The token of the invite's link.")),
    responses((status = 200, description = "The page.", content_type = "text/html"),
        (status = 404, description = "No such link. The page says so.", content_type = "text/html")))]
pub async fn page(State(app): State<Arc<App>>, Token(token): Token) -> Response {
    // Whether the link is in force is for the API to say; what is no token at all needs no store to tell.
    let known = token::locate(&app.commands.keys, &token).is_some();
    let mut response = Response::new(Body::from(app.interview_page.html.clone()));
    *response.status_mut() = if known { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, app.interview_page.policy.clone());
    headers.insert(PERMISSIONS_POLICY, HeaderValue::from_static(PERMISSIONS));
    headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// A file of the interview page
///
/// Its address names its version, so it may be kept for ever.
#[utoipa::path(get, path = "/interview/assets/{version}/{file}", operation_id = "getInterviewPageFile", tag = "Interview",
    params(("version" = String, Path, description = "The version of all files."),
        ("file" = String, Path, description = "Its name.")),
    responses((status = 200, description = "The file.", content_type = "application/octet-stream")))]
pub async fn asset(Path((version, name)): Path<(String, String)>) -> Result<Response, ApiError> {
    let file = assets::find(&name).ok_or_else(ApiError::not_found)?;
    // While nodes of two versions serve side by side, a page may ask the one for a file of the other. It gets the file that
    // there is, but may not keep it under that name.
    let current = version == *assets::VERSION;
    let caching = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = Response::new(Body::from(file.text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    Ok(response)
}

/// Whether an error of this request is best told as a page: somebody has opened a link in a browser.
pub fn is_for_people(request: &Request) -> bool {
    let path = request.uri().path();
    let accepts = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("text/html"));
    path.starts_with("/interview/") && request.headers().get_all(header::ACCEPT).iter().any(accepts)
}

/// An error as a page, in a language of the browser.
pub fn explain(error: &ApiError, request: &HeaderMap) -> (Vec<u8>, HeaderValue) {
    let accepted = request.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let (language, words) = assets::words(accepted.unwrap_or_default());
    let kind = if error.status() == StatusCode::NOT_FOUND { "unknown" } else { "failed" };
    let word = |part: &str| words.get(&format!("{kind}.{part}")).map_or("", String::as_str);
    let direction = if language == "ar" { "rtl" } else { "ltr" };
    // Who waits for a busy server need not press anything.
    let again = error.retry_after().map(|seconds| format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">"));
    let (title, text, version) = (word("title"), word("text"), &*assets::VERSION);
    let html = format!(
        "<!doctype html>\n<html lang=\"{language}\" dir=\"{direction}\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{}\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"/interview/assets/{version}/style.css\">\n<header class=\"header\"></header>\n\
         <main class=\"main\"><div class=\"card\"><h1>{title}</h1><p class=\"lead\">{text}</p></div></main>\n</html>\n",
        again.unwrap_or_default(),
    );
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    (html.into_bytes(), HeaderValue::from_static(policy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(origins: &[&str]) -> InterviewPage {
        InterviewPage::new(&origins.iter().map(|origin| (*origin).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn every_placeholder_is_filled_and_nothing_stands_inline() {
        let page = origins(&["https://a.example", "https://b.example:8443"]);
        let html = std::str::from_utf8(&page.html).expect("text");
        assert!(!html.contains("{{") && !html.contains("}}"), "{html}");
        assert!(html.contains("content=\"https://a.example https://b.example:8443\""));
        assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains("javascript:"));
        assert!(!html.contains("<script>") && html.matches("<script").count() == 1);
        assert_eq!(html.matches("modulepreload").count(), assets::imported().count());
    }

    #[test]
    fn only_the_origins_of_the_settings_may_mount_the_page() {
        assert!(origins(&[]).policy.to_str().expect("text").ends_with("; frame-ancestors 'none'"));
        let policy = origins(&["https://a.example", "https://b.example"]).policy;
        assert!(policy.to_str().expect("text").ends_with("; frame-ancestors https://a.example https://b.example"));
    }

    #[test]
    fn an_error_is_explained_in_the_language_of_the_browser() {
        let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static("ar, en"))]);
        let (html, _) = explain(&ApiError::unavailable(3), &headers);
        let html = String::from_utf8(html).expect("text");
        assert!(html.contains("<html lang=\"ar\" dir=\"rtl\">"), "{html}");
        assert!(html.contains("<meta http-equiv=\"refresh\" content=\"3\">") && html.contains("حدث خطأ ما"));
        let (html, _) = explain(&ApiError::not_found(), &HeaderMap::new());
        let html = String::from_utf8(html).expect("text");
        assert!(html.contains("This link leads nowhere") && !html.contains("refresh"));
    }
}

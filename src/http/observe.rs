//! Around every request: its id, the shape of its error, the headers that all answers share, the access log and the
//! metrics.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use metrics::{counter, gauge, histogram};

use super::{ApiError, gate::Principal, interview::page};

/// The header that carries a request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: the client's own, if it sent a sane one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Takes the client's id when it has 1 to 128 visible characters, and makes one up otherwise.
    pub fn read(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        match given.filter(|id| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())) {
            Some(id) => Self(id.into()),
            None => Self::random(),
        }
    }

    fn random() -> Self {
        let body = aggregates::id::encode(uuid::Uuid::from_u128(rand::random()));
        Self(format!("req_{}", String::from_utf8_lossy(&body)).into())
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Counts a request as running until it is dropped, finished or not.
struct InFlight;

impl InFlight {
    fn start() -> Self {
        gauge!("http_requests_in_flight").increment(1.0);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!("http_requests_in_flight").decrement(1.0);
    }
}

/// The outermost middleware.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let _in_flight = InFlight::start();
    let id = RequestId::read(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let form = Form::of(&request);
    request.extensions_mut().insert(id.clone());

    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => ApiError::internal("a request panicked").into_response(),
    };
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        write_error(&mut response, &error, &id, &form);
    }
    write_headers(response.headers_mut(), &id);
    record(&method, route.as_ref(), &id, &response, started);
    response
}

/// How an error is told.
enum Form {
    /// In the API's own shape.
    Own,
    /// As RFC 9457 has it.
    Problem,
    /// As a page for people; with the headers of the request, which say in which language.
    Page(HeaderMap),
}

impl Form {
    fn of(request: &Request) -> Self {
        match request.headers() {
            headers if wants_problem(headers) => Self::Problem,
            headers if page::is_for_people(request) => Self::Page(headers.clone()),
            _ => Self::Own,
        }
    }
}

fn wants_problem(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/problem+json"));
            named && !parts.any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
}

fn write_error(response: &mut Response, error: &ApiError, id: &RequestId, form: &Form) {
    let named = error.named_request(id.as_str());
    let (body, kind) = match form {
        Form::Own => (error.body(named), "application/json"),
        Form::Problem => (error.problem(named), "application/problem+json"),
        Form::Page(headers) => {
            let (body, policy) = page::explain(error, headers);
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
            (body, "text/html; charset=utf-8")
        }
    };
    *response.body_mut() = Body::from(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // The fallback of a HEAD or 405 answer may have announced the empty body.
    response.headers_mut().remove(header::CONTENT_LENGTH);
}

/// Headers with a default for every answer; a handler's own value wins.
const DEFAULTS: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

fn write_headers(headers: &mut HeaderMap, id: &RequestId) {
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // The same for old browsers, which know no list of origins: they get either this or nothing.
    let policy = headers.get(header::CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
    if policy.is_none_or(|policy| policy.contains("frame-ancestors 'none'")) {
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
}

/// One line per request, without anything that a client could have put a secret or a name in: no query string, no
/// concrete path (it may hold an invite token), no body, no header but the request id.
fn record(method: &Method, route: Option<&MatchedPath>, id: &RequestId, response: &Response, started: Instant) {
    let route = route.map_or("(unmatched)", MatchedPath::as_str);
    let status = response.status();
    let latency = started.elapsed();
    let principal = response.extensions().get::<Principal>();
    tracing::info!(
        target: "interview_relay::access",
        method = method.as_str(),
        route,
        status = status.as_u16(),
        latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX),
        request_id = id.as_str(),
        key_id = principal.map(|principal| tracing::field::display(principal.key_id)),
        organization_id = principal.map(|principal| tracing::field::display(principal.organization)),
        "request"
    );
    let method = known_method(method);
    let route = route.to_owned();
    counter!("http_requests_total", "method" => method, "route" => route.clone(), "status" => status_label(status.as_u16()))
        .increment(1);
    histogram!("http_request_duration_seconds", "method" => method, "route" => route).record(latency.as_secs_f64());
}

/// Methods are free text in HTTP; metrics must not grow by what strangers make up.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

fn status_label(status: u16) -> String {
    status.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().expect("value"))])
    }

    #[test]
    fn a_sane_request_id_is_kept() {
        assert_eq!(RequestId::read(&headers(REQUEST_ID, "abc-1")).as_str(), "abc-1");
        for bad in ["", "a b", &"x".repeat(129)] {
            let id = RequestId::read(&headers(REQUEST_ID, bad));
            assert!(id.as_str().starts_with("req_"), "{bad}");
        }
    }

    #[test]
    fn problem_details_are_sent_to_whom_asks_for_them() {
        assert!(wants_problem(&headers(header::ACCEPT, "application/json, application/problem+json;q=0.5")));
        assert!(!wants_problem(&headers(header::ACCEPT, "application/problem+json;q=0, */*")));
        assert!(!wants_problem(&headers(header::ACCEPT, "*/*")));
        assert!(!wants_problem(&HeaderMap::new()));
    }
}

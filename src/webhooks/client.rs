//! One attempt: a request to a receiver, under deadlines, and what came of it (contract 44).

use std::{error::Error as _, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::TimeDelta;
use reqwest::{
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use serde::{Deserialize, Serialize};

use super::{
    guard::{Blocked, Guard, Resolver, Unresolved},
    schedule,
};
use crate::clock::Clock;

/// Bytes of an answer that are kept.
pub const KEPT: usize = 64 * 1_024;
/// Bytes of an answer's headers that are kept, names included.
const KEPT_HEADERS: usize = 16 * 1_024;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Resolving a name, connecting, and agreeing on TLS.
    pub connect: Duration,
    /// All of it, the body included, by the injected clock.
    pub total: TimeDelta,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), total: TimeDelta::seconds(15) }
    }
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where to.
    pub url: String,
    /// With which headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// What came of an attempt.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why it counts as failed; `None` is success.
    pub reason: Option<String>,
    /// When it began, µs since 1970.
    pub at: i64,
    /// How long it took, in µs.
    pub latency: i64,
    /// The pause that the receiver asked for.
    pub retry_after: Option<TimeDelta>,
    /// What is kept of the exchange.
    pub record: Record,
}

/// What is kept of an exchange. The request's body is not: it is rendered from the log whenever it is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The headers that were sent; values of the customer's own are hidden.
    pub request_headers: Vec<(String, String)>,
    /// The headers of the answer.
    pub response_headers: Vec<(String, String)>,
    /// The beginning of the answer's body, as it came: it is not decompressed.
    #[serde(with = "base64_bytes")]
    pub response_body: Vec<u8>,
    /// Whether there was more of it.
    pub truncated: bool,
}

mod base64_bytes {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        BASE64_STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Sends requests to receivers. Connections are kept for the next request to the same one.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    guard: Guard,
    clock: Clock,
    total: TimeDelta,
}

impl Client {
    /// A client that reaches public addresses only, or loopback too in development mode. `roots` are certificates that
    /// are trusted besides those of the system.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(
        resolver: Arc<dyn Resolver>,
        development: bool,
        clock: Clock,
        deadlines: Deadlines,
        roots: Vec<reqwest::Certificate>,
    ) -> Result<Self, reqwest::Error> {
        // Another part of the program may have been faster, with the same provider.
        _ = rustls::crypto::ring::default_provider().install_default();
        let guard = Guard::new(resolver, development);
        let builder = reqwest::Client::builder()
            .user_agent(concat!("InterviewRelay/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(deadlines.connect)
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(16)
            .dns_resolver(Arc::new(guard.clone()))
            .tls_certs_merge(roots);
        Ok(Self { http: builder.build()?, guard, clock, total: deadlines.total })
    }

    /// Makes one attempt. It never fails: whatever goes wrong is its result.
    pub async fn send(&self, request: Request) -> Answer {
        let begun = self.clock.now();
        let mut answer = Answer { at: begun.timestamp_micros(), ..Answer::default() };
        let exchange = self.exchange(&request, &mut answer);
        let reason = tokio::select! {
            // What is there at the deadline still counts.
            biased;
            result = exchange => result.err(),
            () = self.clock.sleep_until(begun + self.total) => Some("timeout".to_owned()),
        };
        answer.latency = (self.clock.now() - begun).num_microseconds().unwrap_or(i64::MAX).max(0);
        answer.record.request_headers = request.headers;
        answer.reason = reason.or_else(|| match answer.status {
            Some(200..=299) => None,
            Some(status) => Some(format!("http_{status}")),
            None => Some("no_answer".to_owned()),
        });
        answer
    }

    async fn exchange(&self, request: &Request, answer: &mut Answer) -> Result<(), String> {
        let url = self.guard.allows(&request.url)?;
        let mut headers = HeaderMap::with_capacity(request.headers.len());
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "invalid_header")?;
            headers.insert(name, HeaderValue::from_str(value).map_err(|_| "invalid_header")?);
        }
        let sent = self.http.post(url).headers(headers).body(request.body.clone()).send().await;
        let mut response = sent.map_err(|error| reason(&error))?;
        answer.status = Some(response.status().as_u16());
        answer.retry_after = response
            .headers()
            .get(reqwest::header::RETRY_AFTER)
            .and_then(|value| schedule::retry_after(value.to_str().ok()?, self.clock.now()));
        answer.record.response_headers = kept_headers(response.headers());
        let kept = &mut answer.record.response_body;
        // What does not fit is not read. The connection is given up then, which costs less than reading on.
        while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
            let room = KEPT - kept.len();
            kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                answer.record.truncated = true;
                break;
            }
        }
        Ok(())
    }
}

/// As many headers as there is room for; the last one may be cut.
fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut room = KEPT_HEADERS;
    let mut kept = Vec::new();
    for (name, value) in headers {
        let name = name.as_str();
        if room <= name.len() {
            break;
        }
        room -= name.len();
        let mut text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        text.truncate(text.floor_char_boundary(room));
        room -= text.len();
        kept.push((name.to_owned(), text));
    }
    kept
}

/// A stable word for what went wrong.
fn reason(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inside = unwrapped(inner);
        if inside.is::<Blocked>() {
            return "blocked_address".to_owned();
        }
        if inside.is::<Unresolved>() {
            return "name_not_resolved".to_owned();
        }
        if let Some(tls) = inside.downcast_ref::<rustls::Error>() {
            let bad = matches!(tls, rustls::Error::InvalidCertificate(_));
            return if bad { "bad_certificate" } else { "tls" }.to_owned();
        }
        cause = inner.source();
    }
    let word = match (error.is_connect(), error.is_timeout()) {
        (true, true) => "connect_timeout",
        (false, true) => "timeout",
        (true, false) => "connect",
        (false, false) => "connection_lost",
    };
    word.to_owned()
}

/// What an I/O error stands for; such errors may be wrapped in one another, and their `source` leaves layers out.
fn unwrapped<'a>(mut error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    while let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        error = inner;
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_long_headers_a_few_kilobytes_are_kept() {
        let mut headers = HeaderMap::new();
        for n in 0..100 {
            let name = HeaderName::try_from(format!("x-{n}")).expect("a name");
            headers.insert(name, HeaderValue::try_from("é".repeat(4_096)).expect("a value"));
        }
        let kept = kept_headers(&headers);
        let bytes: usize = kept.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!((KEPT_HEADERS - 2..=KEPT_HEADERS).contains(&bytes), "{bytes} bytes");
        assert!(kept.iter().all(|(_, value)| value.chars().all(|letter| letter == 'é')));
    }
}

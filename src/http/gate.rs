//! What every request passes before its handler, in the order that contract 4 sets: API key, rate limit, scope, body.

use std::{
    net::{IpAddr, Ipv4Addr},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use aggregates::{
    FieldError,
    api_key::{Scope, grants},
    id::{ApiKeyId, OrganizationId},
};
use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts, Request, State},
    http::{Extensions, HeaderMap, HeaderName, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::{
    Access, ApiError, Authenticated, Authenticator, IdempotencyRequest, Participant, Token,
    auth::bearer,
    error::Failure,
    health::Readiness,
    operation::Intake,
    proxies::ClientAddress,
    rate_limit::{Bucket, RateLimiter, WINDOW},
};
use crate::clock::Clock;

/// What the platform needs from the rest of the program.
pub struct Platform {
    /// The time.
    pub clock: Clock,
    /// Who knows the API keys.
    pub authenticator: Arc<dyn Authenticator>,
    /// Who counts requests.
    pub limiter: Arc<dyn RateLimiter>,
    /// Who knows whether the server can serve.
    pub readiness: Arc<dyn Readiness>,
    /// Bounds.
    pub limits: Limits,
}

/// Bounds on what one client can ask for.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request body.
    pub body: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How long an upload may pause between two pieces.
    pub upload_idle: Duration,
    /// Requests per minute of a client address without a valid key.
    pub anonymous: u32,
    /// Requests per minute of a client address on the participant's routes, without a valid session token.
    pub participant: u32,
    /// Requests per minute of one session.
    pub session: u32,
    /// Requests per minute of an address that handles mails: a provider's reports, or the pictures that one proxy fetches
    /// for many readers.
    pub mail: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            body_timeout: Duration::from_secs(30),
            upload_idle: Duration::from_secs(30),
            anonymous: 300,
            participant: 600,
            session: 300,
            mail: 6_000,
        }
    }
}

/// The body of a request, read and bounded.
#[derive(Clone, Debug)]
pub(super) struct RawBody(pub Bytes);

/// Who made a request, for the access log; handed from the gate to the observer on the response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Principal {
    pub organization: OrganizationId,
    pub key_id: ApiKeyId,
}

/// Who is at the gate.
enum Who {
    Anybody,
    Key(Arc<Authenticated>),
    Participant(Participant),
}

/// A route's gate.
#[derive(Clone)]
pub(super) struct Gate {
    pub platform: Arc<Platform>,
    pub access: Access,
    pub intake: Intake,
    /// Bytes of a body, where that is not [`Limits::body`].
    pub most: Option<usize>,
}

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Lets a request through to its handler, or answers in the handler's place.
pub(super) async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let platform = &*gate.platform;
    let address = client_address(request.extensions());
    let (mut parts, body) = request.into_parts();
    let caller = match gate.access {
        Access::Scope(_) => authenticate(platform, &parts.headers).await.map(Who::Key),
        Access::SessionToken => participant(platform, &mut parts).await.map(Who::Participant),
        Access::Public | Access::InviteToken | Access::Health | Access::Mail => Ok(Who::Anybody),
    };
    let limits = &platform.limits;
    let most = gate.most.unwrap_or(limits.body);
    let (bucket, limit) = match (&caller, gate.access) {
        (Ok(Who::Key(caller)), _) => (Bucket::Key(caller.key_id), caller.rate_limit),
        (Ok(Who::Participant(participant)), _) => (Bucket::Session(participant.session), limits.session),
        (_, Access::InviteToken | Access::SessionToken) => (Bucket::participant(address), limits.participant),
        (_, Access::Mail) => (Bucket::mail(address), limits.mail),
        _ => (Bucket::address(address), limits.anonymous),
    };
    let cost = u32::from(gate.access != Access::Health);
    counted(platform, bucket, limit, cost, async {
        let caller = caller?;
        if let (Who::Key(caller), Access::Scope(needed)) = (&caller, gate.access) {
            require(caller, needed)?;
        }
        let body = match gate.intake {
            Intake::Json => {
                admit_body(limits, most, &mut parts, body).await?;
                Body::empty()
            }
            Intake::Bytes => {
                let bytes = read_body(limits, most, &parts.headers, body).await?;
                parts.extensions.insert(RawBody(bytes));
                Body::empty()
            }
            Intake::Stream => {
                // The handler adds what it has found in the body before it uses the key.
                let headers = &parts.headers;
                if let Some(idempotency) = IdempotencyRequest::read(&parts.method, parts.uri.path(), headers, b"")? {
                    parts.extensions.insert(idempotency);
                }
                body
            }
        };
        let mut principal = None;
        match caller {
            Who::Key(caller) => {
                principal = Some(Principal { organization: caller.organization, key_id: caller.key_id });
                parts.extensions.insert(caller);
            }
            Who::Participant(participant) => _ = parts.extensions.insert(participant),
            Who::Anybody => {}
        }
        let handled = AssertUnwindSafe(next.run(Request::from_parts(parts, body))).catch_unwind().await;
        // Caught here as well as in the observer, so that a defect costs the client its answer but not its headers.
        let mut response = handled.map_err(|_| ApiError::internal("a handler panicked"))?;
        if let Some(principal) = principal {
            response.extensions_mut().insert(principal);
        }
        Ok(response)
    })
    .await
}

/// Answers what no route serves: a request that is refused anyway still counts, on its key if it has a valid one.
pub(super) async fn refuse(
    platform: &Platform,
    headers: &HeaderMap,
    extensions: &Extensions,
    error: ApiError,
) -> Response {
    let caller =
        if headers.contains_key(header::AUTHORIZATION) { authenticate(platform, headers).await.ok() } else { None };
    let (bucket, limit) = match caller {
        Some(caller) => (Bucket::Key(caller.key_id), caller.rate_limit),
        None => (Bucket::address(client_address(extensions)), platform.limits.anonymous),
    };
    counted(platform, bucket, limit, 1, async { Err(error) }).await
}

/// Counts a request, goes on with it unless there were too many, and writes the rate-limit headers on the answer.
async fn counted(
    platform: &Platform,
    bucket: Bucket,
    limit: u32,
    cost: u32,
    work: impl Future<Output = Result<Response, ApiError>>,
) -> Response {
    let now = u64::try_from(platform.clock.now().timestamp()).unwrap_or_default();
    let window = now - now % WINDOW;
    let reset = window + WINDOW;
    let count = platform.limiter.count(bucket, window, cost).await;
    let result = if count > limit && cost > 0 { Err(ApiError::rate_limited(reset - now)) } else { work.await };
    let mut response = result.unwrap_or_else(IntoResponse::into_response);
    let headers = response.headers_mut();
    headers.insert(LIMIT, limit.into());
    headers.insert(REMAINING, limit.saturating_sub(count).into());
    headers.insert(RESET, reset.into());
    response
}

/// The participant whose session token came with the request. Whose link leads nowhere is told that, not that the token is
/// wrong under it.
async fn participant(platform: &Platform, parts: &mut Parts) -> Result<Participant, ApiError> {
    let Token(invite_token) = Token::from_request_parts(parts, &()).await?;
    let session_token = bearer(&parts.headers).ok_or_else(ApiError::no_session)?;
    let participant = platform.authenticator.participant(&invite_token, session_token).await?;
    participant.ok_or_else(ApiError::no_session)
}

async fn authenticate(platform: &Platform, headers: &HeaderMap) -> Result<Arc<Authenticated>, ApiError> {
    let key = bearer(headers).ok_or_else(ApiError::unauthorized)?;
    let caller = platform.authenticator.authenticate(key).await?;
    caller.map(Arc::new).ok_or_else(ApiError::unauthorized)
}

fn require(caller: &Authenticated, needed: Scope) -> Result<(), ApiError> {
    if grants(&caller.scopes, needed) { Ok(()) } else { Err(ApiError::forbidden(needed)) }
}

/// The address that the request came from.
pub(super) fn client_address(extensions: &Extensions) -> IpAddr {
    extensions.get::<ClientAddress>().map_or(Ipv4Addr::UNSPECIFIED.into(), |client| client.0)
}

/// Reads the body under its limits and leaves it, with the idempotency key that covers it, in the extensions.
async fn admit_body(limits: &Limits, most: usize, parts: &mut Parts, body: Body) -> Result<(), ApiError> {
    if !matches!(parts.method, Method::POST | Method::PATCH) {
        return Ok(());
    }
    let bytes = read_body(limits, most, &parts.headers, body).await?;
    if !bytes.is_empty() && !is_json(&parts.headers) {
        return Err(ApiError::new(
            Failure::UnsupportedMediaType,
            "The body must be sent as Content-Type: application/json.",
        ));
    }
    if let Some(idempotency) = IdempotencyRequest::read(&parts.method, parts.uri.path(), &parts.headers, &bytes)? {
        parts.extensions.insert(idempotency);
    }
    parts.extensions.insert(RawBody(bytes));
    Ok(())
}

async fn read_body(limits: &Limits, most: usize, headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    let too_large = || {
        ApiError::new(Failure::PayloadTooLarge, format!("The body may have at most {most} bytes."))
            .with_detail("maxBytes", most)
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(limits.body_timeout, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(unreadable("The body could not be read.")),
        Err(_) => Err(unreadable("The body took too long to arrive.")),
    }
}

fn unreadable(message: &str) -> ApiError {
    ApiError::invalid_request(message, vec![FieldError::new("body", "incomplete", message)])
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

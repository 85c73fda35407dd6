//! What a handler asks for in its signature.

use std::{convert::Infallible, net::IpAddr, str::FromStr, sync::Arc};

use aggregates::{Code, FieldError, Refusal, id::ApiKeyId, id::OrganizationId};
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, header, request::Parts},
};
use serde_json::Value;

use super::{
    ApiError, Authenticated, IdempotencyRequest, Participant,
    gate::{RawBody, client_address},
    json,
    observe::RequestId,
};
use crate::command::Sent;

/// A request of an authenticated caller.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who calls.
    pub caller: Arc<Authenticated>,
    /// The id of the request.
    pub request_id: RequestId,
    /// Where it came from.
    pub address: IpAddr,
    /// Its idempotency key, on a POST that has one.
    pub idempotency: Option<IdempotencyRequest>,
}

impl Call {
    /// The organization that the caller speaks for.
    pub fn organization(&self) -> OrganizationId {
        self.caller.organization
    }

    /// The API key in use.
    pub fn key_id(&self) -> ApiKeyId {
        self.caller.key_id
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Arc<Authenticated>>().cloned();
        let caller = caller.ok_or_else(|| ApiError::internal("an operation without a scope asks for its caller"))?;
        let Guest { request_id, address, idempotency, .. } = Guest::from_request_parts(parts, state).await?;
        Ok(Self { caller, request_id, address, idempotency })
    }
}

/// A request on a route that needs no API key.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The id of the request.
    pub request_id: RequestId,
    /// Where it came from.
    pub address: IpAddr,
    /// What it says of the program that sent it, if it does.
    pub user_agent: Option<String>,
    /// Its idempotency key, on a POST that has one.
    pub idempotency: Option<IdempotencyRequest>,
}

impl Guest {
    /// The same, with the key in a scope of its own: what two people of an organization call alike is not the same
    /// request. No key of a request holds a line break.
    pub(super) fn within(mut self, person: impl std::fmt::Display) -> Self {
        if let Some(idempotency) = &mut self.idempotency {
            idempotency.key = format!("{person}\n{}", idempotency.key);
        }
        self
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Guest {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let request_id = parts.extensions.get::<RequestId>().cloned();
        Ok(Self {
            request_id: request_id.unwrap_or_else(|| RequestId::read(&HeaderMap::new())),
            address: client_address(&parts.extensions),
            user_agent: user_agent(&parts.headers),
            idempotency: parts.extensions.get().cloned(),
        })
    }
}

/// Bytes of a `User-Agent` that are kept.
const USER_AGENT: usize = 500;

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let given = headers.get(header::USER_AGENT)?.to_str().ok()?.trim();
    // Visible ASCII, so every byte is a character.
    Some(given.get(..USER_AGENT).unwrap_or(given).to_owned()).filter(|agent| !agent.is_empty())
}

/// A request of a participant whose session token is valid.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Who takes part.
    pub participant: Participant,
    /// The request; its idempotency key is the participant's own.
    pub guest: Guest,
}

impl<S: Send + Sync> FromRequestParts<S> for Turn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let participant = parts.extensions.get::<Participant>().cloned();
        let participant = participant
            .ok_or_else(|| ApiError::internal("an operation without a session token asks for its session"))?;
        let guest = Guest::from_request_parts(parts, state).await?.within(participant.invite);
        Ok(Self { participant, guest })
    }
}

/// The id in the path. Malformed is as unknown as any other: 404.
#[derive(Clone, Copy, Debug)]
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Token(text) = Token::from_request_parts(parts, state).await?;
        text.parse().map(Self).map_err(|_| ApiError::not_found())
    }
}

/// The two ids in the path, in order. Malformed is as unknown as any other: 404.
#[derive(Clone, Copy, Debug)]
pub struct Ids<A, B>(pub A, pub B);

impl<S: Send + Sync, A: FromStr, B: FromStr> FromRequestParts<S> for Ids<A, B> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let parameters = RawPathParams::from_request_parts(parts, state).await.map_err(|_| ApiError::not_found())?;
        let values: Vec<&str> = parameters.iter().map(|(_, value)| value).collect();
        let &[first, second] = values.as_slice() else { return Err(ApiError::not_found()) };
        match (first.parse(), second.parse()) {
            (Ok(first), Ok(second)) => Ok(Self(first, second)),
            _ => Err(ApiError::not_found()),
        }
    }
}

/// The only path parameter as it stands; the token of an invite.
#[derive(Clone)]
pub struct Token(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let parameters = RawPathParams::from_request_parts(parts, state).await.map_err(|_| ApiError::not_found())?;
        let mut values = parameters.iter();
        match (values.next(), values.next()) {
            (Some((_, value)), None) if value.len() <= 256 => Ok(Self(value.to_owned())),
            _ => Err(ApiError::not_found()),
        }
    }
}

/// The JSON body as it stands; an empty one counts as `{}`. The command reads it after it has looked for the resource, so
/// that an unknown id is told before a bad body (contract 4).
#[derive(Clone, Debug)]
pub struct Body(pub Sent);

impl<S: Send + Sync> FromRequestParts<S> for Body {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let sent = read_json(parts).and_then(|value| match unstorable(&value) {
            errors if errors.is_empty() => Ok(value),
            errors => Err(Refusal::validation(errors)),
        });
        Ok(Self(sent.map_or_else(Sent::bad, Sent::from)))
    }
}

/// The body as it came, of whatever type.
#[derive(Clone, Debug)]
pub struct Bytes(pub bytes::Bytes);

impl<S: Send + Sync> FromRequestParts<S> for Bytes {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(parts.extensions.get::<RawBody>().map(|body| body.0.clone()).unwrap_or_default()))
    }
}

/// For an operation that takes no body: it may be empty or any JSON, which is ignored.
#[derive(Clone, Copy, Debug)]
pub struct NoBody;

impl<S: Send + Sync> FromRequestParts<S> for NoBody {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        read_json(parts)?;
        Ok(Self)
    }
}

fn read_json(parts: &Parts) -> Result<Value, Refusal> {
    match parts.extensions.get::<RawBody>() {
        Some(RawBody(bytes)) if !bytes.is_empty() => json::parse(bytes).map_err(|error| malformed(&error)),
        _ => Ok(Value::Object(serde_json::Map::new())),
    }
}

fn malformed(error: &serde_json::Error) -> Refusal {
    let message = format!("The request body is not valid JSON: {error}.");
    Refusal::malformed(message.clone(), vec![FieldError::new("body", "invalid_json", message)])
}

/// Texts with a NUL character, which JSON allows and PostgreSQL cannot store.
fn unstorable(value: &Value) -> Vec<FieldError> {
    fn visit(value: &Value, path: &str, errors: &mut Vec<FieldError>) {
        let mut refuse = |field: &str| {
            errors.push(FieldError::new(field, "invalid_character", "Must not contain the character U+0000."));
        };
        match value {
            Value::String(text) if text.contains('\0') => refuse(path),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    visit(item, &format!("{path}[{index}]"), errors);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    if name.contains('\0') {
                        errors.push(FieldError::new(path, "invalid_character", "A key must not contain U+0000."));
                    } else {
                        let dot = if path.is_empty() { "" } else { "." };
                        visit(member, &format!("{path}{dot}{name}"), errors);
                    }
                }
            }
            _ => {}
        }
    }
    let mut errors = Vec::new();
    visit(value, "", &mut errors);
    errors
}

/// `If-Match` (contract 13): the versions that the client is willing to change. `None` is "any".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfMatch(pub Option<Vec<u64>>);

impl IfMatch {
    /// Whether `version` may be changed.
    ///
    /// # Errors
    /// 412 when it is none of those that the client named.
    pub fn check(&self, version: u64) -> Result<(), Refusal> {
        match &self.0 {
            Some(versions) if !versions.contains(&version) => Err(Refusal::new(
                Code::PreconditionFailed,
                "The resource has changed since the version that If-Match names.",
            )),
            _ => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let tags = tags(&parts.headers, header::IF_MATCH);
        if !parts.headers.contains_key(header::IF_MATCH) || tags.contains(&"*") {
            return Ok(Self(None));
        }
        // The part before a dot is the version; a tag that is no version of ours matches nothing.
        let version = |tag: &&str| tag.split('.').next().and_then(|version| version.parse().ok());
        Ok(Self(Some(tags.iter().filter_map(version).collect())))
    }
}

/// `If-None-Match`: what the client already has.
#[derive(Clone, Debug)]
pub struct IfNoneMatch(Vec<String>);

impl IfNoneMatch {
    /// Whether the client already has the representation with this tag (without quotes).
    pub fn has(&self, tag: &str) -> bool {
        self.0.iter().any(|known| known == tag || known == "*")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(tags(&parts.headers, header::IF_NONE_MATCH).into_iter().map(str::to_owned).collect()))
    }
}

/// The entity tags of a header without their quotes. Ours hold no comma. Weak ones count like strong ones, since
/// proxies that compress turn the one into the other.
fn tags(headers: &HeaderMap, name: header::HeaderName) -> Vec<&str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim())
        .map(|tag| tag.strip_prefix("W/").unwrap_or(tag))
        .map(|tag| tag.trim_matches('"'))
        .filter(|tag| !tag.is_empty())
        .collect()
}

//! The one table from failures to statuses and codes (contract 3), and the two shapes that an error is written in.

use std::fmt::Display;

use aggregates::{Code, FieldError, Refusal};
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use crate::{command, store};

/// What went wrong, in terms of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The domain said no.
    Refused(Code),
    /// No API key, or one that is unknown, expired or revoked.
    Unauthorized,
    /// The key lacks the scope of the operation.
    Forbidden,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// The body is larger than the limit.
    PayloadTooLarge,
    /// The body is not JSON by its own account, or a file is of a type that is not taken.
    UnsupportedMediaType,
    /// The range that is asked for lies beyond the end of a file.
    RangeNotSatisfiable,
    /// The idempotency key was used for a different request.
    IdempotencyKeyReused,
    /// The first request with this idempotency key has not been answered yet.
    IdempotencyInProgress,
    /// The server cannot serve right now, but will.
    Unavailable,
    /// A defect of ours.
    Internal,
}

impl Failure {
    /// The table.
    pub fn status_and_code(self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Refused(code) => match code {
                Code::InvalidRequest => (S::BAD_REQUEST, "INVALID_REQUEST"),
                Code::ValidationError => (S::UNPROCESSABLE_ENTITY, "VALIDATION_ERROR"),
                Code::NotFound => (S::NOT_FOUND, "RESOURCE_NOT_FOUND"),
                Code::CampaignNotActive => (S::CONFLICT, "CAMPAIGN_NOT_ACTIVE"),
                Code::InviteExpired => (S::CONFLICT, "INVITE_EXPIRED"),
                Code::InviteNotPending => (S::CONFLICT, "INVITE_NOT_PENDING"),
                Code::InviteCancelled => (S::CONFLICT, "INVITE_CANCELLED"),
                Code::SessionNotActive => (S::CONFLICT, "SESSION_NOT_ACTIVE"),
                Code::ConsentRequired => (S::CONFLICT, "CONSENT_REQUIRED"),
                Code::TranscriptNotReady => (S::CONFLICT, "TRANSCRIPT_NOT_READY"),
                Code::Erased => (S::GONE, "ERASED"),
                Code::ScriptInUse => (S::CONFLICT, "SCRIPT_IN_USE"),
                Code::ScriptNotPublished => (S::CONFLICT, "SCRIPT_NOT_PUBLISHED"),
                Code::DraftExists => (S::CONFLICT, "DRAFT_EXISTS"),
                Code::LastOwner => (S::CONFLICT, "LAST_OWNER"),
                Code::Conflict => (S::CONFLICT, "CONFLICT"),
                Code::PreconditionFailed => (S::PRECONDITION_FAILED, "PRECONDITION_FAILED"),
                Code::RateLimited => (S::TOO_MANY_REQUESTS, "RATE_LIMITED"),
                Code::InsufficientCredits => (S::PAYMENT_REQUIRED, "INSUFFICIENT_CREDITS"),
            },
            Self::Unauthorized => (S::UNAUTHORIZED, "INVALID_API_KEY"),
            Self::Forbidden => (S::FORBIDDEN, "INSUFFICIENT_PERMISSIONS"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
            Self::PayloadTooLarge => (S::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
            Self::UnsupportedMediaType => (S::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
            Self::RangeNotSatisfiable => (S::RANGE_NOT_SATISFIABLE, "RANGE_NOT_SATISFIABLE"),
            Self::IdempotencyKeyReused => (S::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
            Self::IdempotencyInProgress => (S::CONFLICT, "IDEMPOTENCY_IN_PROGRESS"),
            Self::Unavailable => (S::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE"),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
        }
    }
}

/// A failed request.
///
/// As a response it has a status and headers but no body yet: [`crate::http::observe`] writes the body, because it
/// knows the request id and which of the two shapes the client wants.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    failure: Failure,
    message: String,
    details: Map<String, Value>,
    retry_after: Option<u64>,
    /// Set when this is the remembered answer to an earlier request: the id of that request.
    replayed: Option<String>,
}

impl ApiError {
    /// A failure with a sentence for people.
    pub fn new(failure: Failure, message: impl Into<String>) -> Self {
        Self { failure, message: message.into(), details: Map::new(), retry_after: None, replayed: None }
    }

    /// 400 with every offending field.
    pub fn invalid_request(message: impl Into<String>, fields: Vec<FieldError>) -> Self {
        Self::new(Failure::Refused(Code::InvalidRequest), message).with_fields(fields)
    }

    /// 404.
    pub fn not_found() -> Self {
        Self::new(Failure::Refused(Code::NotFound), "The requested resource does not exist.")
    }

    /// 401.
    pub fn unauthorized() -> Self {
        Self::new(Failure::Unauthorized, "The API key is missing, invalid, expired or revoked.")
    }

    /// 401 for a participant. The reference has one code for whatever credential is missing.
    pub fn no_session() -> Self {
        Self::new(Failure::Unauthorized, "The session token is missing, invalid, expired, or of another interview.")
    }

    /// 403, naming the scope that the key lacks.
    pub fn forbidden(scope: impl Display) -> Self {
        Self::new(Failure::Forbidden, format!("The API key lacks the scope {scope}."))
            .with_detail("requiredScope", scope.to_string())
    }

    /// 429.
    pub fn rate_limited(retry_after: u64) -> Self {
        let message = format!("Rate limit exceeded. Try again in {retry_after} seconds.");
        Self::new(Failure::Refused(Code::RateLimited), message).with_retry_after(retry_after)
    }

    /// 503.
    pub fn unavailable(retry_after: u64) -> Self {
        Self::new(Failure::Unavailable, "The service is temporarily unavailable. Try again shortly.")
            .with_retry_after(retry_after)
    }

    /// 500. The cause goes to the log and never to the client.
    pub fn internal(cause: impl Display) -> Self {
        tracing::error!(%cause, "internal error");
        Self::new(
            Failure::Internal,
            "An unexpected error occurred. Contact support with the request id if it persists.",
        )
    }

    /// Marks it as the remembered answer to an earlier request, whose id its body goes on to name.
    #[must_use]
    pub fn replayed(mut self, request_id: Option<String>) -> Self {
        self.replayed = request_id;
        self
    }

    /// The request that the body names: this one, unless it repeats the answer to another.
    pub fn named_request<'a>(&'a self, this: &'a str) -> &'a str {
        self.replayed.as_deref().unwrap_or(this)
    }

    /// Adds `Retry-After` and, with 429, `retryAfter`.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The seconds to wait before the next try, where that is known.
    pub fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// Adds one entry to `details`.
    #[must_use]
    pub fn with_detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// Adds `details.fields`, unless there are none.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<FieldError>) -> Self {
        if !fields.is_empty() {
            let fields = fields
                .into_iter()
                .map(|field| json!({"field": field.field, "code": field.code, "message": field.message}))
                .collect();
            self.details.insert("fields".to_owned(), Value::Array(fields));
        }
        self
    }

    /// What went wrong.
    pub fn failure(&self) -> Failure {
        self.failure
    }

    /// The status that this failure is answered with.
    pub fn status(&self) -> StatusCode {
        self.failure.status_and_code().0
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The body in the API's own shape (contract 3).
    pub fn body(&self, request_id: &str) -> Vec<u8> {
        let (status, code) = self.failure.status_and_code();
        let mut error = json!({
            "code": code,
            "message": self.message,
            "details": self.details,
            "requestId": request_id,
        });
        if status == StatusCode::TOO_MANY_REQUESTS {
            error["retryAfter"] = self.retry_after.unwrap_or(1).into();
        }
        json!({ "error": error }).to_string().into_bytes()
    }

    /// The body as RFC 9457 problem details (contract 52).
    pub fn problem(&self, request_id: &str) -> Vec<u8> {
        let (status, code) = self.failure.status_and_code();
        let mut problem = json!({
            "type": format!("urn:interviewrelay:problem:{}", code.to_ascii_lowercase()),
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "detail": self.message,
            "code": code,
            "details": self.details,
            "requestId": request_id,
        });
        if let Some(seconds) = self.retry_after {
            problem["retryAfter"] = seconds.into();
        }
        problem.to_string().into_bytes()
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let error = Self::new(Failure::Refused(refusal.code), refusal.message).with_fields(refusal.fields);
        match refusal.retry_after {
            Some(seconds) => error.with_retry_after(seconds),
            None => error,
        }
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Overloaded => Self::unavailable(1),
            store::Error::Unavailable(_) | store::Error::Database(_) => {
                tracing::error!(%error, "the store failed");
                Self::unavailable(1)
            }
            error => Self::internal(error),
        }
    }
}

impl From<command::Error> for ApiError {
    fn from(error: command::Error) -> Self {
        match error {
            command::Error::Store(error) => error.into(),
            command::Error::Contended => Self::unavailable(1),
            command::Error::InProgress => Self::new(
                Failure::IdempotencyInProgress,
                "A request with this Idempotency-Key is still being processed.",
            )
            .with_retry_after(1),
            command::Error::KeyReused => Self::new(
                Failure::IdempotencyKeyReused,
                "This Idempotency-Key was used for a request with another method, path or body.",
            ),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.failure == Failure::Unauthorized {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.replayed.is_some() {
            response.headers_mut().insert(super::idempotency::REPLAYED, HeaderValue::from_static("true"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_is_always_an_object_and_429_carries_retry_after() {
        let body: Value = serde_json::from_slice(&ApiError::not_found().body("req_1")).expect("JSON");
        assert_eq!(body["error"]["details"], json!({}));
        assert_eq!(body["error"]["requestId"], "req_1");
        let body: Value = serde_json::from_slice(&ApiError::rate_limited(45).body("req_1")).expect("JSON");
        assert_eq!(body["error"]["retryAfter"], 45);
        assert_eq!(body["error"]["message"], "Rate limit exceeded. Try again in 45 seconds.");
    }

    #[test]
    fn a_problem_has_the_members_of_rfc_9457() {
        let body: Value = serde_json::from_slice(&ApiError::forbidden("invites:write").problem("req_1")).expect("JSON");
        assert_eq!(body["status"], 403);
        assert_eq!(body["title"], "Forbidden");
        assert_eq!(body["code"], "INSUFFICIENT_PERMISSIONS");
        assert_eq!(body["details"]["requiredScope"], "invites:write");
    }
}

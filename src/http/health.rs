//! What the people and machines that run the server ask it (contract 50).

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use futures_util::future::BoxFuture;

use super::{ApiError, Platform, answer};

/// Knows whether the server can do its work.
pub trait Readiness: Send + Sync {
    /// Asks the database, and whether its schema is the one that this program needs.
    ///
    /// An error says what is missing; it goes to the log, not to the client.
    fn ready(&self) -> BoxFuture<'_, Result<(), String>>;
}

/// Whether the process is alive
#[utoipa::path(get, path = "/healthz", operation_id = "getHealth", tag = "Service",
    responses((status = 200, description = "It is.", body = Object, example = json!({"status": "ok"}))))]
pub async fn alive() -> Response {
    answer::ok(&br#"{"status":"ok"}"#[..])
}

/// Whether the server can serve
///
/// The database answers and its schema is up to date.
#[utoipa::path(get, path = "/readyz", operation_id = "getReadiness", tag = "Service",
    responses((status = 200, description = "It can.", body = Object, example = json!({"status": "ready"}))))]
pub async fn ready(Extension(platform): Extension<Arc<Platform>>) -> Result<Response, ApiError> {
    match platform.readiness.ready().await {
        Ok(()) => Ok(answer::ok(&br#"{"status":"ready"}"#[..])),
        Err(reason) => {
            tracing::warn!(reason, "not ready");
            Err(ApiError::unavailable(1))
        }
    }
}

/// Metrics in the text format of Prometheus
#[utoipa::path(get, path = "/metrics", operation_id = "getMetrics", tag = "Service",
    responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain")))]
pub async fn metrics() -> Response {
    let mut response = Response::new(Body::from(crate::telemetry::metrics().render()));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

//! `POST /v1/sessions/{sessionId}/consent`.

use std::sync::Arc;

use aggregates::{id::SessionId, session::ConsentMethod};
use axum::{extract::State, response::Response};

use super::schema::{Consent, NewConsent};
use crate::{
    app::App,
    command::sessions::RecordConsent,
    http::{ApiError, Body, Call, Id, answer},
};

/// Record consent
///
/// You vouch for what the participant has said to you. Records are only ever added.
#[utoipa::path(post, path = "/v1/sessions/{sessionId}/consent", operation_id = "recordConsent", tag = "Sessions",
    params(("sessionId" = String, Path, description = "The session's id.")), request_body = NewConsent,
    responses((status = 201, description = "The record.", body = Consent)))]
pub async fn consent(
    State(app): State<Arc<App>>,
    call: Call,
    Id(session): Id<SessionId>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let consent = RecordConsent { session, body, method: ConsentMethod::Api, ip: None, user_agent: None };
    Ok(answer::fresh(app.run(&call, &consent).await?))
}

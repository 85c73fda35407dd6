//! `GET /v1/email-templates/{templateId}`.

use std::sync::Arc;

use aggregates::id::EmailTemplateId;
use axum::{extract::State, response::Response};

use super::schema::EmailTemplate;
use crate::{
    app::App,
    http::{ApiError, Call, Id, IfNoneMatch, answer},
};

/// Get an email template
#[utoipa::path(get, path = "/v1/email-templates/{templateId}", operation_id = "getEmailTemplate", tag = "Email templates",
    params(("templateId" = String, Path, description = "The template's id.")),
    responses((status = 200, description = "The template.", body = EmailTemplate),
        (status = 304, description = "The client has it already.")))]
pub async fn get(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<EmailTemplateId>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let document = app.document(&call, "email_templates", id).await?;
    Ok(answer::versioned(&known, document.version, document.json))
}

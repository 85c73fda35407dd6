//! `PATCH /v1/email-templates/{templateId}`.

use std::sync::Arc;

use aggregates::id::EmailTemplateId;
use axum::{extract::State, response::Response};

use super::schema::{EmailTemplate, EmailTemplatePatch};
use crate::{
    app::App,
    command::email_templates::UpdateEmailTemplate,
    http::{ApiError, Body, Call, Id, IfMatch},
};

/// Update an email template
#[utoipa::path(patch, path = "/v1/email-templates/{templateId}", operation_id = "updateEmailTemplate", tag = "Email templates",
    params(("templateId" = String, Path, description = "The template's id.")),
    request_body = EmailTemplatePatch,
    responses((status = 200, description = "The template as it is now.", body = EmailTemplate)))]
pub async fn update(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<EmailTemplateId>,
    if_match: IfMatch,
    Body(body): Body,
) -> Result<Response, ApiError> {
    app.run(&call, &UpdateEmailTemplate { id, if_match, body }).await
}

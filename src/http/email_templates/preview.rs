//! `POST /v1/email-templates/{templateId}/preview`.

use std::sync::Arc;

use aggregates::id::EmailTemplateId;
use axum::{extract::State, response::Response};

use super::schema::{EmailTemplateData, EmailTemplatePreview};
use crate::{
    app::App,
    command::email_templates::PreviewEmailTemplate,
    http::{ApiError, Body, Call, Id},
};

/// Preview an email template
///
/// Renders it with the given data, or with made-up data, and sends nothing.
#[utoipa::path(post, path = "/v1/email-templates/{templateId}/preview", operation_id = "previewEmailTemplate",
    tag = "Email templates", params(("templateId" = String, Path, description = "The template's id.")),
    request_body = EmailTemplateData,
    responses((status = 200, description = "The mail.", body = EmailTemplatePreview)))]
pub async fn preview(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<EmailTemplateId>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    app.run(&call, &PreviewEmailTemplate { id, body }).await
}

//! `DELETE /v1/email-templates/{templateId}`.

use std::sync::Arc;

use aggregates::id::EmailTemplateId;
use axum::{extract::State, response::Response};

use crate::{
    app::App,
    command::email_templates::DeleteEmailTemplate,
    http::{ApiError, Call, Id},
};

/// Delete an email template
///
/// Mails of invites that name it use the built-in template from then on.
#[utoipa::path(delete, path = "/v1/email-templates/{templateId}", operation_id = "deleteEmailTemplate", tag = "Email templates",
    params(("templateId" = String, Path, description = "The template's id.")),
    responses((status = 204, description = "The template is deleted.")))]
pub async fn delete(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<EmailTemplateId>,
) -> Result<Response, ApiError> {
    app.run(&call, &DeleteEmailTemplate { id }).await
}

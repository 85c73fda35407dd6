//! `POST /v1/email-templates`.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::schema::{EmailTemplate, NewEmailTemplate};
use crate::{
    app::App,
    command::email_templates::CreateEmailTemplate,
    http::{ApiError, Body, Call},
};

/// Create an email template
///
/// Subject, text and HTML are minijinja templates. They are tried with made-up data, and refused with the offending line
/// where that fails. The built-in template is called `default`.
#[utoipa::path(post, path = "/v1/email-templates", operation_id = "createEmailTemplate", tag = "Email templates",
    request_body = NewEmailTemplate, responses((status = 201, description = "The new template.", body = EmailTemplate)))]
pub async fn create(State(app): State<Arc<App>>, call: Call, Body(body): Body) -> Result<Response, ApiError> {
    app.run(&call, &CreateEmailTemplate { body }).await
}

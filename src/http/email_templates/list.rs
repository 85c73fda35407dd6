//! `GET /v1/email-templates`.

use std::sync::Arc;

use aggregates::id::EmailTemplateId;
use axum::{extract::State, response::Response};

use super::schema::EmailTemplate;
use crate::{
    app::App,
    http::{ApiError, Call, Query, list, query::ListParams},
    store::Filter,
};

/// List email templates
#[utoipa::path(get, path = "/v1/email-templates", operation_id = "listEmailTemplates", tag = "Email templates",
    params(ListParams, ("sort" = Option<String>, Query, description = "`createdAt` (the default), `name` or `updatedAt`.")),
    responses((status = 200, description = "A page of templates.", body = inline(list::PageOf<EmailTemplate>))))]
pub async fn list(State(app): State<Arc<App>>, call: Call, mut query: Query) -> Result<Response, ApiError> {
    let page = query.list::<EmailTemplateId>(&[("name", "name"), ("updatedAt", "updated_at")]);
    query.finish()?;
    let organization = call.organization().to_string();
    let counter = format!("email_templates/{organization}");
    let filters = vec![Filter::Equals("org_id", organization.into())];
    let found = list::fetch(&app, &call, &page, list::query("email_templates", &page, filters, Some(counter))).await?;
    Ok(list::page(&page, &found, |document| document.json.clone()))
}

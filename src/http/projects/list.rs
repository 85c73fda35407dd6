//! `GET /v1/projects`.

use std::sync::Arc;

use aggregates::id::ProjectId;
use axum::{extract::State, response::Response};

use super::schema::Project;
use crate::{
    app::App,
    http::{ApiError, Call, Query, list, query::ListParams},
    store::Filter,
};

/// List projects
#[utoipa::path(get, path = "/v1/projects", operation_id = "listProjects", tag = "Projects",
    params(ListParams, ("sort" = Option<String>, Query, description = "`createdAt` (the default), `name` or `updatedAt`.")),
    responses((status = 200, description = "A page of projects.", body = inline(list::PageOf<Project>))))]
pub async fn list(State(app): State<Arc<App>>, call: Call, mut query: Query) -> Result<Response, ApiError> {
    let page = query.list::<ProjectId>(&[("name", "name"), ("updatedAt", "updated_at")]);
    query.finish()?;
    let organization = call.organization().to_string();
    let counter = format!("projects/{organization}");
    let filters = vec![Filter::Equals("org_id", organization.into())];
    let found = list::fetch(&app, &call, &page, list::query("projects", &page, filters, Some(counter))).await?;
    Ok(list::page(&page, &found, |document| document.json.clone()))
}

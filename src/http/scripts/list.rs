//! `GET /v1/scripts`.

use std::sync::Arc;

use aggregates::id::{ProjectId, ScriptId};
use axum::{extract::State, response::Response};

use super::schema::Script;
use crate::{
    app::App,
    http::{ApiError, Call, Query, list, query::ListParams},
    store::Filter,
};

/// List scripts
#[utoipa::path(get, path = "/v1/scripts", operation_id = "listScripts", tag = "Scripts",
    params(
        ("projectId" = Option<String>, Query, description = "Filter by project ID."),
        ("status" = Option<String>, Query, description = "Filter by status: `draft`, `published` or `archived`."),
        ("search" = Option<String>, Query, description = "Search scripts by name."),
        ("sort" = Option<String>, Query, description = "`createdAt` (the default), `name` or `updatedAt`."),
        ListParams,
    ),
    responses((status = 200, description = "A page of scripts.", body = inline(list::PageOf<Script>))))]
pub async fn list(State(app): State<Arc<App>>, call: Call, mut query: Query) -> Result<Response, ApiError> {
    let page = query.list::<ScriptId>(&[("name", "name"), ("updatedAt", "updated_at")]);
    let project = query.id::<ProjectId>("projectId");
    let status = query.one_of("status", &["draft", "published", "archived"]);
    let search = query.text("search");
    query.finish()?;
    let organization = call.organization().to_string();
    let mut counter = format!("scripts/{organization}");
    let mut filters = vec![Filter::Equals("org_id", organization.into())];
    if let Some(project) = project {
        counter += &format!("/project/{project}");
        filters.push(Filter::Equals("project_id", project.to_string().into()));
    }
    if let Some(status) = status {
        counter += &format!("/{status}");
        filters.push(Filter::Equals("status", status.into()));
    }
    let counter = search.is_none().then_some(counter);
    filters.extend(search.map(|text| Filter::Contains("name_search", text.to_lowercase())));
    let found = list::fetch(&app, &call, &page, list::query("scripts", &page, filters, counter)).await?;
    Ok(list::page(&page, &found, |document| document.json.clone()))
}

//! `GET /v1/campaigns`.

use std::{collections::HashMap, sync::Arc};

use aggregates::id::{CampaignId, ProjectId};
use axum::{extract::State, response::Response};

use super::schema::{Campaign, CampaignFilters};
use crate::{
    app::App,
    command::campaigns::stats::Stats,
    http::{ApiError, Call, Query, list, query::ListParams},
    store::Filter,
};

/// List campaigns
#[utoipa::path(get, path = "/v1/campaigns", operation_id = "listCampaigns", tag = "Campaigns",
    params(CampaignFilters, ListParams),
    responses((status = 200, description = "A page of campaigns.", body = inline(list::PageOf<Campaign>))))]
pub async fn list(State(app): State<Arc<App>>, call: Call, mut query: Query) -> Result<Response, ApiError> {
    let page = query.list::<CampaignId>(&[("name", "name"), ("updatedAt", "updated_at")]);
    let status = query.one_of("status", &["active", "paused", "archived"]);
    let project = query.id::<ProjectId>("projectId");
    let search = query.text("search");
    query.finish()?;
    let organization = call.organization().to_string();
    let mut counter = format!("campaigns/{organization}");
    let mut filters = vec![Filter::Equals("org_id", organization.into())];
    if let Some(project) = project {
        counter = format!("{counter}/project/{project}");
        filters.push(Filter::Equals("project_id", project.to_string().into()));
    }
    if let Some(status) = status {
        counter = format!("{counter}/{status}");
        filters.push(Filter::Equals("status", status.into()));
    }
    let counter = search.is_none().then_some(counter);
    filters.extend(search.map(|text| Filter::Contains("name_search", text.to_lowercase())));
    let found = list::fetch(&app, &call, &page, list::query("campaigns", &page, filters, counter)).await?;
    let scopes: Vec<_> = found.documents.iter().flat_map(|document| Stats::scopes(&document.id)).collect();
    let counters = if scopes.is_empty() { HashMap::new() } else { app.store.counters(scopes).await? };
    Ok(list::page(&page, &found, |document| Stats::of(&document.id, &counters).spliced_into(&document.json)))
}

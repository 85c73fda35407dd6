//! `GET /v1/organization/members`.

use std::sync::Arc;

use aggregates::{id::MemberId, member::MemberRole};
use axum::{extract::State, response::Response};

use super::schema::{Member, MemberFilters};
use crate::{
    app::App,
    http::{ApiError, Call, Query, list, query::ListParams},
    store::Filter,
};

/// List the members of the organization
#[utoipa::path(get, path = "/v1/organization/members", operation_id = "listMembers", tag = "Organization",
    params(MemberFilters, ListParams),
    responses((status = 200, description = "A page of members.", body = inline(list::PageOf<Member>))))]
pub async fn list(State(app): State<Arc<App>>, call: Call, mut query: Query) -> Result<Response, ApiError> {
    let page = query.list::<MemberId>(&[("name", "name"), ("updatedAt", "updated_at")]);
    let status = query.one_of("status", &["invited", "active"]);
    let role = query.one_of("role", &MemberRole::NAMES.map(|(name, _)| name));
    let search = query.text("search");
    query.finish()?;
    let organization = call.organization().to_string();
    let mut counter = format!("members/{organization}");
    let mut filters = vec![Filter::Equals("org_id", organization.into())];
    if let Some(status) = status {
        counter = format!("{counter}/{status}");
        filters.push(Filter::Equals("status", status.into()));
    }
    let counter = (role.is_none() && search.is_none()).then_some(counter);
    filters.extend(role.map(|role| Filter::Equals("role", role.into())));
    filters.extend(search.map(|text| Filter::Contains("name_search", text.to_lowercase())));
    let found = list::fetch(&app, &call, &page, list::query("members", &page, filters, counter)).await?;
    Ok(list::page(&page, &found, |document| document.json.clone()))
}

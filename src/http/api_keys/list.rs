//! `GET /v1/api-keys`.

use std::sync::Arc;

use aggregates::id::ApiKeyId;
use axum::{extract::State, response::Response};

use super::schema::ApiKey;
use crate::{
    app::App,
    command::api_keys::shown,
    http::{ApiError, Call, Query, list, query::ListParams},
    store::Filter,
};

/// List API keys
///
/// Revoked ones included.
#[utoipa::path(get, path = "/v1/api-keys", operation_id = "listApiKeys", tag = "API keys",
    params(ListParams, ("sort" = Option<String>, Query, description = "`createdAt` (the default) or `name`.")),
    responses((status = 200, description = "A page of keys.", body = inline(list::PageOf<ApiKey>))))]
pub async fn list(State(app): State<Arc<App>>, call: Call, mut query: Query) -> Result<Response, ApiError> {
    let page = query.list::<ApiKeyId>(&[("name", "name")]);
    query.finish()?;
    let organization = call.organization().to_string();
    let counter = format!("api_keys/{organization}");
    let filters = vec![Filter::Equals("org_id", organization.into())];
    let found = list::fetch(&app, &call, &page, list::query("api_keys", &page, filters, Some(counter))).await?;
    let uses = app.store.key_uses(found.documents.iter().map(|document| document.id.clone()).collect()).await?;
    Ok(list::page(&page, &found, |document| shown(&document.json, uses.get(&document.id).copied())))
}

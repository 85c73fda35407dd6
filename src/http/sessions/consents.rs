//! `GET /v1/sessions/{sessionId}/consents`.

use std::sync::Arc;

use aggregates::id::{ConsentId, Id as _, SessionId};
use axum::{extract::State, response::Response};

use super::schema::Consent;
use crate::{
    app::App,
    command::sessions::ConsentView,
    http::{ApiError, Call, Id, ListQuery, Page, Query, answer, list, query::ListParams},
};

/// List the consents of a session
///
/// Every consent, refusal and withdrawal, with the exact text's hash.
#[utoipa::path(get, path = "/v1/sessions/{sessionId}/consents", operation_id = "listConsents", tag = "Sessions",
    params(("sessionId" = String, Path, description = "The session's id."), ListParams),
    responses((status = 200, description = "A page of records.", body = inline(list::PageOf<Consent>))))]
pub async fn consents(
    State(app): State<Arc<App>>,
    call: Call,
    Id(session): Id<SessionId>,
    mut query: Query,
) -> Result<Response, ApiError> {
    let records = app.commands.consents(session, call.organization()).await?.ok_or_else(ApiError::not_found)?;
    let page = query.list::<ConsentId>(&["createdAt"]);
    query.finish()?;
    let (records, page) = cut(records, &page);
    let documents: Vec<String> =
        records.iter().map(serde_json::to_string).collect::<Result<_, _>>().map_err(ApiError::internal)?;
    Ok(answer::fresh(answer::ok(answer::list(&documents, page))))
}

/// The page of the records of one session, which are few.
fn cut(mut records: Vec<ConsentView>, query: &ListQuery<ConsentId>) -> (Vec<ConsentView>, Page) {
    let since = query.updated_since.max(query.from);
    records.retain(|record| {
        let at = record.id.instant();
        since.is_none_or(|since| at >= since) && query.to.is_none_or(|to| at < to)
    });
    // Ids ascend with time.
    records.sort_by_key(|record| record.id);
    if query.descending {
        records.reverse();
    }
    let total = records.len() as u64;
    if let Some(after) = query.after {
        records.retain(|record| if query.descending { record.id < after } else { record.id > after });
    }
    let skip = usize::try_from(query.offset).unwrap_or(usize::MAX).min(records.len());
    let mut records = records.split_off(skip);
    let has_more = records.len() > query.limit as usize;
    records.truncate(query.limit as usize);
    (records, Page { total, limit: query.limit, offset: query.offset, has_more })
}

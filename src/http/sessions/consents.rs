//! `GET /v1/sessions/{sessionId}/consents`.

use std::sync::Arc;

use aggregates::id::{ConsentId, SessionId};
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
    let page = query.list::<ConsentId>(&[]);
    query.finish()?;
    let (records, page) = cut(records, &page);
    let documents: Vec<String> =
        records.iter().map(serde_json::to_string).collect::<Result<_, _>>().map_err(ApiError::internal)?;
    Ok(answer::fresh(answer::ok(answer::list(&documents, page))))
}

/// The page of the records of one session, which are few. Their order is the log's, which says what holds: nodes whose clocks
/// differ may give a later record the lower id.
fn cut(mut records: Vec<ConsentView>, query: &ListQuery<ConsentId>) -> (Vec<ConsentView>, Page) {
    if query.descending {
        records.reverse();
    }
    let since = query.updated_since.max(query.from);
    let wanted =
        |record: &ConsentView| since.is_none_or(|since| record.at >= since) && query.to.is_none_or(|to| record.at < to);
    let total = records.iter().filter(|record| wanted(record)).count() as u64;
    if let Some(after) = query.after {
        // Behind a record that there is not, there is nothing.
        let place = records.iter().position(|record| record.id == after);
        records.drain(..place.map_or(records.len(), |place| place + 1));
    }
    records.retain(wanted);
    let skip = usize::try_from(query.offset).unwrap_or(usize::MAX).min(records.len());
    let mut records = records.split_off(skip);
    let has_more = records.len() > query.limit as usize;
    records.truncate(query.limit as usize);
    (records, Page { total, limit: query.limit, offset: query.offset, has_more })
}

#[cfg(test)]
mod tests {
    use aggregates::{
        id::Id as _,
        session::{ConsentKind, ConsentMethod},
    };
    use chrono::DateTime;

    use super::*;

    fn record(id: u128, second: i64) -> ConsentView {
        ConsentView {
            id: ConsentId::from_uuid(uuid::Uuid::from_u128(id)),
            session_id: SessionId::default(),
            kind: ConsentKind::All,
            granted: true,
            text_version: None,
            text_sha256: None,
            locale: None,
            method: ConsentMethod::Web,
            actor: "participant".to_owned(),
            ip: None,
            user_agent: None,
            created_at: String::new(),
            at: DateTime::from_timestamp(second, 0).expect("a time"),
        }
    }

    #[test]
    fn records_stand_in_the_order_of_the_log_whatever_their_ids() {
        // The second was written by a node whose clock is behind.
        let log = || vec![record(5, 10), record(3, 10), record(7, 12)];
        let query = |after: Option<u128>, descending, limit| ListQuery {
            limit,
            offset: 0,
            after: after.map(|id| record(id, 0).id),
            sort: crate::store::Sort::Id,
            descending,
            updated_since: None,
            from: None,
            to: None,
        };
        let page = |query: &ListQuery<ConsentId>| {
            let (records, page) = cut(log(), query);
            (records.iter().map(|record| record.id.uuid().as_u128()).collect::<Vec<_>>(), page.total, page.has_more)
        };
        assert_eq!(page(&query(None, false, 20)), (vec![5, 3, 7], 3, false));
        assert_eq!(page(&query(None, true, 2)), (vec![7, 3], 3, true));
        assert_eq!(page(&query(Some(5), false, 1)), (vec![3], 3, true), "each record comes once");
        assert_eq!(page(&query(Some(3), false, 1)), (vec![7], 3, false));
        assert_eq!(page(&query(Some(3), true, 1)), (vec![5], 3, false));
        assert_eq!(page(&query(Some(4), false, 9)), (vec![], 3, false));
        let since = DateTime::from_timestamp(11, 0);
        assert_eq!(page(&ListQuery { from: since, ..query(Some(3), false, 9) }), (vec![7], 1, false));
    }
}

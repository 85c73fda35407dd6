//! What all list endpoints share: from the query string to the page that is answered (contract 8).

use aggregates::{FieldError, id::Id};
use axum::response::Response;
use utoipa::ToSchema;

use super::{ApiError, Call, ListQuery, Page, answer};
use crate::{
    app::App,
    store::{self, Cursor, Document, Filter, PageQuery, Sort},
};

/// A page of a list.
#[derive(ToSchema)]
pub struct PageOf<T: ToSchema> {
    /// The results of this page.
    pub data: Vec<T>,
    /// Where the page stands.
    pub pagination: Pagination,
}

/// Where a page stands.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"total": 156, "limit": 20, "offset": 0, "hasMore": true}))]
pub struct Pagination {
    /// Total number of results matching the query.
    pub total: u64,
    /// Maximum results per page.
    pub limit: u32,
    /// Current offset.
    pub offset: u64,
    /// Whether more results exist beyond the current page.
    pub has_more: bool,
}

/// The store's query for a page. `counter` knows the total of `filters`; conditions on time are added here, and make
/// the total a count.
pub fn query<I: Id>(
    table: &'static str,
    page: &ListQuery<I>,
    mut filters: Vec<Filter>,
    mut counter: Option<String>,
) -> PageQuery {
    let known = filters.len();
    filters.extend(page.updated_since.map(|time| Filter::AtLeast("updated_at", time.timestamp_micros())));
    filters.extend(page.from.map(|time| Filter::AtLeast("created_at", time.timestamp_micros())));
    filters.extend(page.to.map(|time| Filter::Below("created_at", time.timestamp_micros())));
    if filters.len() > known {
        counter = None;
    }
    PageQuery {
        table,
        filters,
        sort: page.sort,
        descending: page.descending,
        limit: i64::from(page.limit),
        offset: i64::try_from(page.offset).unwrap_or(i64::MAX),
        after: page.after.map(|id| Cursor::at_id(id.to_string())),
        counter,
    }
}

/// The page that a query asks for. In a sort by a column it begins behind where the row that `after` names is now.
///
/// # Errors
/// 400 when the caller has no such row.
pub async fn fetch<I: Id>(
    app: &App,
    call: &Call,
    page: &ListQuery<I>,
    mut query: PageQuery,
) -> Result<store::Page, ApiError> {
    if let (Some(after), Sort::Column(_)) = (page.after, query.sort) {
        let row = app.store.document(query.table, &call.organization().to_string(), &after.to_string()).await?;
        let row = row.ok_or_else(|| {
            let hint = "Names no row of this list. Begin again, or sort by createdAt.";
            ApiError::invalid_request("The list cannot go on there.", vec![FieldError::new("after", "unknown", hint)])
        })?;
        query.after = Some(Cursor::at(&row, query.sort));
    }
    Ok(app.store.page_of(&query).await?)
}

/// The answer: each document as `render` writes it.
pub fn page<I>(query: &ListQuery<I>, found: &store::Page, render: impl Fn(&Document) -> String) -> Response {
    let documents: Vec<String> = found.documents.iter().map(render).collect();
    let page =
        Page { total: found.total.unsigned_abs(), limit: query.limit, offset: query.offset, has_more: found.has_more };
    answer::ok(answer::list(&documents, page))
}

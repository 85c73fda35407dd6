//! `GET /v1/sessions/{sessionId}/files`.

use std::sync::Arc;

use aggregates::id::{FileId, SessionId};
use axum::{extract::State, response::Response};

use super::schema::SessionFile;
use crate::{
    app::App,
    http::{ApiError, Call, Id, Query, list, query::ListParams},
    store::Filter,
};

/// List session files
#[utoipa::path(get, path = "/v1/sessions/{sessionId}/files", operation_id = "listSessionFiles", tag = "Sessions",
    params(("sessionId" = String, Path, description = "The session's id."), ListParams),
    responses((status = 200, description = "A page of files.", body = inline(list::PageOf<SessionFile>))))]
pub async fn list(
    State(app): State<Arc<App>>,
    call: Call,
    Id(session): Id<SessionId>,
    mut query: Query,
) -> Result<Response, ApiError> {
    let page = query.list::<FileId>(&[]);
    let session = app.document(&call, "sessions", session).await?.id;
    query.finish()?;
    let counter = Some(format!("files/{session}"));
    let filters = vec![Filter::Equals("owner", session.into())];
    let found = list::fetch(&app, &call, &page, list::query("files", &page, filters, counter)).await?;
    let now = app.commands.now();
    Ok(list::page(&page, &found, |document| app.commands.render_stored_file(document, now)))
}

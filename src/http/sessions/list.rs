//! `GET /v1/campaigns/{campaignId}/sessions`.

use std::sync::Arc;

use aggregates::{
    id::{CampaignId, SessionId},
    session::SessionStatus,
};
use axum::{extract::State, response::Response};

use super::schema::{Session, SessionFilters};
use crate::{
    app::App,
    http::{ApiError, Call, Id, Query, answer, list, query::ListParams},
    store::Filter,
};

/// List the sessions of a campaign
///
/// Sorted by `completedAt`, sessions that were not completed come as if they had been completed before all others.
#[utoipa::path(get, path = "/v1/campaigns/{campaignId}/sessions", operation_id = "listSessions", tag = "Sessions",
    params(("campaignId" = String, Path, description = "The campaign's id."), SessionFilters, ListParams),
    responses((status = 200, description = "A page of sessions.", body = inline(list::PageOf<Session>))))]
pub async fn list(
    State(app): State<Arc<App>>,
    call: Call,
    Id(campaign): Id<CampaignId>,
    mut query: Query,
) -> Result<Response, ApiError> {
    let campaign = app.document(&call, "campaigns", campaign).await?.id;
    let page = query.list::<SessionId>(&[("completedAt", "completed_at"), ("duration", "duration")]);
    let names: Vec<_> = SessionStatus::NAMES.iter().map(|(name, _)| *name).collect();
    let status = query.one_of("status", &names);
    query.finish()?;

    let mut counter = format!("sessions/{campaign}");
    let mut filters = vec![Filter::Equals("campaign_id", campaign.into())];
    if let Some(status) = status {
        counter = format!("{counter}/{status}");
        filters.push(Filter::Equals("status", status.into()));
    }
    let found = list::fetch(&app, &call, &page, list::query("sessions", &page, filters, Some(counter))).await?;
    Ok(answer::fresh(list::page(&page, &found, |document| document.json.clone())))
}

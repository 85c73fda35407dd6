//! `GET /v1/campaigns/{campaignId}`.

use std::sync::Arc;

use aggregates::id::CampaignId;
use axum::{extract::State, response::Response};

use super::schema::Campaign;
use crate::{
    app::App,
    command::campaigns::stats::Stats,
    http::{ApiError, Call, Id, answer, extract::IfNoneMatch},
};

/// Get a campaign
#[utoipa::path(get, path = "/v1/campaigns/{campaignId}", operation_id = "getCampaign", tag = "Campaigns",
    params(("campaignId" = String, Path, description = "The campaign's id.")),
    responses((status = 200, description = "The campaign.", body = Campaign),
        (status = 304, description = "The client has it already.")))]
pub async fn get(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<CampaignId>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let document = app.document(&call, "campaigns", id).await?;
    let stats = Stats::of(&document.id, &app.store.counters(Stats::scopes(&document.id).into()).await?);
    Ok(answer::cacheable(&known, &stats.tag(document.version), stats.spliced_into(&document.json)))
}

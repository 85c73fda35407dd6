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
    let id = id.to_string();
    let found = app.store.document("campaigns", &call.organization().to_string(), &id).await?;
    let document = found.ok_or_else(ApiError::not_found)?;
    let stats = Stats::of(&id, &app.store.counters(Stats::scopes(&id).into()).await?);
    Ok(answer::cacheable(&known, &stats.tag(document.version), stats.spliced_into(&document.json)))
}

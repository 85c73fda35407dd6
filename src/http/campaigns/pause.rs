//! `POST /v1/campaigns/{campaignId}/pause`.

use std::sync::Arc;

use aggregates::id::CampaignId;
use axum::{extract::State, response::Response};

use super::schema::Campaign;
use crate::{
    app::App,
    command::campaigns::PauseCampaign,
    http::{ApiError, Call, Id, NoBody},
};

/// Pause a campaign
///
/// It takes no new invites; links that were sent keep working.
#[utoipa::path(post, path = "/v1/campaigns/{campaignId}/pause", operation_id = "pauseCampaign", tag = "Campaigns",
    params(("campaignId" = String, Path, description = "The campaign's id.")),
    responses((status = 200, description = "The campaign.", body = Campaign)))]
pub async fn pause(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<CampaignId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    app.run(&call, &PauseCampaign { id }).await
}

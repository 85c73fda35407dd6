//! `POST /v1/campaigns/{campaignId}/resume`.

use std::sync::Arc;

use aggregates::id::CampaignId;
use axum::{extract::State, response::Response};

use super::schema::Campaign;
use crate::{
    app::App,
    command::campaigns::ResumeCampaign,
    http::{ApiError, Call, Id, NoBody},
};

/// Resume a campaign
///
/// A paused campaign takes new invites again.
#[utoipa::path(post, path = "/v1/campaigns/{campaignId}/resume", operation_id = "resumeCampaign", tag = "Campaigns",
    params(("campaignId" = String, Path, description = "The campaign's id.")),
    responses((status = 200, description = "The campaign.", body = Campaign)))]
pub async fn resume(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<CampaignId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    app.run(&call, &ResumeCampaign { id }).await
}

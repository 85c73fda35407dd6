//! `PATCH /v1/campaigns/{campaignId}`.

use std::sync::Arc;

use aggregates::id::CampaignId;
use axum::{extract::State, response::Response};

use super::schema::{Campaign, CampaignPatch};
use crate::{
    app::App,
    command::campaigns::UpdateCampaign,
    http::{ApiError, Body, Call, Id, extract::IfMatch},
};

/// Update a campaign
///
/// A merge-patch: absent members stay, `null` clears. `If-Match` with the campaign's ETag refuses to overwrite a change
/// that you have not seen.
#[utoipa::path(patch, path = "/v1/campaigns/{campaignId}", operation_id = "updateCampaign", tag = "Campaigns",
    params(("campaignId" = String, Path, description = "The campaign's id.")),
    request_body = CampaignPatch, responses((status = 200, description = "The campaign.", body = Campaign)))]
pub async fn update(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<CampaignId>,
    if_match: IfMatch,
    Body(body): Body,
) -> Result<Response, ApiError> {
    app.run(&call, &UpdateCampaign { id, if_match, body }).await
}

//! `POST /v1/campaigns/{campaignId}/archive`.

use std::sync::Arc;

use aggregates::id::CampaignId;
use axum::{extract::State, response::Response};

use super::schema::Campaign;
use crate::{
    app::App,
    command::campaigns::ArchiveCampaign,
    http::{ApiError, Call, Id, NoBody},
};

/// Archive a campaign
///
/// Its links are refused from now on. This cannot be taken back.
#[utoipa::path(post, path = "/v1/campaigns/{campaignId}/archive", operation_id = "archiveCampaign", tag = "Campaigns",
    params(("campaignId" = String, Path, description = "The campaign's id.")),
    responses((status = 200, description = "The campaign.", body = Campaign)))]
pub async fn archive(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<CampaignId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    app.run(&call, &ArchiveCampaign { id }).await
}

//! `POST /v1/campaigns/{campaignId}/invites/bulk`.

use std::sync::Arc;

use aggregates::id::CampaignId;
use axum::{extract::State, response::Response};

use super::schema::{BulkResult, NewInvites};
use crate::{
    app::App,
    command::invites::CreateInvites,
    http::{ApiError, Body, Call, Id},
};

/// Create many invites
///
/// At most 500. Bad items are reported and do not keep the good ones from being created, which happens all at once.
#[utoipa::path(post, path = "/v1/campaigns/{campaignId}/invites/bulk", operation_id = "createInvites", tag = "Invites",
    params(("campaignId" = String, Path, description = "The campaign's id.")),
    request_body = NewInvites, responses((status = 201, description = "What became of each item.", body = BulkResult)))]
pub async fn bulk(
    State(app): State<Arc<App>>,
    call: Call,
    Id(campaign): Id<CampaignId>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    app.run(&call, &CreateInvites { campaign, body }).await
}

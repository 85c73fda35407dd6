//! `POST /v1/campaigns/{campaignId}/invites`.

use std::sync::Arc;

use aggregates::id::CampaignId;
use axum::{extract::State, response::Response};

use super::schema::{Invite, NewInvite};
use crate::{
    app::App,
    command::invites::CreateInvite,
    http::{ApiError, Body, Call, Id},
};

/// Create an invite
///
/// Unless told otherwise, a mail with the link is sent.
#[utoipa::path(post, path = "/v1/campaigns/{campaignId}/invites", operation_id = "createInvite", tag = "Invites",
    params(("campaignId" = String, Path, description = "The campaign's id.")),
    request_body = NewInvite, responses((status = 201, description = "The new invite.", body = Invite)))]
pub async fn create(
    State(app): State<Arc<App>>,
    call: Call,
    Id(campaign): Id<CampaignId>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    app.run(&call, &CreateInvite { campaign, body }).await
}

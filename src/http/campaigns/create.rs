//! `POST /v1/campaigns`.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::schema::{Campaign, NewCampaign};
use crate::{
    app::App,
    command::campaigns::CreateCampaign,
    http::{ApiError, Body, Call},
};

/// Create a campaign
///
/// It uses the script's latest published version, and goes on using that version when the script changes.
#[utoipa::path(post, path = "/v1/campaigns", operation_id = "createCampaign", tag = "Campaigns",
    request_body = NewCampaign, responses((status = 201, description = "The new campaign.", body = Campaign)))]
pub async fn create(State(app): State<Arc<App>>, call: Call, Body(body): Body) -> Result<Response, ApiError> {
    app.run(&call, &CreateCampaign { body }).await
}

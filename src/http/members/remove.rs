//! `DELETE /v1/organization/members/{memberId}`.

use std::sync::Arc;

use aggregates::id::MemberId;
use axum::{extract::State, response::Response};

use crate::{
    app::App,
    command::members::RemoveMember,
    http::{ApiError, Call, Id},
};

/// Remove a member
///
/// Takes an invitation back, too: its link stops working. The last active owner cannot be removed (409 `LAST_OWNER`).
#[utoipa::path(delete, path = "/v1/organization/members/{memberId}", operation_id = "removeMember", tag = "Organization",
    params(("memberId" = String, Path, description = "The member's id.")),
    responses((status = 204, description = "The person is no member any more.")))]
pub async fn remove(State(app): State<Arc<App>>, call: Call, Id(id): Id<MemberId>) -> Result<Response, ApiError> {
    app.run(&call, &RemoveMember { id }).await
}

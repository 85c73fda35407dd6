//! `PATCH /v1/organization/members/{memberId}`.

use std::sync::Arc;

use aggregates::id::MemberId;
use axum::{extract::State, response::Response};

use super::schema::{Member, MemberPatch};
use crate::{
    app::App,
    command::members::UpdateMember,
    http::{ApiError, Body, Call, Id, IfMatch},
};

/// Update a member's role
///
/// The last active owner stays one (409 `LAST_OWNER`).
#[utoipa::path(patch, path = "/v1/organization/members/{memberId}", operation_id = "updateMember", tag = "Organization",
    params(("memberId" = String, Path, description = "The member's id.")), request_body = MemberPatch,
    responses((status = 200, description = "The member as it is now.", body = Member)))]
pub async fn update(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<MemberId>,
    if_match: IfMatch,
    Body(body): Body,
) -> Result<Response, ApiError> {
    app.run(&call, &UpdateMember { id, if_match, body }).await
}

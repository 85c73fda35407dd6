//! `GET /v1/organization/members/{memberId}`.

use std::sync::Arc;

use aggregates::id::MemberId;
use axum::{extract::State, response::Response};

use super::schema::Member;
use crate::{
    app::App,
    http::{ApiError, Call, Id, IfNoneMatch, answer},
};

/// Get a member
#[utoipa::path(get, path = "/v1/organization/members/{memberId}", operation_id = "getMember", tag = "Organization",
    params(("memberId" = String, Path, description = "The member's id.")),
    responses((status = 200, description = "The member.", body = Member),
        (status = 304, description = "The client has it already.")))]
pub async fn get(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<MemberId>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let document = app.document(&call, "members", id).await?;
    Ok(answer::versioned(&known, document.version, document.json))
}

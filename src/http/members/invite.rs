//! `POST /v1/organization/members`.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::schema::{Member, NewMember};
use crate::{
    app::App,
    command::members::InviteMember,
    http::{ApiError, Body, Call},
};

/// Invite a member
///
/// The person gets a mail with a link that can be accepted once, within seven days. Who has not accepted yet is invited again
/// by the same request (200), at most once a minute: with a new link and role, and the former link stops working.
#[utoipa::path(post, path = "/v1/organization/members", operation_id = "inviteMember", tag = "Organization",
    request_body = NewMember,
    responses(
        (status = 201, description = "The new member.", body = Member),
        (status = 200, description = "The member, who was invited again.", body = Member),
    ))]
pub async fn invite(State(app): State<Arc<App>>, call: Call, Body(body): Body) -> Result<Response, ApiError> {
    app.run(&call, &InviteMember { body }).await
}

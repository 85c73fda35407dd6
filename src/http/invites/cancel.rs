//! `POST /v1/invites/{inviteId}/cancel`.

use std::sync::Arc;

use aggregates::id::InviteId;
use axum::{extract::State, response::Response};

use super::schema::Invite;
use crate::{
    app::App,
    command::invites::CancelInvite,
    http::{ApiError, Call, Id, NoBody},
};

/// Cancel an invite
///
/// Withdraws a pending invite and revokes its link.
#[utoipa::path(post, path = "/v1/invites/{inviteId}/cancel", operation_id = "cancelInvite", tag = "Invites",
    params(("inviteId" = String, Path, description = "The invite's id.")),
    responses((status = 200, description = "The invite.", body = Invite)))]
pub async fn cancel(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<InviteId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    app.run(&call, &CancelInvite { id }).await
}

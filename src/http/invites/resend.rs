//! `POST /v1/invites/{inviteId}/resend`.

use std::sync::Arc;

use aggregates::id::InviteId;
use axum::{extract::State, response::Response};

use super::schema::Invite;
use crate::{
    app::App,
    command::invites::ResendInvite,
    http::{ApiError, Call, Id, NoBody},
};

/// Resend an invite
///
/// Sends the mail of a pending invite again, with the same link; at most once a minute.
#[utoipa::path(post, path = "/v1/invites/{inviteId}/resend", operation_id = "resendInvite", tag = "Invites",
    params(("inviteId" = String, Path, description = "The invite's id.")),
    responses((status = 200, description = "The invite.", body = Invite)))]
pub async fn resend(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<InviteId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    app.run(&call, &ResendInvite { id }).await
}

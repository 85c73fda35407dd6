//! `GET /v1/invites/{inviteId}`.

use std::sync::Arc;

use aggregates::id::InviteId;
use axum::{extract::State, response::Response};

use super::schema::Invite;
use crate::{
    app::App,
    http::{ApiError, Call, Id, answer},
};

/// Get an invite
#[utoipa::path(get, path = "/v1/invites/{inviteId}", operation_id = "getInvite", tag = "Invites",
    params(("inviteId" = String, Path, description = "The invite's id.")),
    responses((status = 200, description = "The invite.", body = Invite)))]
pub async fn get(State(app): State<Arc<App>>, call: Call, Id(id): Id<InviteId>) -> Result<Response, ApiError> {
    let (organization, id) = (call.organization().to_string(), id.to_string());
    let found = app.store.document("invites", &organization, &id);
    let (found, base) = tokio::try_join!(found, app.commands.link_base_of(&organization))?;
    let document = found.ok_or_else(ApiError::not_found)?;
    Ok(answer::ok(app.commands.render_stored_invite(&document, &base, app.commands.now())))
}

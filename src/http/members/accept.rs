//! `POST /v1/organization/members/accept`.

use std::sync::Arc;

use aggregates::{
    FieldError, Refusal,
    value::{Input, Reader},
};
use axum::{extract::State, response::Response};

use super::schema::{Acceptance, Member};
use crate::{
    app::{App, MEMBER},
    command::members::AcceptInvitation,
    http::{ApiError, Body, Guest},
};

#[derive(Default)]
struct AcceptanceInput {
    token: String,
}

impl Input for AcceptanceInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self { token: fields.required("token") }
    }
}

/// Accept an invitation to an organization
///
/// The token is the credential. An expired invitation is 409 `INVITE_EXPIRED`, one that was accepted before 409 `CONFLICT`; a
/// token that was never valid, or whose invitation was replaced or taken back, is 422.
#[utoipa::path(post, path = "/v1/organization/members/accept", operation_id = "acceptInvitation", tag = "Organization",
    request_body = Acceptance,
    responses((status = 200, description = "The member, who is active now.", body = Member)))]
pub async fn accept(State(app): State<Arc<App>>, guest: Guest, Body(body): Body) -> Result<Response, ApiError> {
    let token = AcceptanceInput::from_json(body.json()?)?.token;
    let (_, invitation) = app.commands.invitation(&token).await?.ok_or_else(|| {
        Refusal::validation(vec![FieldError::new("token", "not_found", "is not that of an invitation in force")])
    })?;
    let guest = guest.within(invitation.member);
    app.run_for_guest(invitation.organization, MEMBER, &guest, &AcceptInvitation(invitation)).await
}

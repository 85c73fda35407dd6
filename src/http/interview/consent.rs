//! `POST /v1/interview/{token}/session/consent`.

use std::sync::Arc;

use aggregates::session::ConsentMethod;
use axum::{extract::State, response::Response};

use super::schema::GivenConsent;
use crate::{
    app::App,
    command::sessions::RecordConsent,
    http::{ApiError, Body, Turn, sessions::schema::Consent},
};

/// Give, refuse or withdraw consent
///
/// The exact text that was shown is recorded by its version and hash. `granted: false` before the start is recorded and
/// changes nothing else; afterwards it ends the interview, and nothing more is accepted.
#[utoipa::path(post, path = "/v1/interview/{token}/session/consent", operation_id = "giveConsent", tag = "Interview",
    params(("token" = String, Path, description = "The token of the invite's link.")), request_body = GivenConsent,
    responses((status = 201, description = "The record.", body = Consent)))]
pub async fn consent(
    State(app): State<Arc<App>>,
    Turn { participant, guest }: Turn,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let consent = RecordConsent {
        session: participant.session,
        body,
        method: ConsentMethod::Web,
        ip: Some(guest.address.to_canonical().to_string()),
        user_agent: guest.user_agent.clone(),
    };
    app.run_for_participant(participant.organization, &guest, &consent).await
}

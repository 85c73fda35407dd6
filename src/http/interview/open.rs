//! `POST /v1/interview/{token}/session`.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::schema::{NewInterviewSession, OpenedInterview};
use crate::{
    app::App,
    command::sessions::OpenSession,
    http::{ApiError, Body, Guest, Token, key_auth::invited},
};

/// Come to an interview
///
/// Creates the one session of the invite, or comes back to it (200). The answer's token is the credential of everything
/// below this path. It is valid for a day; coming again yields a new one.
#[utoipa::path(post, path = "/v1/interview/{token}/session", operation_id = "openInterview", tag = "Interview",
    params(("token" = String, Path, description = "The token of the invite's link.")), request_body = NewInterviewSession,
    responses(
        (status = 201, description = "The new session.", body = OpenedInterview),
        (status = 200, description = "The session that exists already.", body = OpenedInterview),
    ))]
pub async fn open(
    State(app): State<Arc<App>>,
    guest: Guest,
    Token(token): Token,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let row = invited(&app.store, &token).await?;
    let invite = row.id.parse().map_err(ApiError::internal)?;
    let organization = row.organization.parse().map_err(ApiError::internal)?;
    let open = OpenSession { invite, link: token, body };
    app.run_for_participant(organization, &guest.within(invite), &open).await
}

//! `PATCH /v1/organization`.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::schema::{Organization, OrganizationPatch};
use crate::{
    app::App,
    command::organizations::UpdateOrganization,
    http::{ApiError, Body, Call, extract::IfMatch},
};

/// Update the organization
///
/// A merge-patch: absent members stay, `null` clears. `If-Match` with the organization's ETag refuses to overwrite a change
/// that you have not seen.
#[utoipa::path(patch, path = "/v1/organization", operation_id = "updateOrganization", tag = "Organization",
    request_body = OrganizationPatch,
    responses((status = 200, description = "The organization as it is now.", body = Organization)))]
pub async fn update(
    State(app): State<Arc<App>>,
    call: Call,
    if_match: IfMatch,
    Body(body): Body,
) -> Result<Response, ApiError> {
    app.run(&call, &UpdateOrganization { if_match, body }).await
}

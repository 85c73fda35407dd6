//! `GET /v1/organization`.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::schema::Organization;
use crate::{
    app::App,
    http::{ApiError, Call, answer, extract::IfNoneMatch},
};

/// Get the organization
///
/// The one that the API key belongs to.
#[utoipa::path(get, path = "/v1/organization", operation_id = "getOrganization", tag = "Organization",
    responses((status = 200, description = "The organization.", body = Organization),
        (status = 304, description = "The client has it already.")))]
pub async fn get(State(app): State<Arc<App>>, call: Call, known: IfNoneMatch) -> Result<Response, ApiError> {
    let found = app.store.document_of_any("organizations", &call.organization().to_string()).await?;
    let row = found.ok_or_else(ApiError::not_found)?;
    let document = serde_json::from_str(&row.json).map_err(ApiError::internal)?;
    let shown = app.commands.shown_organization(document).map_err(ApiError::internal)?;
    Ok(answer::versioned(&known, row.version, shown))
}

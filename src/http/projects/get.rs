//! `GET /v1/projects/{projectId}`.

use std::sync::Arc;

use aggregates::id::ProjectId;
use axum::{extract::State, response::Response};

use super::schema::Project;
use crate::{
    app::App,
    http::{ApiError, Call, Id, IfNoneMatch, answer},
};

/// Get a project
#[utoipa::path(get, path = "/v1/projects/{projectId}", operation_id = "getProject", tag = "Projects",
    params(("projectId" = String, Path, description = "The project's id.")),
    responses((status = 200, description = "The project.", body = Project),
        (status = 304, description = "The client has it already.")))]
pub async fn get(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<ProjectId>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let document = app.document(&call, "projects", id).await?;
    Ok(answer::versioned(&known, document.version, document.json))
}

//! `DELETE /v1/projects/{projectId}`.

use std::sync::Arc;

use aggregates::id::ProjectId;
use axum::{extract::State, response::Response};

use crate::{
    app::App,
    command::projects::DeleteProject,
    http::{ApiError, Call, Id},
};

/// Delete a project
///
/// Its campaigns and scripts are unassigned, not deleted.
#[utoipa::path(delete, path = "/v1/projects/{projectId}", operation_id = "deleteProject", tag = "Projects",
    params(("projectId" = String, Path, description = "The project's id.")),
    responses((status = 204, description = "The project is deleted.")))]
pub async fn delete(State(app): State<Arc<App>>, call: Call, Id(id): Id<ProjectId>) -> Result<Response, ApiError> {
    app.run(&call, &DeleteProject { id }).await
}

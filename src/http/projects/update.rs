//! `PATCH /v1/projects/{projectId}`.

use std::sync::Arc;

use aggregates::id::ProjectId;
use axum::{extract::State, response::Response};

use super::schema::{Project, ProjectPatch};
use crate::{
    app::App,
    command::projects::UpdateProject,
    http::{ApiError, Body, Call, Id, IfMatch},
};

/// Update a project
#[utoipa::path(patch, path = "/v1/projects/{projectId}", operation_id = "updateProject", tag = "Projects",
    params(("projectId" = String, Path, description = "The project's id.")),
    request_body = ProjectPatch,
    responses((status = 200, description = "The project as it is now.", body = Project)))]
pub async fn update(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<ProjectId>,
    if_match: IfMatch,
    Body(body): Body,
) -> Result<Response, ApiError> {
    app.run(&call, &UpdateProject { id, if_match, body }).await
}

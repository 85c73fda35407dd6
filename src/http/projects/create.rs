//! `POST /v1/projects`.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::schema::{NewProject, Project};
use crate::{
    app::App,
    command::projects::CreateProject,
    http::{ApiError, Body, Call},
};

/// Create a project
#[utoipa::path(post, path = "/v1/projects", operation_id = "createProject", tag = "Projects",
    request_body = NewProject, responses((status = 201, description = "The new project.", body = Project)))]
pub async fn create(State(app): State<Arc<App>>, call: Call, Body(body): Body) -> Result<Response, ApiError> {
    app.run(&call, &CreateProject { body }).await
}

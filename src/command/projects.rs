//! What can be done with projects.

use aggregates::{
    id::ProjectId,
    project::{NewProjectInput, Project, ProjectCommand},
    value::Input,
};
use serde_json::Value;

use super::{Answer, Command, Stop, Work};

/// `POST /v1/projects`.
pub struct CreateProject {
    /// The request's body.
    pub body: Value,
}

impl Command for CreateProject {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let project = NewProjectInput::from_json(&self.body)?.validate()?;
        let id: ProjectId = work.new_id();
        let create = ProjectCommand::Create { project_id: id, organization_id: work.caller().organization, project };
        work.execute::<Project>(id, create)?;
        Ok(Answer::created(format!("/v1/projects/{id}"), work.document::<Project>(id)?))
    }
}

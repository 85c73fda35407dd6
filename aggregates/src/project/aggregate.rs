//! The project's state and rules.

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Entity,
    id::{OrganizationId, ProjectId},
    project::{
        ProjectCommand, ProjectCreated, ProjectDeleted, ProjectError, ProjectEvent, ProjectPatch, ProjectUpdated,
    },
};

/// A project, as far as its rules need to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// Its id, once it was created.
    pub id: Option<ProjectId>,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// `#RRGGBB`.
    pub color: Option<String>,
    /// Whether it is gone.
    pub deleted: bool,
}

impl Project {
    fn update(&self, patch: ProjectPatch) -> Vec<ProjectEvent> {
        let updated = ProjectUpdated {
            name: patch.name.filter(|name| *name != self.name),
            description: patch.description.against(self.description.as_ref()),
            color: patch.color.against(self.color.as_ref()),
        };
        // A patch that changes nothing is no event: it must not move `updatedAt`.
        if updated == ProjectUpdated::default() { Vec::new() } else { vec![ProjectEvent::Updated(updated)] }
    }
}

impl Entity for Project {
    type Id = ProjectId;

    fn organization_id(&self) -> Option<OrganizationId> {
        self.id.filter(|_| !self.deleted).map(|_| self.organization_id)
    }

    fn decide(&self, command: ProjectCommand) -> Result<Vec<ProjectEvent>, ProjectError> {
        match command {
            ProjectCommand::Create { .. } if self.id.is_some() => Err(ProjectError::AlreadyExists),
            ProjectCommand::Create { project_id, organization_id, project } => {
                let (name, description, color) = (project.name, project.description, project.color);
                let created = ProjectCreated { project_id, organization_id, name, description, color };
                Ok(vec![ProjectEvent::Created(created)])
            }
            _ if self.organization_id().is_none() => Err(ProjectError::NotFound),
            ProjectCommand::Update(patch) => Ok(self.update(patch)),
            ProjectCommand::Delete => Ok(vec![ProjectEvent::Deleted(ProjectDeleted {})]),
        }
    }
}

impl Aggregate for Project {
    const TYPE: &'static str = "project";
    type Command = ProjectCommand;
    type Event = ProjectEvent;
    type Error = ProjectError;
    type Services = ();

    async fn handle(&mut self, command: ProjectCommand, (): &(), sink: &EventSink<Self>) -> Result<(), ProjectError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ProjectEvent) {
        match event {
            ProjectEvent::Created(created) => {
                self.id = Some(created.project_id);
                self.organization_id = created.organization_id;
                self.name = created.name;
                self.description = created.description;
                self.color = created.color;
            }
            ProjectEvent::Updated(updated) => {
                if let Some(name) = updated.name {
                    self.name = name;
                }
                updated.description.apply_to(&mut self.description);
                updated.color.apply_to(&mut self.color);
            }
            ProjectEvent::Deleted(ProjectDeleted {}) => self.deleted = true,
        }
    }
}

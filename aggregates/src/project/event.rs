//! What can happen to a project.

use serde::{Deserialize, Serialize};

use crate::{
    Payload,
    event::events,
    id::{OrganizationId, ProjectId},
    value::Change,
};

events! {
    /// Events of a project's stream.
    ProjectEvent {
        /// See [`ProjectCreated`].
        Created(ProjectCreated),
        /// See [`ProjectUpdated`].
        Updated(ProjectUpdated),
        /// See [`ProjectDeleted`].
        Deleted(ProjectDeleted),
    }
}

/// A project was created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectCreated {
    /// The new project.
    pub project_id: ProjectId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// `#RRGGBB`.
    pub color: Option<String>,
}

impl Payload for ProjectCreated {
    const NAME: &'static str = "project.created";
}

/// Details changed; what is absent stayed as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProjectUpdated {
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub description: Change<String>,
    /// The new colour.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub color: Change<String>,
}

impl Payload for ProjectUpdated {
    const NAME: &'static str = "project.updated";
}

/// The project is gone; its campaigns and scripts were unassigned (contract 34).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectDeleted {}

impl Payload for ProjectDeleted {
    const NAME: &'static str = "project.deleted";
}

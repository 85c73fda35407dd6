//! What can be asked of a project.

use crate::{
    id::{OrganizationId, ProjectId},
    project::{NewProject, ProjectPatch},
};

/// Commands of a project.
#[derive(Clone, Debug, PartialEq)]
pub enum ProjectCommand {
    /// Creates it.
    Create {
        /// The new project.
        project_id: ProjectId,
        /// Its organization.
        organization_id: OrganizationId,
        /// What it is.
        project: NewProject,
    },
    /// Changes its details.
    Update(ProjectPatch),
    /// Removes it.
    Delete,
}

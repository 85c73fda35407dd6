//! Why a project refuses a command.

use crate::{Code, Refusal};

/// Errors of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// There is none, or no longer.
    #[error("The project does not exist.")]
    NotFound,
    /// It was created before.
    #[error("The project exists already.")]
    AlreadyExists,
}

impl From<ProjectError> for Refusal {
    fn from(error: ProjectError) -> Self {
        let code = match error {
            ProjectError::NotFound => Code::NotFound,
            ProjectError::AlreadyExists => Code::Conflict,
        };
        Self::new(code, error.to_string())
    }
}

//! Projects: folders for campaigns and scripts (contract 34).

mod aggregate;
mod command;
mod error;
pub mod event;
mod input;

pub use aggregate::Project;
pub use command::ProjectCommand;
pub use error::ProjectError;
pub use event::*;
pub use input::{NewProject, NewProjectInput, ProjectPatch, ProjectPatchInput};

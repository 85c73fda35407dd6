//! Organizations: who pays, and what everything else belongs to.

mod aggregate;
mod command;
mod error;
pub mod event;
mod input;
mod plan;

pub use aggregate::Organization;
pub use command::OrganizationCommand;
pub use error::OrganizationError;
pub use event::*;
pub use input::{OrganizationPatch, OrganizationPatchInput};
pub use plan::{Plan, UnknownPlan};

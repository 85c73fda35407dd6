//! Small models of what the aggregates are for; random commands must have the same outcome on both.

mod campaign;
mod invite;
mod member;
mod script;
mod session;
mod webhook;

use aggregates::{Code, Entity, Refusal};

use crate::common::Live;

/// How many events a command makes, or why it makes none.
pub type Outcome = Result<usize, Code>;

/// Runs a command for real.
pub fn run<A: Entity + PartialEq + std::fmt::Debug>(live: &mut Live<A>, command: A::Command) -> Outcome {
    live.run(command).map_err(|error| Into::<Refusal>::into(error).code)
}

//! The parts of the bench, each on its own server or database.

pub mod commands;
pub mod crash;
pub mod invites;
pub mod limits;
pub mod lists;
pub mod nodes;
pub mod peer;

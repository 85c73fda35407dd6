//! InterviewRelay: a self-hostable, event-sourced platform for AI-run interviews.
//!
//! The rules live in the crates `aggregates` and `projections`; this crate holds everything that touches the outside
//! world.

pub mod clock;
pub mod http;

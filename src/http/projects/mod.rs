//! `/v1/projects`.

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod schema;
pub mod update;

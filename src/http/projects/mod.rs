//! `/v1/projects`.

pub mod create;
pub mod get;
pub mod list;
pub mod schema;

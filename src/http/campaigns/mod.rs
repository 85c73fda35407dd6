//! `/v1/campaigns`.

pub mod archive;
pub mod create;
pub mod get;
pub mod list;
pub mod pause;
pub mod resume;
pub mod schema;
pub mod update;

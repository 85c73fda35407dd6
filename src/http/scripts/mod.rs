//! `/v1/scripts`.

pub mod create;
pub mod create_version;
pub mod delete;
pub mod export;
pub mod get;
pub mod import;
pub mod list;
pub mod publish;
pub mod schema;
pub mod update;

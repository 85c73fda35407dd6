//! `/v1/email-templates`.

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod preview;
pub mod schema;
pub mod update;

//! `/v1/api-keys`.

pub mod create;
pub mod get;
pub mod list;
pub mod revoke;
pub mod schema;

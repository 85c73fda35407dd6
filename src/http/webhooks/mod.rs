//! `/v1/webhooks`.

pub mod create;
pub mod delete;
pub mod deliveries;
pub mod delivery;
pub mod explain;
pub mod get;
pub mod list;
pub mod redeliver;
pub mod replay;
pub mod rotate_secret;
pub mod schema;
pub mod test;
pub mod update;

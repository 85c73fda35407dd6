//! `/v1/campaigns/{campaignId}/sessions` and `/v1/sessions`.

pub mod consent;
pub mod consents;
pub mod get;
pub mod heartbeat;
pub mod list;
pub mod pause;
pub mod pdf;
pub mod resume;
pub mod schema;
pub mod transcript;

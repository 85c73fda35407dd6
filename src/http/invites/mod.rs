//! `/v1/campaigns/{campaignId}/invites` and `/v1/invites`.

pub mod bulk;
pub mod cancel;
pub mod create;
pub mod get;
pub mod list;
pub mod resend;
pub mod schema;

#[cfg(test)]
mod tests;

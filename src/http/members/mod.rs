//! `/v1/organization/members`, and the page behind an invitation's link.

pub mod accept;
pub mod get;
pub mod invite;
pub mod list;
pub mod page;
pub mod remove;
pub mod schema;
pub mod update;

//! `/v1/organization`: the organization that the API key belongs to.

pub mod get;
pub mod logo;
pub mod schema;
pub mod update;

//! The participant's side, where the invite token is the credential: `/v1/interview`, and the page that speaks it.

pub mod assets;
pub mod embed;
pub mod page;
pub mod schema;
pub mod show;

//! `/v1/interview`: the participant's side, where the invite token is the credential.

pub mod schema;
pub mod show;

//! `/v1/interview`: the participant's side, where the invite token is the credential, and below its session the session
//! token with it.

pub mod answers;
pub mod complete;
pub mod consent;
pub mod heartbeat;
pub mod leave;
pub mod next;
pub mod open;
pub mod pause;
pub mod resume;
pub mod schema;
pub mod show;
pub mod start;

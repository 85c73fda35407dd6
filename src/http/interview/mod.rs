//! The participant's side, where the invite token is the credential, and below its session the session token with it:
//! `/v1/interview`, and the page that speaks it.

pub mod answers;
pub mod assets;
pub mod complete;
pub mod consent;
pub mod embed;
pub mod heartbeat;
pub mod leave;
pub mod next;
pub mod open;
pub mod page;
pub mod pause;
pub mod resume;
pub mod schema;
pub mod show;
pub mod speech;
pub mod spoken;
pub mod start;

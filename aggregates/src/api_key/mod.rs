//! API keys: what a program may do in an organization's name (contract 5, 36).

mod aggregate;
mod command;
mod error;
pub mod event;
mod input;
mod scope;

pub use aggregate::ApiKey;
pub use command::ApiKeyCommand;
pub use error::ApiKeyError;
pub use event::*;
pub use input::{NewApiKey, NewApiKeyInput};
pub use scope::{Scope, UnknownScope, grants};

//! What a client has sent.

use aggregates::Refusal;
use serde_json::Value;

/// The JSON that came with a request, or why it cannot be taken. A command asks for it after it has looked for the resource
/// that it is about, so that an unknown one is told before a bad body (contract 4).
#[derive(Clone, Debug)]
pub struct Sent(Result<Value, Refusal>);

impl Sent {
    /// What could not be read, or must not be stored.
    pub fn bad(refusal: Refusal) -> Self {
        Self(Err(refusal))
    }

    /// The JSON.
    ///
    /// # Errors
    /// Why there is none.
    pub fn json(&self) -> Result<&Value, Refusal> {
        self.0.as_ref().map_err(Clone::clone)
    }
}

impl From<Value> for Sent {
    fn from(value: Value) -> Self {
        Self(Ok(value))
    }
}

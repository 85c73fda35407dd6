//! Why an API key refuses a command.

use crate::{Code, Refusal};

/// Errors of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// There is none.
    #[error("The API key does not exist.")]
    NotFound,
    /// It was created before.
    #[error("The API key exists already.")]
    AlreadyExists,
}

impl From<ApiKeyError> for Refusal {
    fn from(error: ApiKeyError) -> Self {
        let code = match error {
            ApiKeyError::NotFound => Code::NotFound,
            ApiKeyError::AlreadyExists => Code::Conflict,
        };
        Self::new(code, error.to_string())
    }
}

//! Why a webhook endpoint refuses a command.

use crate::{Code, Refusal};

/// Errors of a webhook endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// There is none, or no longer.
    #[error("The webhook does not exist.")]
    NotFound,
    /// It was created before.
    #[error("The webhook exists already.")]
    AlreadyExists,
}

impl From<WebhookError> for Refusal {
    fn from(error: WebhookError) -> Self {
        let code = match error {
            WebhookError::NotFound => Code::NotFound,
            WebhookError::AlreadyExists => Code::Conflict,
        };
        Self::new(code, error.to_string())
    }
}

//! Why a mail template refuses a command.

use crate::{Code, Refusal};

/// Errors of a mail template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailTemplateError {
    /// There is none, or no longer.
    #[error("The email template does not exist.")]
    NotFound,
    /// It was created before.
    #[error("The email template exists already.")]
    AlreadyExists,
}

impl From<EmailTemplateError> for Refusal {
    fn from(error: EmailTemplateError) -> Self {
        let code = match error {
            EmailTemplateError::NotFound => Code::NotFound,
            EmailTemplateError::AlreadyExists => Code::Conflict,
        };
        Self::new(code, error.to_string())
    }
}

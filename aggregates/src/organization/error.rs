//! Why an organization refuses a command.

use crate::{Code, FieldError, Refusal};

/// Errors of an organization.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrganizationError {
    /// There is none.
    #[error("The organization does not exist.")]
    NotFound,
    /// It was created before.
    #[error("The organization exists already.")]
    AlreadyExists,
    /// Fields break rules.
    #[error("One or more fields failed validation.")]
    Invalid(Vec<FieldError>),
    /// The balance is used up (contract 37).
    #[error("Not enough credits to perform this action.")]
    InsufficientCredits,
}

impl From<OrganizationError> for Refusal {
    fn from(error: OrganizationError) -> Self {
        let code = match &error {
            OrganizationError::NotFound => Code::NotFound,
            OrganizationError::AlreadyExists => Code::Conflict,
            OrganizationError::InsufficientCredits => Code::InsufficientCredits,
            OrganizationError::Invalid(_) => Code::ValidationError,
        };
        let message = error.to_string();
        match error {
            OrganizationError::Invalid(fields) => Self::validation(fields),
            _ => Self::new(code, message),
        }
    }
}

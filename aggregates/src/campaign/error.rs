//! Why a campaign refuses a command.

use crate::{Code, FieldError, Refusal};

/// Errors of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CampaignError {
    /// There is none.
    #[error("The campaign does not exist.")]
    NotFound,
    /// It was created before.
    #[error("The campaign exists already.")]
    AlreadyExists,
    /// Fields break rules.
    #[error("One or more fields failed validation.")]
    Invalid(Vec<FieldError>),
    /// It takes no invites for now.
    #[error("The campaign is paused.")]
    Paused,
    /// It is over.
    #[error("The campaign is archived.")]
    Archived,
    /// Pausing what is paused.
    #[error("The campaign is paused already.")]
    AlreadyPaused,
    /// Resuming what is active.
    #[error("The campaign is active already.")]
    AlreadyActive,
}

impl From<CampaignError> for Refusal {
    fn from(error: CampaignError) -> Self {
        let code = match &error {
            CampaignError::NotFound => Code::NotFound,
            CampaignError::Invalid(_) => Code::ValidationError,
            CampaignError::Paused | CampaignError::Archived => Code::CampaignNotActive,
            CampaignError::AlreadyExists | CampaignError::AlreadyPaused | CampaignError::AlreadyActive => {
                Code::Conflict
            }
        };
        let message = error.to_string();
        match error {
            CampaignError::Invalid(fields) => Self::validation(fields),
            _ => Self::new(code, message),
        }
    }
}

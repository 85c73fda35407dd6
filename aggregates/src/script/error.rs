//! Why a script refuses a command.

use crate::{Code, FieldError, Refusal};

/// Errors of a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// There is none, or no longer.
    #[error("The script does not exist.")]
    NotFound,
    /// It was created before.
    #[error("The script exists already.")]
    AlreadyExists,
    /// Fields break rules.
    #[error("One or more fields failed validation.")]
    Invalid(Vec<FieldError>),
    /// There is a draft already (contract 31).
    #[error("The script already has a draft version. Edit or publish it first.")]
    DraftExists,
    /// There is nothing to publish.
    #[error("The script has no draft version to publish.")]
    NoDraft,
    /// There is no draft that media could be added to.
    #[error("The script has no draft version. Open one before you add media to it.")]
    NoDraftToEdit,
    /// It takes no changes any more.
    #[error("The script is archived and cannot be changed.")]
    Archived,
    /// It has no published version that a campaign could use.
    #[error("The script has no published version that a campaign could use, or is archived.")]
    NotPublished,
    /// Campaigns use it.
    #[error("The script is used by active or paused campaigns.")]
    InUse,
}

impl From<ScriptError> for Refusal {
    fn from(error: ScriptError) -> Self {
        let code = match &error {
            ScriptError::NotFound => Code::NotFound,
            ScriptError::Invalid(_) => Code::ValidationError,
            ScriptError::DraftExists => Code::DraftExists,
            ScriptError::AlreadyExists | ScriptError::NoDraft | ScriptError::NoDraftToEdit | ScriptError::Archived => {
                Code::Conflict
            }
            ScriptError::NotPublished => Code::ScriptNotPublished,
            ScriptError::InUse => Code::ScriptInUse,
        };
        let message = error.to_string();
        match error {
            ScriptError::Invalid(fields) => Self::validation(fields),
            _ => Self::new(code, message),
        }
    }
}

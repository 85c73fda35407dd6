//! Why a file refuses a command.

use crate::{Code, Refusal};

/// Errors of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is none, or no longer.
    #[error("The file does not exist.")]
    NotFound,
    /// It was stored before.
    #[error("The file exists already.")]
    AlreadyExists,
}

impl From<FileError> for Refusal {
    fn from(error: FileError) -> Self {
        let code = match error {
            FileError::NotFound => Code::NotFound,
            FileError::AlreadyExists => Code::Conflict,
        };
        Self::new(code, error.to_string())
    }
}

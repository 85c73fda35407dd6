//! Scripts: what the interviewer asks, in versions (contract 31 to 33).

mod aggregate;
mod command;
mod content;
mod error;
pub mod event;
mod export;
mod input;
mod questions;

pub use aggregate::{PinnedScript, Script, ScriptStatus, Version};
pub use command::ScriptCommand;
pub use content::{FollowUp, Question, QuestionType, Scale, ScriptContent};
pub use error::ScriptError;
pub use event::*;
pub use export::{
    ExportDocument, ExportedMedia, ExportedScript, ExportedVersion, FORMAT, FORMAT_VERSION, Imported, ImportedMedia,
    export, import,
};
pub use input::{NewScript, NewScriptInput, NewVersion, NewVersionInput, ScriptPatch, ScriptPatchInput};
pub use questions::{FollowUpInput, QuestionInput, ScaleInput};

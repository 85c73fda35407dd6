//! What the interviewer says, and where the words come from.

use serde::{Deserialize, Serialize};

/// [`Origin::name`] of text that the script or the campaign's settings hold.
pub const SCRIPT: &str = "script";
/// [`Origin::name`] of the interviewer's own phrases.
pub const INTERVIEWER: &str = "interviewer";
/// The version of the interviewer's own phrases and rules; counts up when they change.
pub const INTERVIEWER_VERSION: u32 = 1;

/// Who worded something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// What kind of author.
    pub kind: OriginKind,
    /// [`SCRIPT`], [`INTERVIEWER`], or the model's name.
    pub name: String,
    /// The version of the script, of the interviewer's phrases, or of the instructions that the model was given.
    pub prompt_version: u32,
}

/// What kind of author worded something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    /// The script, or a rule of the interviewer.
    Rule,
    /// A language model.
    Model,
}

impl Origin {
    /// The script's or the campaign's own words.
    pub fn script(version: u32) -> Self {
        Self { kind: OriginKind::Rule, name: SCRIPT.to_owned(), prompt_version: version }
    }

    /// A phrase of the interviewer.
    pub fn interviewer() -> Self {
        Self { kind: OriginKind::Rule, name: INTERVIEWER.to_owned(), prompt_version: INTERVIEWER_VERSION }
    }

    /// A language model's words.
    pub fn model(name: impl Into<String>, prompt_version: u32) -> Self {
        Self { kind: OriginKind::Model, name: name.into(), prompt_version }
    }
}

/// One line with its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The words.
    pub text: String,
    /// Where they come from.
    pub origin: Origin,
}

impl Line {
    /// A line of the script's or the campaign's.
    pub fn script(text: impl Into<String>, version: u32) -> Self {
        Self { text: text.into(), origin: Origin::script(version) }
    }

    /// A phrase of the interviewer.
    pub fn interviewer(text: impl Into<String>) -> Self {
        Self { text: text.into(), origin: Origin::interviewer() }
    }

    /// A language model's line.
    pub fn model(text: impl Into<String>, name: impl Into<String>, prompt_version: u32) -> Self {
        Self { text: text.into(), origin: Origin::model(name, prompt_version) }
    }
}

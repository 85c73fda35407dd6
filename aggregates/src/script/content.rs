//! What one version of a script says.

use serde::{Deserialize, Serialize};

use crate::{id::FileId, value::Document};

/// What one version of a script says. Its JSON is also how the API shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScriptContent {
    /// How the interviewer behaves.
    pub system_prompt: String,
    /// What is asked, in the order in which it is asked.
    pub questions: Vec<Question>,
    /// Settings that campaigns inherit (contract 16).
    pub settings: Document,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// Unique within the script, chosen by its author.
    pub id: String,
    /// What is asked.
    pub text: String,
    /// How it is answered.
    #[serde(rename = "type")]
    pub kind: QuestionType,
    /// Whether it must be answered.
    pub required: bool,
    /// How the interviewer follows up; the script's settings decide where this is absent.
    pub follow_up: Option<FollowUp>,
    /// The greatest time for an answer, in seconds.
    pub max_duration: Option<u32>,
    /// Its place among the questions.
    pub order: u32,
    /// What can be chosen; only where the type is `multiple_choice`.
    pub options: Option<Vec<String>>,
    /// What can be rated; only where the type is `rating`.
    pub scale: Option<Scale>,
    /// The script's media that are shown or played with it, in this order.
    #[serde(default)]
    pub media: Vec<FileId>,
}

/// How a question is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuestionType {
    /// In the participant's own words.
    Open,
    /// With a number on a scale.
    Rating,
    /// With one of several options.
    MultipleChoice,
    /// With yes or no.
    YesNo,
}

impl QuestionType {
    /// The names in the API.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("open", Self::Open),
        ("rating", Self::Rating),
        ("multiple_choice", Self::MultipleChoice),
        ("yes_no", Self::YesNo),
    ];
}

/// How the interviewer follows up on an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FollowUp {
    /// Whether at all.
    pub enabled: bool,
    /// How often at most; the script's settings decide where this is absent.
    pub max_follow_ups: Option<u32>,
    /// What to look for.
    pub prompt: Option<String>,
}

/// The numbers that a rating may have, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// The lowest.
    pub min: i32,
    /// The highest.
    pub max: i32,
}

impl Default for Scale {
    fn default() -> Self {
        Self { min: 1, max: 10 }
    }
}

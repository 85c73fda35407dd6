//! Answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    FieldError,
    script::{Question, QuestionType},
    session::{MAX_ANSWER, PromptKind, languages::phrases},
    value::{Lines, Validator},
};

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// In the participant's own words.
    Text(String),
    /// A number on a scale.
    Rating {
        /// The number.
        value: i32,
        /// The lowest one possible.
        min: i32,
        /// The highest one possible.
        max: i32,
    },
    /// One of the options.
    Choice(String),
    /// Yes or no.
    YesNo(bool),
}

impl Given {
    /// Whether it is in the participant's own words, not one of the answers that the question allows.
    pub const fn is_worded(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// How it reads in a transcript: `8 (1–10)`, `Yes`.
    pub fn text(&self, language: &str) -> String {
        match self {
            Self::Text(text) | Self::Choice(text) => text.clone(),
            Self::Rating { value, min, max } => format!("{value} ({min}–{max})"),
            Self::YesNo(true) => phrases(language).yes.to_owned(),
            Self::YesNo(false) => phrases(language).no.to_owned(),
        }
    }
}

/// What a client sends in reply to a prompt, before it is held against the question.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Words.
    Text(String),
    /// A number, one of the options, or yes or no.
    Value(Value),
    /// Nothing.
    Skip,
}

impl Reply {
    /// Holds the reply against its prompt; `None` means skipped.
    ///
    /// # Errors
    /// Every field that breaks a rule of the question.
    pub fn check(&self, kind: PromptKind, question: &Question) -> Result<Option<Given>, Vec<FieldError>> {
        let mut validator = Validator::new();
        // A follow-up asks for words, whatever its question asked for, and nobody has to say more.
        let (expected, required) = match kind {
            PromptKind::Question => (question.kind, question.required),
            PromptKind::FollowUp => (QuestionType::Open, false),
        };
        let given = match (self, expected) {
            (Self::Skip, _) => {
                if required {
                    validator.error("skip", "not_allowed", "this question must be answered");
                }
                None
            }
            (Self::Text(text), QuestionType::Open) => {
                Some(Given::Text(validator.text("text", text, MAX_ANSWER, Lines::Many)))
            }
            (Self::Text(_), _) => {
                validator.error("value", "required", "is required: this question is not answered with text");
                None
            }
            (Self::Value(_), QuestionType::Open) => {
                validator.error("text", "required", "is required: this question is answered with text");
                None
            }
            (Self::Value(value), QuestionType::Rating) => rating(value, question, &mut validator),
            (Self::Value(value), QuestionType::MultipleChoice) => choice(value, question, &mut validator),
            (Self::Value(value), QuestionType::YesNo) => {
                if value.as_bool().is_none() {
                    validator.error("value", "invalid_type", "must be a boolean");
                }
                value.as_bool().map(Given::YesNo)
            }
        };
        validator.finish(given)
    }
}

fn rating(value: &Value, question: &Question, validator: &mut Validator) -> Option<Given> {
    let scale = question.scale.unwrap_or_default();
    let Value::Number(number) = value else {
        validator.error("value", "invalid_type", "must be a number");
        return None;
    };
    let value = validator.checked_integer("value", number, scale.min.into()..=scale.max.into())?;
    Some(Given::Rating { value: i32::try_from(value).ok()?, min: scale.min, max: scale.max })
}

fn choice(value: &Value, question: &Question, validator: &mut Validator) -> Option<Given> {
    let options = question.options.as_deref().unwrap_or_default();
    let Value::String(text) = value else {
        validator.error("value", "invalid_type", "must be a string");
        return None;
    };
    let chosen = options.iter().find(|option| *option == text.trim());
    if chosen.is_none() {
        validator.error("value", "invalid_enum", "must be one of the options");
    }
    chosen.cloned().map(Given::Choice)
}

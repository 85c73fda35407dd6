//! The questions that a caller sends, and their rules (contract 32).

use std::{collections::HashSet, ops::RangeInclusive};

use serde_json::Number;

use crate::{
    id::FileId,
    script::{FollowUp, Question, QuestionType, Scale},
    value::{
        Input, Lines, Reader, Validator,
        settings::{MAX_DURATION, MAX_FOLLOW_UPS},
    },
};

const QUESTIONS: RangeInclusive<usize> = 1..=100;
const OPTIONS: RangeInclusive<usize> = 2..=20;
const MAX_ID: usize = 64;
const MAX_TEXT: usize = 2_000;
const MAX_OPTION: usize = 200;
const MAX_MEDIA: usize = 10;
const ORDER: RangeInclusive<i64> = 0..=1_000_000;
const SCALE: RangeInclusive<i64> = -1_000..=1_000;

/// A question as a caller sends it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuestionInput {
    /// Its id.
    pub id: String,
    /// What is asked.
    pub text: String,
    /// How it is answered.
    pub kind: String,
    /// Whether it must be answered; it must, unless told otherwise.
    pub required: Option<bool>,
    /// How to follow up.
    pub follow_up: Option<FollowUpInput>,
    /// The greatest time for an answer.
    pub max_duration: Option<Number>,
    /// Its place.
    pub order: Option<Number>,
    /// What can be chosen.
    pub options: Option<Vec<String>>,
    /// What can be rated.
    pub scale: Option<ScaleInput>,
    /// Ids of the script's media; whether they exist is for the caller to find out.
    pub media: Option<Vec<String>>,
}

/// A follow-up configuration as a caller sends it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FollowUpInput {
    /// Whether to follow up; yes, unless told otherwise.
    pub enabled: Option<bool>,
    /// How often at most.
    pub max_follow_ups: Option<Number>,
    /// What to look for.
    pub prompt: Option<String>,
}

/// A scale as a caller sends it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScaleInput {
    /// The lowest number.
    pub min: Option<Number>,
    /// The highest number.
    pub max: Option<Number>,
}

impl Input for QuestionInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            id: fields.required("id"),
            text: fields.required("text"),
            kind: fields.required("type"),
            required: fields.optional("required"),
            follow_up: fields.optional("followUp"),
            max_duration: fields.optional("maxDuration"),
            order: fields.optional("order"),
            options: fields.optional("options"),
            scale: fields.optional("scale"),
            media: fields.optional("media"),
        }
    }
}

impl Input for FollowUpInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            enabled: fields.optional("enabled"),
            max_follow_ups: fields.optional("maxFollowUps"),
            prompt: fields.optional("prompt"),
        }
    }
}

impl Input for ScaleInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self { min: fields.optional("min"), max: fields.optional("max") }
    }
}

/// Checks the questions, gives an order to those without one, and sorts them by it.
pub(super) fn check(questions: Vec<QuestionInput>, validator: &mut Validator) -> Vec<Question> {
    if questions.len() < *QUESTIONS.start() {
        validator.error("questions", "too_few", "must have at least one question");
    }
    if questions.len() > *QUESTIONS.end() {
        validator.error("questions", "too_many", "must have at most 100 questions");
        // The list is refused already; a thousand more errors would help nobody.
        return Vec::new();
    }
    let mut ids = HashSet::new();
    let mut checked: Vec<Question> = Vec::with_capacity(questions.len());
    for (index, question) in questions.into_iter().enumerate() {
        validator.item("questions", index, |validator| {
            // A question without an order follows the one before it, so that inserting one needs no renumbering.
            let next = checked.last().map_or(1, |previous| previous.order.saturating_add(1));
            let question = check_question(question, next, validator);
            if !ids.insert(question.id.clone()) {
                validator.error("id", "duplicate", "another question of the script has this id");
            }
            checked.push(question);
        });
    }
    checked.sort_by_key(|question| question.order);
    checked
}

fn check_question(question: QuestionInput, next: u32, validator: &mut Validator) -> Question {
    let kind = validator.one_of("type", &question.kind, &QuestionType::NAMES);
    let options = check_options(question.options, kind, validator);
    let scale = check_scale(question.scale, kind, validator);
    Question {
        id: validator.text("id", &question.id, MAX_ID, Lines::One),
        text: validator.text("text", &question.text, MAX_TEXT, Lines::Many),
        kind: kind.unwrap_or(QuestionType::Open),
        required: question.required.unwrap_or(true),
        follow_up: question.follow_up.map(|input| validator.within("followUp", |v| check_follow_up(&input, v))),
        max_duration: question
            .max_duration
            .map(|number| unsigned(validator.integer("maxDuration", &number, MAX_DURATION))),
        order: question.order.map_or(next, |number| unsigned(validator.integer("order", &number, ORDER))),
        options,
        scale,
        media: check_media(&question.media.unwrap_or_default(), validator),
    }
}

fn check_media(media: &[String], validator: &mut Validator) -> Vec<FileId> {
    if media.len() > MAX_MEDIA {
        validator.error("media", "too_many", "must have at most 10 files");
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let checked = media.iter().enumerate().map(|(index, id)| {
        let field = format!("media[{index}]");
        if !seen.insert(id) {
            validator.error(&field, "duplicate", "is given twice");
        }
        validator.id(&field, id)
    });
    checked.collect()
}

fn check_follow_up(input: &FollowUpInput, validator: &mut Validator) -> FollowUp {
    let max = input.max_follow_ups.as_ref();
    FollowUp {
        enabled: input.enabled.unwrap_or(true),
        max_follow_ups: max.map(|number| unsigned(validator.integer("maxFollowUps", number, MAX_FOLLOW_UPS))),
        prompt: validator.optional_text("prompt", input.prompt.as_deref(), MAX_TEXT, Lines::Many),
    }
}

fn check_options(
    options: Option<Vec<String>>,
    kind: Option<QuestionType>,
    validator: &mut Validator,
) -> Option<Vec<String>> {
    match (options, kind) {
        (None, Some(QuestionType::MultipleChoice)) => {
            validator.error("options", "required", "is required where the type is multiple_choice");
            None
        }
        (Some(_), Some(QuestionType::Open | QuestionType::Rating | QuestionType::YesNo)) => {
            validator.error("options", "not_allowed", "is allowed only where the type is multiple_choice");
            None
        }
        (Some(options), _) => {
            if options.len() < *OPTIONS.start() {
                validator.error("options", "too_few", "must have at least 2 options");
            }
            if options.len() > *OPTIONS.end() {
                validator.error("options", "too_many", "must have at most 20 options");
                return None;
            }
            let mut seen = HashSet::new();
            let checked = options.iter().enumerate().map(|(index, option)| {
                let field = format!("options[{index}]");
                let option = validator.text(&field, option, MAX_OPTION, Lines::One);
                if !seen.insert(option.clone()) {
                    validator.error(&field, "duplicate", "is given twice");
                }
                option
            });
            Some(checked.collect())
        }
        (None, _) => None,
    }
}

fn check_scale(scale: Option<ScaleInput>, kind: Option<QuestionType>, validator: &mut Validator) -> Option<Scale> {
    match (scale, kind) {
        (None, Some(QuestionType::Rating)) => Some(Scale::default()),
        (Some(_), Some(QuestionType::Open | QuestionType::MultipleChoice | QuestionType::YesNo)) => {
            validator.error("scale", "not_allowed", "is allowed only where the type is rating");
            None
        }
        (Some(scale), _) => Some(validator.within("scale", |validator| {
            let mut end = |field, number: Option<Number>| {
                let Some(number) = number else {
                    validator.error(field, "required", "is required in a scale");
                    return None;
                };
                let end = validator.checked_integer(field, &number, SCALE)?;
                i32::try_from(end).ok()
            };
            let (min, max) = (end("min", scale.min), end("max", scale.max));
            match (min, max) {
                (Some(min), Some(max)) => {
                    if min >= max {
                        validator.error("max", "out_of_range", "must be greater than min");
                    }
                    Scale { min, max }
                }
                _ => Scale::default(),
            }
        })),
        (None, _) => None,
    }
}

/// The ranges in this file fit; the fallback only keeps the conversion total.
fn unsigned(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

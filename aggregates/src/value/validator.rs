//! Checks rules and collects every broken one.

use std::{ops::RangeInclusive, str::FromStr};

use serde_json::Number;

use crate::{Code, FieldError, Refusal, id::Id, value::Change};

/// Whether a text may have several lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// No control characters at all.
    One,
    /// Line breaks and tabs, but no other control characters.
    Many,
}

/// Collects field errors, so that a caller learns of all of them at once.
///
/// Every check returns a usable value whatever it finds; [`Validator::finish`] makes sure that a value which
/// was not really checked out never leaves.
#[derive(Debug, Default)]
pub struct Validator {
    prefix: String,
    errors: Vec<FieldError>,
}

impl Validator {
    /// The greatest number of characters of a name.
    pub const MAX_NAME: usize = 100;
    /// The greatest number of characters of a description.
    pub const MAX_DESCRIPTION: usize = 500;

    /// Starts with no errors, at the top of the body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an error for a field of the current object.
    pub fn error(&mut self, field: &str, code: &str, message: impl Into<String>) {
        let path = self.path(field);
        self.errors.push(FieldError::new(path, code, message));
    }

    /// Adds errors whose paths are complete already.
    pub fn extend(&mut self, errors: impl IntoIterator<Item = FieldError>) {
        self.errors.extend(errors);
    }

    /// Runs checks whose fields lie inside the given field.
    pub fn within<T>(&mut self, field: &str, check: impl FnOnce(&mut Self) -> T) -> T {
        let inner = self.path(field);
        let outer = std::mem::replace(&mut self.prefix, inner);
        let result = check(self);
        self.prefix = outer;
        result
    }

    /// Runs checks whose fields lie inside an item of the given list: `questions[1]`.
    pub fn item<T>(&mut self, list: &str, index: usize, check: impl FnOnce(&mut Self) -> T) -> T {
        self.within(&format!("{list}[{index}]"), check)
    }

    /// Whether nothing has been found.
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// What has been found.
    pub fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// The value, if nothing has been found.
    ///
    /// # Errors
    /// Everything that has been found.
    pub fn finish<T>(self, value: T) -> Result<T, Vec<FieldError>> {
        if self.errors.is_empty() { Ok(value) } else { Err(self.errors) }
    }

    /// The value, if nothing has been found, as a command's result.
    ///
    /// # Errors
    /// [`Code::ValidationError`] with everything that has been found.
    pub fn refuse<T>(self, value: T) -> Result<T, Refusal> {
        self.finish(value).map_err(Refusal::validation)
    }

    fn path(&self, field: &str) -> String {
        if self.prefix.is_empty() { field.to_owned() } else { format!("{}.{field}", self.prefix) }
    }

    /// A name: one line of 1 to 100 characters, without the space around it.
    pub fn name(&mut self, field: &str, text: &str) -> String {
        self.text(field, text, Self::MAX_NAME, Lines::One)
    }

    /// The name in a patch. It may change but not go away.
    pub fn name_change(&mut self, field: &str, change: Change<String>) -> Option<String> {
        self.required_change(field, change).map(|text| self.name(field, &text))
    }

    /// A text that must not be blank, without the space around it.
    pub fn text(&mut self, field: &str, text: &str, max: usize, lines: Lines) -> String {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            self.error(field, "too_short", "must not be empty");
        }
        self.characters(field, trimmed, max, lines);
        trimmed.to_owned()
    }

    /// A text that may be absent; a blank one is absent.
    pub fn optional_text(&mut self, field: &str, text: Option<&str>, max: usize, lines: Lines) -> Option<String> {
        let trimmed = text.map(str::trim).filter(|text| !text.is_empty())?;
        self.characters(field, trimmed, max, lines);
        Some(trimmed.to_owned())
    }

    /// An optional text in a patch; a blank one clears.
    pub fn text_change(&mut self, field: &str, change: Change<String>, max: usize, lines: Lines) -> Change<String> {
        match change {
            Change::Set(text) => self.optional_text(field, Some(&text), max, lines).into(),
            Change::Keep | Change::Clear => change,
        }
    }

    /// A description: up to 500 characters, on several lines if need be.
    pub fn description(&mut self, field: &str, text: Option<&str>) -> Option<String> {
        self.optional_text(field, text, Self::MAX_DESCRIPTION, Lines::Many)
    }

    /// The description in a patch.
    pub fn description_change(&mut self, field: &str, change: Change<String>) -> Change<String> {
        self.text_change(field, change, Self::MAX_DESCRIPTION, Lines::Many)
    }

    fn characters(&mut self, field: &str, text: &str, max: usize, lines: Lines) {
        if text.chars().count() > max {
            self.error(field, "too_long", format!("must be at most {max} characters"));
        }
        let forbidden = |c: char| c.is_control() && !(lines == Lines::Many && matches!(c, '\n' | '\r' | '\t'));
        if text.contains(forbidden) {
            self.error(field, "invalid_format", "must not contain control characters");
        }
    }

    /// A field of a patch that may change but not be cleared.
    pub fn required_change<T>(&mut self, field: &str, change: Change<T>) -> Option<T> {
        match change {
            Change::Keep => None,
            Change::Set(value) => Some(value),
            Change::Clear => {
                self.error(field, "required", "must not be null");
                None
            }
        }
    }

    /// A colour of the form `#RRGGBB`.
    pub fn color(&mut self, field: &str, text: &str) -> String {
        let is_color = text
            .strip_prefix('#')
            .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if !is_color {
            self.error(field, "invalid_format", "must be a colour of the form #RRGGBB");
        }
        text.to_owned()
    }

    /// A whole number within a range, or its low end after an error.
    pub fn integer(&mut self, field: &str, number: &Number, range: RangeInclusive<i64>) -> i64 {
        let low = *range.start();
        self.checked_integer(field, number, range).unwrap_or(low)
    }

    /// A whole number within a range. `1800.0` is one too: JSON knows no integers.
    pub fn checked_integer(&mut self, field: &str, number: &Number, range: RangeInclusive<i64>) -> Option<i64> {
        let from_float = |float: f64| (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64);
        let whole = number.as_i64().or_else(|| number.as_f64().and_then(from_float));
        let checked = whole.filter(|whole| range.contains(whole));
        if checked.is_none() {
            let (low, high) = range.into_inner();
            self.error(field, "out_of_range", format!("must be a whole number from {low} to {high}"));
        }
        checked
    }

    /// The id of something else. A text that cannot be an id names nothing that exists (contract 2).
    pub fn id<I: Id + Default + FromStr>(&mut self, field: &str, text: &str) -> I {
        text.parse().unwrap_or_else(|_| {
            self.error(field, "not_found", "does not exist");
            I::default()
        })
    }

    /// One of several words.
    pub fn one_of<T: Copy>(&mut self, field: &str, text: &str, words: &[(&str, T)]) -> Option<T> {
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.error(field, "invalid_enum", format!("must be one of: {}", words.join(", ")));
        }
        found
    }
}

/// Adds field errors that were found elsewhere (an id that does not exist, say) to the outcome of a validation, so that
/// they come in one answer. A refusal for another reason stays as it is.
///
/// # Errors
/// The refusal with all fields, or a new one when only the added fields are wrong.
pub fn with_field_errors<T>(result: Result<T, Refusal>, more: Vec<FieldError>) -> Result<T, Refusal> {
    match result {
        Ok(value) if more.is_empty() => Ok(value),
        Ok(_) => Err(Refusal::validation(more)),
        Err(mut refusal) => {
            if refusal.code == Code::ValidationError {
                for error in more {
                    if !refusal.fields.iter().any(|known| known.field == error.field) {
                        refusal.fields.push(error);
                    }
                }
            }
            Err(refusal)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ProjectId;

    #[test]
    fn paths_nest() {
        let mut validator = Validator::new();
        validator.item("questions", 1, |validator| {
            validator.error("type", "x", "");
            validator.within("followUp", |validator| validator.error("prompt", "x", ""));
        });
        validator.error("name", "x", "");
        let paths: Vec<String> = validator.into_errors().into_iter().map(|error| error.field).collect();
        assert_eq!(paths, ["questions[1].type", "questions[1].followUp.prompt", "name"]);
    }

    fn code(check: impl FnOnce(&mut Validator)) -> Option<String> {
        let mut validator = Validator::new();
        check(&mut validator);
        validator.into_errors().pop().map(|error| error.code)
    }

    #[test]
    fn texts() {
        assert_eq!(code(|v| assert_eq!(v.name("n", "  Ada "), "Ada")), None);
        assert_eq!(code(|v| drop(v.name("n", &"é".repeat(100)))), None);
        assert_eq!(code(|v| drop(v.name("n", &"é".repeat(101)))).as_deref(), Some("too_long"));
        assert_eq!(code(|v| drop(v.name("n", " \t"))).as_deref(), Some("too_short"));
        assert_eq!(code(|v| drop(v.name("n", "a\nb"))).as_deref(), Some("invalid_format"));
        assert_eq!(code(|v| drop(v.description("d", Some("a\nb")))), None);
        assert_eq!(code(|v| drop(v.description("d", Some("a\0b")))).as_deref(), Some("invalid_format"));
        assert_eq!(code(|v| assert_eq!(v.description("d", Some(" ")), None)), None);
        assert_eq!(code(|v| drop(v.name_change("n", Change::Clear))).as_deref(), Some("required"));
        for good in ["#6366F1", "#abcdef"] {
            assert_eq!(code(|v| drop(v.color("c", good))), None);
        }
        for bad in ["", "6366F1", "#6366F", "#6366F1F", "#6366G1", "#é123"] {
            assert_eq!(code(|v| drop(v.color("c", bad))).as_deref(), Some("invalid_format"), "{bad}");
        }
    }

    #[test]
    fn numbers_and_ids() {
        let number = |text: &str| text.parse::<Number>().expect("a number");
        assert_eq!(code(|v| assert_eq!(v.integer("n", &number("10.0"), 10..=20), 10)), None);
        for bad in ["9", "21", "10.5", "1e300", "-1e300", "18446744073709551615"] {
            assert_eq!(code(|v| _ = v.integer("n", &number(bad), 10..=20)).as_deref(), Some("out_of_range"), "{bad}");
        }
        assert_eq!(code(|v| _ = v.id::<ProjectId>("p", "prj_abc")).as_deref(), Some("not_found"));
    }

    #[test]
    fn errors_from_elsewhere_join_in() {
        let more = || vec![FieldError::new("scriptId", "not_found", "")];
        assert!(with_field_errors(Ok(1), Vec::new()).is_ok());
        assert_eq!(with_field_errors(Ok(1), more()).expect_err("refused").fields.len(), 1);
        let named = Err::<(), _>(Refusal::validation(vec![FieldError::new("name", "too_long", "")]));
        assert_eq!(with_field_errors(named, more()).expect_err("refused").fields.len(), 2);
    }
}

//! The settings of campaigns, scripts and organizations, and the defaults of invites (contract 16, 18).
//!
//! All are documents: the keys below are understood and checked, all others are kept as they are.

use serde_json::{Value, json};

use crate::{
    FieldError,
    value::{Change, Document, FromJson, Lines, Reader, Validator, document_size, merge_patch, parse_expiry},
};

/// The greatest size of a document, in bytes of JSON.
pub const MAX_SIZE: usize = 16 * 1024;
/// The range of `maxDuration`, in seconds (contract 54).
pub const MAX_DURATION: std::ops::RangeInclusive<i64> = 10..=14_400;
/// The range of `maxFollowUps`.
pub const MAX_FOLLOW_UPS: std::ops::RangeInclusive<i64> = 0..=10;
/// The greatest number of characters of the name of an e-mail template.
pub const MAX_TEMPLATE: usize = 100;

/// What applies where nobody says anything.
pub fn defaults() -> Document {
    let defaults = json!({ "language": "en", "voice": "alloy", "maxDuration": 1800, "requireConsent": true });
    match defaults {
        Value::Object(document) => document,
        _ => Document::new(),
    }
}

/// Lays the layers over each other, the last one on top.
pub fn resolve(layers: &[&Document]) -> Document {
    let mut resolved = Document::new();
    for layer in layers {
        merge_patch(&mut resolved, layer);
    }
    resolved
}

/// A `settings` object as a body carries it: the known keys have the right JSON type, or are null.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SettingsInput(pub Document);

impl FromJson for SettingsInput {
    fn from_json_at(value: &Value, path: &str, errors: &mut Vec<FieldError>) -> Option<Self> {
        let document = Document::from_json_at(value, path, errors)?;
        let known = [
            ("language", Kind::Text),
            ("voice", Kind::Text),
            ("maxDuration", Kind::Number),
            ("maxFollowUps", Kind::Number),
            ("requireConsent", Kind::Bool),
            ("uniqueEmail", Kind::Bool),
        ];
        has_types(&document, &known, path, errors).then_some(Self(document))
    }
}

/// An `inviteDefaults` object as a body carries it: the known keys have the right JSON type, or are null.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InviteDefaultsInput(pub Document);

impl FromJson for InviteDefaultsInput {
    fn from_json_at(value: &Value, path: &str, errors: &mut Vec<FieldError>) -> Option<Self> {
        let document = Document::from_json_at(value, path, errors)?;
        let known = [("expiresIn", Kind::Text), ("emailTemplate", Kind::Text)];
        has_types(&document, &known, path, errors).then_some(Self(document))
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Bool,
}

fn has_types(document: &Document, known: &[(&str, Kind)], path: &str, errors: &mut Vec<FieldError>) -> bool {
    let mut good = true;
    for (key, kind) in known {
        let value = document.get(*key).unwrap_or(&Value::Null);
        let (right, expected) = match kind {
            Kind::Text => (value.is_string(), "a string"),
            Kind::Number => (value.is_number(), "a number"),
            Kind::Bool => (value.is_boolean(), "a boolean"),
        };
        if !right && !value.is_null() {
            good = false;
            errors.push(FieldError::new(format!("{path}.{key}"), "invalid_type", format!("must be {expected}")));
        }
    }
    good
}

impl Reader<'_> {
    /// A `settings` object of a create.
    pub fn settings(&mut self, name: &str) -> Option<Document> {
        self.optional::<SettingsInput>(name).map(|input| input.0)
    }

    /// A `settings` object of a merge-patch.
    pub fn settings_change(&mut self, name: &str) -> Change<Document> {
        self.change::<SettingsInput>(name).map(|input| input.0)
    }

    /// An `inviteDefaults` object of a create.
    pub fn invite_defaults(&mut self, name: &str) -> Option<Document> {
        self.optional::<InviteDefaultsInput>(name).map(|input| input.0)
    }

    /// An `inviteDefaults` object of a merge-patch.
    pub fn invite_defaults_change(&mut self, name: &str) -> Change<Document> {
        self.change::<InviteDefaultsInput>(name).map(|input| input.0)
    }
}

/// Checks settings, or a merge-patch of settings: null values say nothing and are passed over.
pub fn check(settings: &Document, field: &str, validator: &mut Validator) {
    size(settings, field, validator);
    validator.within(field, |validator| {
        if let Some(Value::String(language)) = settings.get("language")
            && !is_language(language)
        {
            validator.error("language", "invalid_format", "must be a language tag such as en or pt-BR");
        }
        if let Some(Value::String(voice)) = settings.get("voice") {
            let _ = validator.text("voice", voice, Validator::MAX_NAME, Lines::One);
        }
        for (key, range) in [("maxDuration", MAX_DURATION), ("maxFollowUps", MAX_FOLLOW_UPS)] {
            if let Some(Value::Number(number)) = settings.get(key) {
                let _ = validator.integer(key, number, range);
            }
        }
    });
}

/// Checks invite defaults, or a merge-patch of them.
pub fn check_invite_defaults(defaults: &Document, field: &str, validator: &mut Validator) {
    size(defaults, field, validator);
    validator.within(field, |validator| {
        if let Some(Value::String(expires_in)) = defaults.get("expiresIn")
            && let Err(error) = parse_expiry(expires_in)
        {
            validator.error("expiresIn", error.code(), error.to_string());
        }
        if let Some(Value::String(template)) = defaults.get("emailTemplate") {
            let _ = validator.text("emailTemplate", template, MAX_TEMPLATE, Lines::One);
        }
    });
}

/// The document after a merge-patch, unless it is the same as before.
pub fn merged(current: &Document, patch: Change<Document>, field: &str, validator: &mut Validator) -> Option<Document> {
    let merged = match patch {
        Change::Keep => return None,
        Change::Clear => Document::new(),
        Change::Set(change) => {
            let mut merged = current.clone();
            merge_patch(&mut merged, &change);
            merged
        }
    };
    size(&merged, field, validator);
    (merged != *current).then_some(merged)
}

/// Checks the size of a document alone.
pub fn size(document: &Document, field: &str, validator: &mut Validator) {
    if document_size(document) > MAX_SIZE {
        validator.error(field, "too_long", "must be at most 16 KiB");
    }
}

/// Whether a text looks like a BCP 47 tag. Which languages are supported is for the interviewer to say.
fn is_language(text: &str) -> bool {
    let mut subtags = text.split('-');
    text.len() <= 35
        && subtags
            .next()
            .is_some_and(|tag| (2..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphabetic()))
        && subtags.all(|tag| (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Document {
        value.as_object().cloned().expect("an object")
    }

    fn codes(value: Value) -> Vec<(String, String)> {
        let mut validator = Validator::new();
        check(&object(value), "settings", &mut validator);
        validator.into_errors().into_iter().map(|error| (error.field, error.code)).collect()
    }

    #[test]
    fn known_keys_are_checked_and_unknown_ones_kept() {
        assert!(
            codes(json!({"language": "pt-BR", "voice": "alloy", "maxDuration": 10, "mood": [1], "maxFollowUps": 0}))
                .is_empty()
        );
        assert!(codes(json!({"language": null, "maxDuration": 14_400.0})).is_empty());
        assert_eq!(
            codes(json!({"language": "english please", "voice": "", "maxDuration": 9, "maxFollowUps": 11})),
            [
                ("settings.language".to_owned(), "invalid_format".to_owned()),
                ("settings.voice".to_owned(), "too_short".to_owned()),
                ("settings.maxDuration".to_owned(), "out_of_range".to_owned()),
                ("settings.maxFollowUps".to_owned(), "out_of_range".to_owned()),
            ]
        );
        assert_eq!(codes(json!({"x": "y".repeat(MAX_SIZE)})), [("settings".to_owned(), "too_long".to_owned())]);
    }

    #[test]
    fn wrong_types_are_found_by_reading() {
        let mut errors = Vec::new();
        let value =
            json!({"language": 1, "voice": null, "maxDuration": "10", "requireConsent": 1, "uniqueEmail": true});
        assert_eq!(SettingsInput::from_json_at(&value, "settings", &mut errors), None);
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["settings.language", "settings.maxDuration", "settings.requireConsent"]);
    }

    #[test]
    fn later_layers_win() {
        let (organization, script) = (object(json!({"voice": "nova", "x": 1})), object(json!({"voice": "echo"})));
        let resolved = resolve(&[&defaults(), &organization, &script]);
        assert_eq!(
            Value::Object(resolved),
            json!({"language": "en", "voice": "echo", "maxDuration": 1800, "requireConsent": true, "x": 1})
        );
    }

    #[test]
    fn invite_defaults() {
        let mut validator = Validator::new();
        check_invite_defaults(
            &object(json!({"expiresIn": "7y", "emailTemplate": ""})),
            "inviteDefaults",
            &mut validator,
        );
        let fields: Vec<String> = validator.into_errors().into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["inviteDefaults.expiresIn", "inviteDefaults.emailTemplate"]);
    }
}

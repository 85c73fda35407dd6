//! The customer's own keys and values.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::value::{Document, Validator, document_size, merge_patch};

/// The customer's own keys: flat, small, and carried along unread (contract 10).
///
/// Deserializing does not check the rules: what is stored was checked when it was given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(Document);

impl Metadata {
    /// The greatest number of keys.
    pub const MAX_KEYS: usize = 50;
    /// The greatest number of characters of a key.
    pub const MAX_KEY: usize = 40;
    /// The greatest number of characters of a text value.
    pub const MAX_VALUE: usize = 500;
    /// The greatest size of the whole, in bytes of JSON.
    pub const MAX_SIZE: usize = 8 * 1024;

    /// Checks an object, and reports what is wrong with it below `field`.
    pub fn check(document: Document, field: &str, validator: &mut Validator) -> Self {
        if document.len() > Self::MAX_KEYS {
            validator.error(field, "too_many", format!("must have at most {} keys", Self::MAX_KEYS));
        }
        if document_size(&document) > Self::MAX_SIZE {
            validator.error(field, "too_long", "must be at most 8 KiB in all");
        }
        validator.within(field, |validator| {
            // A caller who sends thousands of bad keys gets the first ones named: enough to see the pattern.
            for (key, value) in document.iter().take(2 * Self::MAX_KEYS) {
                check_entry(key, value, validator);
            }
        });
        Self(document)
    }

    /// The metadata after a merge-patch, checked as a whole.
    pub fn patched(&self, patch: &Document, field: &str, validator: &mut Validator) -> Self {
        let mut merged = self.0.clone();
        for (key, value) in patch {
            match value {
                // Values are flat, so an object replaces, and is then refused by the check.
                Value::Object(_) => drop(merged.insert(key.clone(), value.clone())),
                _ => merge_patch(&mut merged, &Document::from_iter([(key.clone(), value.clone())])),
            }
        }
        Self::check(merged, field, validator)
    }

    /// The keys and values.
    pub fn document(&self) -> &Document {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn check_entry(key: &str, value: &Value, validator: &mut Validator) {
    // An over-long key is not repeated in full in the answer.
    let shown: String = key.chars().take(Metadata::MAX_KEY).collect();
    if key.is_empty() || key.chars().count() > Metadata::MAX_KEY {
        validator.error(&shown, "too_long", format!("a key must have 1 to {} characters", Metadata::MAX_KEY));
    }
    if key.contains('\0') {
        validator.error(&shown, "invalid_format", "a key must not contain a NUL character");
    }
    match value {
        Value::String(text) if text.chars().count() > Metadata::MAX_VALUE => {
            validator.error(&shown, "too_long", format!("must be at most {} characters", Metadata::MAX_VALUE));
        }
        Value::String(text) if text.contains('\0') => {
            validator.error(&shown, "invalid_format", "must not contain a NUL character");
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) => {}
        Value::Null | Value::Array(_) | Value::Object(_) => {
            validator.error(&shown, "invalid_value", "must be a string, a number or a boolean");
        }
    }
}

impl TryFrom<Document> for Metadata {
    type Error = Vec<crate::FieldError>;

    fn try_from(document: Document) -> Result<Self, Self::Error> {
        let mut validator = Validator::new();
        let metadata = Self::check(document, "metadata", &mut validator);
        validator.finish(metadata)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn codes(value: Value) -> Vec<(String, String)> {
        match Metadata::try_from(value.as_object().cloned().expect("an object")) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_iter().map(|error| (error.field, error.code)).collect(),
        }
    }

    #[test]
    fn rules() {
        assert!(codes(json!({"userId": "12345", "n": 1.5, "b": true, "empty": ""})).is_empty());
        assert_eq!(
            codes(json!({"a": null, "b": [1], "c": {}, "d": "x".repeat(501)})),
            [
                ("metadata.a".to_owned(), "invalid_value".to_owned()),
                ("metadata.b".to_owned(), "invalid_value".to_owned()),
                ("metadata.c".to_owned(), "invalid_value".to_owned()),
                ("metadata.d".to_owned(), "too_long".to_owned()),
            ]
        );
        assert!(codes(json!({ "k".repeat(40): "é".repeat(500) })).is_empty());
        assert_eq!(codes(json!({ "k".repeat(41): 1 })).len(), 1);
        let keys = |n: usize| Value::Object((0..n).map(|i| (format!("k{i}"), json!(1))).collect());
        assert!(codes(keys(50)).is_empty());
        assert_eq!(codes(keys(51)), [("metadata".to_owned(), "too_many".to_owned())]);
        let heavy = Value::Object((0..20).map(|i| (format!("k{i}"), json!("x".repeat(450)))).collect());
        assert_eq!(codes(heavy), [("metadata".to_owned(), "too_long".to_owned())]);
    }

    #[test]
    fn a_patch_sets_and_removes() {
        let metadata = Metadata(json!({"a": 1, "b": 2}).as_object().cloned().expect("an object"));
        let patch = json!({"a": null, "c": "x"}).as_object().cloned().expect("an object");
        let mut validator = Validator::new();
        let patched = metadata.patched(&patch, "metadata", &mut validator);
        assert_eq!(Value::Object(patched.0), json!({"b": 2, "c": "x"}));
        let nested = json!({"b": {}}).as_object().cloned().expect("an object");
        let _ = metadata.patched(&nested, "metadata", &mut validator);
        assert_eq!(validator.into_errors().len(), 1);
    }
}

//! Reads request bodies, and finds every missing field and wrong type at once (contract 2).

use serde_json::{Number, Value};

use crate::{
    FieldError, Refusal,
    value::{Change, Document},
};

/// A body, or a part of one, as a caller may send it: typed, but with its rules unchecked.
pub trait Input: Sized {
    /// Reads the fields. After an error the result is never seen, so any placeholder will do.
    fn read(fields: &mut Reader<'_>) -> Self;

    /// Reads a whole body.
    ///
    /// # Errors
    /// [`crate::Code::InvalidRequest`] with every missing field and every wrong type.
    fn from_json(body: &Value) -> Result<Self, Refusal> {
        let object =
            body.as_object().ok_or_else(|| Refusal::malformed("The body must be a JSON object.", Vec::new()))?;
        let mut errors = Vec::new();
        let input = Self::read(&mut Reader { object, path: String::new(), errors: &mut errors });
        if errors.is_empty() { Ok(input) } else { Err(Refusal::malformed_fields(errors)) }
    }

    /// Reads one part of a body, for callers to whom its errors are not fatal.
    ///
    /// # Errors
    /// Every missing field and every wrong type, with paths that start inside the part.
    fn from_object(object: &Document) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let input = Self::read(&mut Reader { object, path: String::new(), errors: &mut errors });
        if errors.is_empty() { Ok(input) } else { Err(errors) }
    }
}

/// A JSON type that a field may have.
pub trait FromJson: Sized {
    /// Reads a value that is not null. Reports what is wrong with it at `path`.
    fn from_json_at(value: &Value, path: &str, errors: &mut Vec<FieldError>) -> Option<Self>;
}

/// The fields of one JSON object. Fields that nobody asks for are ignored (contract 9).
#[derive(Debug)]
pub struct Reader<'a> {
    object: &'a Document,
    path: String,
    errors: &'a mut Vec<FieldError>,
}

impl Reader<'_> {
    /// A field that must be there.
    pub fn required<T: FromJson + Default>(&mut self, name: &str) -> T {
        match self.object.get(name) {
            None | Some(Value::Null) => {
                self.error(name, "required", "is required");
                T::default()
            }
            Some(_) => self.optional(name).unwrap_or_default(),
        }
    }

    /// A field that may be absent or null, which are the same.
    pub fn optional<T: FromJson>(&mut self, name: &str) -> Option<T> {
        self.change(name).set()
    }

    /// A field of a merge-patch, where absent and null are different.
    pub fn change<T: FromJson>(&mut self, name: &str) -> Change<T> {
        match self.object.get(name) {
            None => Change::Keep,
            Some(Value::Null) => Change::Clear,
            Some(value) => {
                let path = self.path_of(name);
                T::from_json_at(value, &path, self.errors).map_or(Change::Keep, Change::Set)
            }
        }
    }

    /// The field as it stands.
    pub fn raw(&self, name: &str) -> Option<&Value> {
        self.object.get(name)
    }

    /// Reports a field by hand.
    pub fn error(&mut self, name: &str, code: &str, message: impl Into<String>) {
        let path = self.path_of(name);
        self.errors.push(FieldError::new(path, code, message));
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

fn expect<T>(found: Option<T>, expected: &str, path: &str, errors: &mut Vec<FieldError>) -> Option<T> {
    if found.is_none() {
        errors.push(FieldError::new(path, "invalid_type", format!("must be {expected}")));
    }
    found
}

impl FromJson for String {
    fn from_json_at(value: &Value, path: &str, errors: &mut Vec<FieldError>) -> Option<Self> {
        expect(value.as_str().map(str::to_owned), "a string", path, errors)
    }
}

impl FromJson for bool {
    fn from_json_at(value: &Value, path: &str, errors: &mut Vec<FieldError>) -> Option<Self> {
        expect(value.as_bool(), "a boolean", path, errors)
    }
}

impl FromJson for Number {
    fn from_json_at(value: &Value, path: &str, errors: &mut Vec<FieldError>) -> Option<Self> {
        expect(value.as_number().cloned(), "a number", path, errors)
    }
}

impl FromJson for Document {
    fn from_json_at(value: &Value, path: &str, errors: &mut Vec<FieldError>) -> Option<Self> {
        expect(value.as_object().cloned(), "an object", path, errors)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json_at(value: &Value, path: &str, errors: &mut Vec<FieldError>) -> Option<Self> {
        let items = expect(value.as_array(), "an array", path, errors)?;
        let mut read = Self::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            read.extend(T::from_json_at(item, &format!("{path}[{index}]"), errors));
        }
        (read.len() == items.len()).then_some(read)
    }
}

impl<T: Input> FromJson for T {
    fn from_json_at(value: &Value, path: &str, errors: &mut Vec<FieldError>) -> Option<Self> {
        let object = expect(value.as_object(), "an object", path, errors)?;
        Some(Self::read(&mut Reader { object, path: path.to_owned(), errors }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;
    use serde_json::json;

    #[derive(Debug, Default, PartialEq)]
    struct Pet {
        name: String,
        legs: Option<Number>,
    }

    impl Input for Pet {
        fn read(fields: &mut Reader<'_>) -> Self {
            Self { name: fields.required("name"), legs: fields.optional("legs") }
        }
    }

    #[derive(Debug, PartialEq)]
    struct Owner {
        pets: Vec<Pet>,
        nick: Change<String>,
    }

    impl Input for Owner {
        fn read(fields: &mut Reader<'_>) -> Self {
            Self { pets: fields.required("pets"), nick: fields.change("nick") }
        }
    }

    fn errors(body: Value) -> Vec<(String, String)> {
        let refusal = Owner::from_json(&body).expect_err("refused");
        assert_eq!(refusal.code, Code::InvalidRequest);
        refusal.fields.into_iter().map(|error| (error.field, error.code)).collect()
    }

    #[test]
    fn every_missing_field_and_wrong_type_is_named() {
        let body = json!({"pets": [{"name": 7, "legs": "four"}, {}, "cat", {"name": "ok"}], "nick": false});
        let found = errors(body);
        let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(
            found,
            [
                ("pets[0].name", "invalid_type"),
                ("pets[0].legs", "invalid_type"),
                ("pets[1].name", "required"),
                ("pets[2]", "invalid_type"),
                ("nick", "invalid_type"),
            ]
        );
        assert_eq!(errors(json!({})), [("pets".to_owned(), "required".to_owned())]);
        assert_eq!(errors(json!({"pets": null})), [("pets".to_owned(), "required".to_owned())]);
        assert!(Owner::from_json(&json!([])).is_err());
    }

    #[test]
    fn unknown_fields_are_ignored_and_null_is_told_from_absent() {
        let owner = Owner::from_json(&json!({"pets": [], "nick": null, "other": 1})).expect("good");
        assert_eq!(owner, Owner { pets: Vec::new(), nick: Change::Clear });
    }
}

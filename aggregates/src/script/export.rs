//! Scripts as files (contract 33).

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use crate::{
    FieldError, Refusal,
    script::{NewScript, NewScriptInput, Script, ScriptContent, Version},
    value::{Document, Input, Reader, Validator},
};

/// What the file says it is.
pub const FORMAT: &str = "interviewrelay.script";
/// The version of the file's form that is written and read.
pub const FORMAT_VERSION: u32 = 1;

/// A script as a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportDocument {
    /// [`FORMAT`].
    pub format: &'static str,
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The script with the content that an import takes over.
    pub script: ExportedScript,
    /// All versions, the oldest first.
    pub versions: Vec<ExportedVersion>,
    /// The media files of its questions.
    pub media: Vec<Value>,
    /// `sha256:` and the hex SHA-256 of everything else, in canonical JSON.
    pub checksum: String,
}

/// A script within a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExportedScript {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Where it stands.
    pub status: &'static str,
    /// The number of the version whose content this is.
    pub version: u32,
    /// What that version says.
    #[serde(flatten)]
    pub content: ScriptContent,
}

/// A version within a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExportedVersion {
    /// Its number.
    pub version: u32,
    /// Whether it is frozen.
    pub published: bool,
    /// What its author says of it.
    pub changelog: Option<String>,
    /// What it says.
    #[serde(flatten)]
    pub content: ScriptContent,
}

impl From<&Version> for ExportedVersion {
    fn from(version: &Version) -> Self {
        Self {
            version: version.number,
            published: version.published,
            changelog: version.changelog.clone(),
            content: version.content.clone(),
        }
    }
}

/// Makes a file of a script. The same script makes the same file.
///
/// # Errors
/// When the script cannot be written as JSON, which does not happen.
pub fn export(script: &Script) -> serde_json::Result<ExportDocument> {
    let current = script.current().cloned().unwrap_or_default();
    let mut document = ExportDocument {
        format: FORMAT,
        format_version: FORMAT_VERSION,
        script: ExportedScript {
            name: script.name.clone(),
            description: script.description.clone(),
            status: script.status().as_str(),
            version: current.number,
            content: current.content,
        },
        versions: script.versions.iter().map(ExportedVersion::from).collect(),
        media: Vec::new(),
        checksum: String::new(),
    };
    if let Value::Object(object) = serde_json::to_value(&document)? {
        document.checksum = checksum(&object);
    }
    Ok(document)
}

/// Reads a file, and makes a new script of what the exported one said last.
///
/// # Errors
/// [`crate::Code::InvalidRequest`] when the file lacks parts, [`crate::Code::ValidationError`] when it is of an unknown
/// form, was changed after the export, or holds a script that breaks the rules of today.
pub fn import(file: &Value) -> Result<NewScript, Refusal> {
    let envelope = Envelope::from_json(file)?;
    let mut validator = Validator::new();
    if envelope.format != FORMAT {
        validator.error("format", "invalid_enum", format!("must be {FORMAT}"));
    }
    if envelope.format_version.as_u64() != Some(FORMAT_VERSION.into()) {
        validator.error("formatVersion", "invalid_enum", format!("must be {FORMAT_VERSION}"));
    }
    if file.as_object().is_none_or(|object| checksum(object) != envelope.checksum) {
        validator.error("checksum", "mismatch", "does not match the content of the file");
    }
    validator.refuse(())?;

    // Only now is the inside worth a look: of an unknown form, its errors would mean nothing.
    let script = NewScriptInput::from_object(&envelope.script)
        .map_err(|fields| Refusal::malformed_fields(fields.into_iter().map(inside_script).collect()))?;
    let mut validator = Validator::new();
    let script = validator.within("script", |validator| {
        // The project belongs to the organization that the file comes from.
        NewScriptInput { project_id: None, ..script }.check(validator)
    });
    validator.refuse(script)
}

fn inside_script(error: FieldError) -> FieldError {
    FieldError { field: format!("script.{}", error.field), ..error }
}

struct Envelope {
    format: String,
    format_version: Number,
    script: Document,
    checksum: String,
}

impl Input for Envelope {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            format: fields.required("format"),
            format_version: fields.optional("formatVersion").unwrap_or_else(|| {
                if fields.raw("formatVersion").is_none_or(Value::is_null) {
                    fields.error("formatVersion", "required", "is required");
                }
                Number::from(0)
            }),
            script: fields.required("script"),
            checksum: fields.required("checksum"),
        }
    }
}

/// The checksum of a file: over its canonical JSON without the checksum itself.
fn checksum(file: &Document) -> String {
    let mut text = String::new();
    write_object(file.iter().filter(|(key, _)| *key != "checksum"), &mut text);
    let mut checksum = String::from("sha256:");
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a string cannot fail.
        let _ = write!(checksum, "{byte:02x}");
    }
    checksum
}

/// Canonical JSON: no spaces, keys sorted, and whole numbers without a fraction. So the checksum outlives editors
/// that reorder keys, indent, or write `1.0` as `1`.
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(object) => write_object(object.iter(), text),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                // Adding zero turns the negative zero into the plain one.
                let _ = write!(text, "{:.0}", float + 0.0);
            }
            _ => text.push_str(&number.to_string()),
        },
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

fn write_object<'a>(entries: impl Iterator<Item = (&'a String, &'a Value)>, text: &mut String) {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(|(key, _)| *key);
    text.push('{');
    for (index, (key, value)) in entries.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&Value::from(key.as_str()).to_string());
        text.push(':');
        write_canonical(value, text);
    }
    text.push('}');
}

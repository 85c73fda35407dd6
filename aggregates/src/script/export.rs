//! Scripts as files (contract 33).

use std::{collections::HashSet, fmt::Write as _};

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use crate::{
    FieldError, Refusal, file,
    id::FileId,
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
    /// The media of the script, without their bytes: the hash tells whether somebody has them.
    pub media: Vec<ExportedMedia>,
    /// `sha256:` and the hex SHA-256 of everything else, in canonical JSON.
    pub checksum: String,
}

/// A media file of a script, as questions refer to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportedMedia {
    /// Its id, by which the questions of this file refer to it.
    pub id: FileId,
    /// What it is called.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// The number of bytes.
    pub size: u64,
    /// The SHA-256 of its bytes, in lower-case hex.
    pub sha256: String,
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
pub fn export(script: &Script, media: Vec<ExportedMedia>) -> serde_json::Result<ExportDocument> {
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
        media,
        checksum: String::new(),
    };
    if let Value::Object(object) = serde_json::to_value(&document)? {
        document.checksum = checksum(&object);
    }
    Ok(document)
}

/// A media file that an imported script refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedMedia {
    /// Its id in the file; the imported questions refer to it by this one.
    pub id: FileId,
    /// What it is called.
    pub name: String,
    /// The SHA-256 of its bytes, by which to look for them.
    pub sha256: String,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The script, its questions' media still under the ids of the file.
    pub script: NewScript,
    /// Its media, whether questions refer to them or not.
    pub media: Vec<ImportedMedia>,
}

/// Reads a file, and makes a new script of what the exported one said last.
///
/// # Errors
/// [`crate::Code::InvalidRequest`] when the file lacks parts, [`crate::Code::ValidationError`] when it is of an unknown
/// form, was changed after the export, or holds a script that breaks the rules of today.
pub fn import(file: &Value) -> Result<Imported, Refusal> {
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
    let media = MediaList::from_json(file)?.media;
    let script = NewScriptInput::from_object(&envelope.script)
        .map_err(|fields| Refusal::malformed_fields(fields.into_iter().map(inside_script).collect()))?;
    let mut validator = Validator::new();
    let media = check_media(media, &mut validator);
    let known: HashSet<String> = media.iter().map(|media| media.id.to_string()).collect();
    let script = validator.within("script", |validator| {
        for (index, question) in script.questions.iter().enumerate() {
            for (place, id) in question.media.iter().flatten().enumerate() {
                // One that is no id at all is told by the check of the questions.
                if id.parse::<FileId>().is_ok() && !known.contains(id) {
                    let field = format!("questions[{index}].media[{place}]");
                    validator.error(&field, "not_found", "is not among the media of the file");
                }
            }
        }
        // The project belongs to the organization that the file comes from.
        NewScriptInput { project_id: None, ..script }.check(validator)
    });
    validator.refuse(Imported { script, media })
}

const MAX_MEDIA: usize = 1_000;

fn check_media(media: Vec<MediaInput>, validator: &mut Validator) -> Vec<ImportedMedia> {
    if media.len() > MAX_MEDIA {
        validator.error("media", "too_many", "must have at most 1000 files");
        return Vec::new();
    }
    let mut ids = HashSet::new();
    let checked = media.into_iter().enumerate().map(|(index, media)| {
        validator.item("media", index, |validator| {
            let id = media.id.parse().unwrap_or_else(|_| {
                validator.error("id", "invalid_format", "must be the id of a file");
                FileId::default()
            });
            if !ids.insert(id) {
                validator.error("id", "duplicate", "another file of the list has this id");
            }
            let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            if media.sha256.len() != 64 || !media.sha256.bytes().all(hex) {
                validator.error("sha256", "invalid_format", "must be 64 hexadecimal digits in lower case");
            }
            ImportedMedia { id, name: file::name::clean(&media.name), sha256: media.sha256 }
        })
    });
    checked.collect()
}

/// The part of a file that files of the first days lack.
struct MediaList {
    media: Vec<MediaInput>,
}

#[derive(Default)]
struct MediaInput {
    id: String,
    name: String,
    sha256: String,
}

impl Input for MediaList {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self { media: fields.optional("media").unwrap_or_default() }
    }
}

impl Input for MediaInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self { id: fields.required("id"), name: fields.required("name"), sha256: fields.required("sha256") }
    }
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

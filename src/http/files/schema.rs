//! Files as the OpenAPI document describes them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The form that brings a file to a session.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct NewSessionFile {
    /// The file, with its file name. Its type is told by its bytes.
    #[schema(value_type = String, format = Binary)]
    pub file: String,
    /// What it is.
    pub kind: Option<SessionFileKind>,
}

/// What a session's file is.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionFileKind {
    /// The sound or picture of the interview.
    Recording,
    /// The participant's screen.
    Screen,
    /// Anything else; the default.
    #[default]
    Attachment,
}

/// A file of a session.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionFile {
    /// Its id.
    #[schema(example = "fil_01hm6gb9v4e9ttpzg6q1x1e0c5")]
    pub id: String,
    /// The session.
    pub session_id: String,
    /// What it is.
    pub kind: SessionFileKind,
    /// What it is called; null once the participant is erased.
    #[schema(required)]
    pub name: Option<String>,
    /// Its media type, told by its bytes.
    #[schema(example = "audio/mpeg")]
    pub content_type: String,
    /// The number of bytes.
    pub size: u64,
    /// The SHA-256 of its bytes in lower-case hex.
    pub sha256: String,
    /// Where it can be downloaded without an API key, for a while.
    pub url: String,
    /// When that address stops working.
    pub url_expires_at: DateTime<Utc>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
}

/// The form that brings a media file to a script.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct NewScriptMedia {
    /// The image (up to 10 MB) or sound (up to 25 MB), with its file name. Its type is told by its bytes.
    #[schema(value_type = String, format = Binary)]
    pub file: String,
}

/// A media file of a script.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScriptMedia {
    /// Its id, by which questions refer to it in `media`.
    #[schema(example = "fil_01hm6gb9v4e9ttpzg6q1x1e0c5")]
    pub id: String,
    /// The script.
    pub script_id: String,
    /// `media`.
    #[schema(example = "media")]
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// Its media type, told by its bytes.
    #[schema(example = "image/png")]
    pub content_type: String,
    /// The number of bytes.
    pub size: u64,
    /// The SHA-256 of its bytes in lower-case hex.
    pub sha256: String,
    /// Where it can be downloaded without an API key, for a while.
    pub url: String,
    /// When that address stops working.
    pub url_expires_at: DateTime<Utc>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
}

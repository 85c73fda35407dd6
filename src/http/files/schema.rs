//! Files as the OpenAPI document describes them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The form that brings a file to a session.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"file": "(the bytes of screen.webm)", "kind": "screen"}))]
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
#[schema(example = json!({
    "id": "fil_01hm6gb9v4e9ttpzg6q1x1e0c6", "sessionId": "ses_01hm6x3k5vf8qbw2d9z7c4n0tf", "kind": "screen",
    "name": "screen.webm", "contentType": "video/webm", "size": 18350080,
    "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "url": "https://relay.example.com/files/AY1Y8zkfeh-aW6Zg2Q8mBwAAAY0O7dOgq3Jv0uR1pXk", "urlExpiresAt": "2024-01-15T14:30:00Z",
    "createdAt": "2024-01-15T14:15:00Z",
}))]
pub struct SessionFile {
    /// Its id.
    pub id: String,
    /// The session.
    pub session_id: String,
    /// What it is.
    pub kind: SessionFileKind,
    /// What it is called; null once the participant is erased.
    #[schema(required)]
    pub name: Option<String>,
    /// Its media type, told by its bytes.
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
#[schema(example = json!({"file": "(the bytes of report.png)"}))]
pub struct NewScriptMedia {
    /// The image (up to 10 MB) or sound (up to 25 MB), with its file name. Its type is told by its bytes.
    #[schema(value_type = String, format = Binary)]
    pub file: String,
}

/// A media file of a script.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "fil_01hm6gb9v4e9ttpzg6q1x1e0c7", "scriptId": "scr_01hm6x3k5vf8qbw2d9z7c4n0ta", "kind": "media",
    "name": "report.png", "contentType": "image/png", "size": 48213,
    "sha256": "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
    "url": "https://relay.example.com/files/AY1Y8zkfeh-aW6Zg2Q8mCAAAAY0NqVqAh7Lw9sT4nYc", "urlExpiresAt": "2024-01-15T10:46:00Z",
    "createdAt": "2024-01-15T10:31:00Z",
}))]
pub struct ScriptMedia {
    /// Its id, by which questions refer to it in `media`.
    pub id: String,
    /// The script.
    pub script_id: String,
    /// `media`.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// Its media type, told by its bytes.
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

//! What can happen to a file.

use serde::{Deserialize, Serialize};

use crate::{
    Payload, Personal, Sealable,
    event::events,
    id::{FileId, OrganizationId, ScriptId, SessionId},
    value::Email,
};

events! {
    /// Events of a file's stream.
    FileEvent {
        /// See [`FileStored`].
        Stored(FileStored),
        /// See [`MediaStored`].
        MediaStored(MediaStored),
        /// See [`LogoStored`].
        LogoStored(LogoStored),
        /// See [`FileDeleted`].
        Deleted(FileDeleted),
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// The sound or picture of the interview.
    Recording,
    /// The participant's screen.
    Screen,
    /// Anything else that belongs to the session.
    Attachment,
    /// An image or sound for the questions of a script.
    Media,
    /// The logo of an organization.
    Logo,
}

impl FileKind {
    /// The names of the kinds that a session's file may have.
    pub const OF_SESSIONS: [(&'static str, Self); 3] =
        [("recording", Self::Recording), ("screen", Self::Screen), ("attachment", Self::Attachment)];

    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::Screen => "screen",
            Self::Attachment => "attachment",
            Self::Media => "media",
            Self::Logo => "logo",
        }
    }
}

/// A file of a session was stored. Its bytes were safe in the file store before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileStored {
    /// The new file.
    pub file_id: FileId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its session.
    pub session_id: SessionId,
    /// The session's participant: the data subject.
    pub participant: Personal<Email>,
    /// What it is.
    pub kind: FileKind,
    /// What it is called; people name files after people.
    pub name: Personal<String>,
    /// The media type, found out from the bytes.
    pub content_type: String,
    /// The number of bytes.
    pub size: u64,
    /// The SHA-256 in lower-case hex.
    pub sha256: String,
    /// The key in the file store.
    pub storage_key: String,
}

impl Payload for FileStored {
    const NAME: &'static str = "file.stored";

    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        vec![("participant", &mut self.participant), ("name", &mut self.name)]
    }

    fn subject(&self) -> Option<&str> {
        self.participant.clear().map(Email::normalized)
    }
}

/// An image or sound for the questions of a script was stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaStored {
    /// The new file.
    pub file_id: FileId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its script.
    pub script_id: ScriptId,
    /// What it is called.
    pub name: String,
    /// The media type, found out from the bytes.
    pub content_type: String,
    /// The number of bytes.
    pub size: u64,
    /// The SHA-256 in lower-case hex.
    pub sha256: String,
    /// The key in the file store; an imported script shares the one of the file that it was found by.
    pub storage_key: String,
}

impl Payload for MediaStored {
    const NAME: &'static str = "file.media_stored";
}

/// The logo of an organization was stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogoStored {
    /// The new file.
    pub file_id: FileId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// What it is called.
    pub name: String,
    /// The media type, found out from the bytes.
    pub content_type: String,
    /// The number of bytes.
    pub size: u64,
    /// The SHA-256 in lower-case hex.
    pub sha256: String,
    /// The key in the file store.
    pub storage_key: String,
}

impl Payload for LogoStored {
    const NAME: &'static str = "file.logo_stored";
}

/// The file is gone. Its bytes follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileDeleted {}

impl Payload for FileDeleted {
    const NAME: &'static str = "file.deleted";
}

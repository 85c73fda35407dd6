//! What can be asked of a file.

use crate::{
    file::FileKind,
    id::{FileId, OrganizationId, ScriptId, SessionId},
    value::Email,
};

/// What is stored: found out from the bytes themselves, never taken from what a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The media type.
    pub content_type: String,
    /// The number of bytes.
    pub size: u64,
    /// The SHA-256 in lower-case hex.
    pub sha256: String,
    /// The key in the file store.
    pub storage_key: String,
}

/// Commands of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum FileCommand {
    /// Records a file of a session, whose bytes are safe in the file store.
    Store {
        /// The new file.
        file_id: FileId,
        /// Its organization.
        organization_id: OrganizationId,
        /// Its session.
        session_id: SessionId,
        /// The session's participant, under whose key the name is sealed.
        participant: Email,
        /// What it is.
        kind: FileKind,
        /// What it is called, cleaned (see [`crate::file::name`]).
        name: String,
        /// What is stored.
        content: Content,
    },
    /// Records a file for the questions of a script.
    StoreMedia {
        /// The new file.
        file_id: FileId,
        /// Its organization.
        organization_id: OrganizationId,
        /// Its script.
        script_id: ScriptId,
        /// What it is called, cleaned.
        name: String,
        /// What is stored.
        content: Content,
    },
    /// Records the logo of an organization.
    StoreLogo {
        /// The new file.
        file_id: FileId,
        /// Its organization.
        organization_id: OrganizationId,
        /// What it is called, cleaned.
        name: String,
        /// What is stored.
        content: Content,
    },
    /// Removes it. The bytes go when no other file has the same storage key.
    Delete,
}

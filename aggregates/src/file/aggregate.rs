//! The file's state and rules.

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Entity,
    file::{Content, FileCommand, FileDeleted, FileError, FileEvent, FileStored, LogoStored, MediaStored},
    id::{FileId, OrganizationId, ScriptId, SessionId},
};

/// What a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileOwner {
    /// A session.
    Session(SessionId),
    /// A script.
    Script(ScriptId),
    /// The organization itself.
    Organization,
}

/// A file, as far as its rules need to know. Nothing in it is about the person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct File {
    /// Its id, once it is stored.
    pub id: Option<FileId>,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// What it belongs to.
    pub owner: Option<FileOwner>,
    /// Its media type.
    pub content_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in lower-case hex.
    pub sha256: String,
    /// Where its bytes are, or were.
    pub storage_key: String,
    /// Whether it is gone.
    pub deleted: bool,
}

impl File {
    /// What is stored.
    pub fn content(&self) -> Content {
        Content {
            content_type: self.content_type.clone(),
            size: self.size,
            sha256: self.sha256.clone(),
            storage_key: self.storage_key.clone(),
        }
    }
}

impl Entity for File {
    type Id = FileId;

    fn organization_id(&self) -> Option<OrganizationId> {
        self.id.filter(|_| !self.deleted).map(|_| self.organization_id)
    }

    fn decide(&self, command: FileCommand) -> Result<Vec<FileEvent>, FileError> {
        match command {
            FileCommand::Store { .. } | FileCommand::StoreMedia { .. } | FileCommand::StoreLogo { .. }
                if self.id.is_some() =>
            {
                Err(FileError::AlreadyExists)
            }
            FileCommand::Store { file_id, organization_id, session_id, participant, kind, name, content } => {
                let Content { content_type, size, sha256, storage_key } = content;
                Ok(vec![FileEvent::Stored(FileStored {
                    file_id,
                    organization_id,
                    session_id,
                    participant: participant.into(),
                    kind,
                    name: name.into(),
                    content_type,
                    size,
                    sha256,
                    storage_key,
                })])
            }
            FileCommand::StoreMedia { file_id, organization_id, script_id, name, content } => {
                let Content { content_type, size, sha256, storage_key } = content;
                Ok(vec![FileEvent::MediaStored(MediaStored {
                    file_id,
                    organization_id,
                    script_id,
                    name,
                    content_type,
                    size,
                    sha256,
                    storage_key,
                })])
            }
            FileCommand::StoreLogo { file_id, organization_id, name, content } => {
                let Content { content_type, size, sha256, storage_key } = content;
                Ok(vec![FileEvent::LogoStored(LogoStored {
                    file_id,
                    organization_id,
                    name,
                    content_type,
                    size,
                    sha256,
                    storage_key,
                })])
            }
            FileCommand::Delete if self.organization_id().is_none() => Err(FileError::NotFound),
            FileCommand::Delete => Ok(vec![FileEvent::Deleted(FileDeleted {})]),
        }
    }
}

impl Aggregate for File {
    const TYPE: &'static str = "file";
    type Command = FileCommand;
    type Event = FileEvent;
    type Error = FileError;
    type Services = ();

    async fn handle(&mut self, command: FileCommand, (): &(), sink: &EventSink<Self>) -> Result<(), FileError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: FileEvent) {
        match event {
            FileEvent::Stored(stored) => {
                self.id = Some(stored.file_id);
                self.organization_id = stored.organization_id;
                self.owner = Some(FileOwner::Session(stored.session_id));
                self.content_type = stored.content_type;
                self.size = stored.size;
                self.sha256 = stored.sha256;
                self.storage_key = stored.storage_key;
            }
            FileEvent::MediaStored(stored) => {
                self.id = Some(stored.file_id);
                self.organization_id = stored.organization_id;
                self.owner = Some(FileOwner::Script(stored.script_id));
                self.content_type = stored.content_type;
                self.size = stored.size;
                self.sha256 = stored.sha256;
                self.storage_key = stored.storage_key;
            }
            FileEvent::LogoStored(stored) => {
                self.id = Some(stored.file_id);
                self.organization_id = stored.organization_id;
                self.owner = Some(FileOwner::Organization);
                self.content_type = stored.content_type;
                self.size = stored.size;
                self.sha256 = stored.sha256;
                self.storage_key = stored.storage_key;
            }
            FileEvent::Deleted(FileDeleted {}) => self.deleted = true,
        }
    }
}

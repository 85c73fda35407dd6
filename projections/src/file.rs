//! Stored files.

use aggregates::{
    file::{FileKind, event::FileEvent},
    id::{FileId, Id, OrganizationId, ScriptId, SessionId, SubjectId},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::Error as _};

use crate::{
    Column, ColumnDef, ReadModel, Recorded,
    column::Stored,
    time::{self, seconds, whole_seconds},
};

/// A file's row. A deleted file has none.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Whom it is about, as the log knows the person; nobody where it belongs to no session.
    pub subject: Option<SubjectId>,
    /// Where its bytes are.
    pub storage_key: String,
    /// What the API shows.
    pub api: FileDocument,
}

/// What the API shows of a file, without `url` and `urlExpiresAt`, which are made when it is rendered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileDocument {
    /// Its id.
    pub id: FileId,
    /// The session that it belongs to; absent on all other files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The script that it belongs to; absent on all other files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_id: Option<ScriptId>,
    /// What it is.
    pub kind: FileKind,
    /// What it is called; nothing once the person is erased.
    pub name: Option<String>,
    /// Its media type.
    pub content_type: String,
    /// The number of bytes.
    pub size: u64,
    /// The SHA-256 in lower-case hex.
    pub sha256: String,
    /// When it was stored.
    #[serde(with = "seconds")]
    pub created_at: DateTime<Utc>,
}

impl File {
    /// The id of what it belongs to: a session, a script, or the organization.
    pub fn owner(&self) -> String {
        match (self.api.session_id, self.api.script_id) {
            (Some(session), _) => session.to_string(),
            (None, Some(script)) => script.to_string(),
            (None, None) => self.organization_id.to_string(),
        }
    }
}

impl ReadModel for File {
    type Event = FileEvent;
    const PREFIX: &'static str = FileId::PREFIX;
    const TABLE: &'static str = "files";
    const COLUMNS: &'static [ColumnDef] = &[
        ColumnDef::text("owner"),
        ColumnDef::text("kind"),
        ColumnDef::text("subject"),
        ColumnDef::text("sha256"),
        ColumnDef::text("storage_key"),
        ColumnDef::int("created_at"),
        ColumnDef::int("updated_at"),
    ];

    fn fold(_: Option<Self>, event: &Self::Event, recorded: &Recorded) -> Option<Self> {
        let created_at = whole_seconds(recorded.at);
        match event {
            FileEvent::Stored(stored) => Some(Self {
                organization_id: stored.organization_id,
                subject: recorded.subject,
                storage_key: stored.storage_key.clone(),
                api: FileDocument {
                    id: stored.file_id,
                    session_id: Some(stored.session_id),
                    script_id: None,
                    kind: stored.kind,
                    name: stored.name.clear().cloned(),
                    content_type: stored.content_type.clone(),
                    size: stored.size,
                    sha256: stored.sha256.clone(),
                    created_at,
                },
            }),
            FileEvent::MediaStored(stored) => Some(Self {
                organization_id: stored.organization_id,
                subject: None,
                storage_key: stored.storage_key.clone(),
                api: FileDocument {
                    id: stored.file_id,
                    session_id: None,
                    script_id: Some(stored.script_id),
                    kind: FileKind::Media,
                    name: Some(stored.name.clone()),
                    content_type: stored.content_type.clone(),
                    size: stored.size,
                    sha256: stored.sha256.clone(),
                    created_at,
                },
            }),
            FileEvent::LogoStored(stored) => Some(Self {
                organization_id: stored.organization_id,
                subject: None,
                storage_key: stored.storage_key.clone(),
                api: FileDocument {
                    id: stored.file_id,
                    session_id: None,
                    script_id: None,
                    kind: FileKind::Logo,
                    name: Some(stored.name.clone()),
                    content_type: stored.content_type.clone(),
                    size: stored.size,
                    sha256: stored.sha256.clone(),
                    created_at,
                },
            }),
            FileEvent::Deleted(_) => None,
        }
    }

    fn id(&self) -> String {
        self.api.id.to_string()
    }

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn document(&self) -> serde_json::Result<String> {
        serde_json::to_string(&self.api)
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::text(self.owner()),
            Column::text(self.api.kind.as_str()),
            Column::id(self.subject),
            Column::text(&self.api.sha256),
            Column::text(&self.storage_key),
            time::column(self.api.created_at),
            // A file never changes; the column is there because every list can be asked what changed since.
            time::column(self.api.created_at),
        ]
    }

    fn groups(&self) -> Vec<(String, i64)> {
        vec![(format!("files/{}", self.owner()), 1), (format!("files/object/{}", self.storage_key), 1)]
    }

    fn restore(organization: OrganizationId, document: &str, columns: &[Column]) -> serde_json::Result<Self> {
        let stored = Stored::new(Self::COLUMNS, columns);
        let subject = stored.text("subject")?.map(str::parse).transpose().map_err(serde_json::Error::custom)?;
        Ok(Self {
            organization_id: organization,
            subject,
            storage_key: stored.present_text("storage_key")?.to_owned(),
            api: serde_json::from_str(document)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use aggregates::{
        Personal,
        file::event::{FileDeleted, FileStored, MediaStored},
        value::Email,
    };
    use serde_json::json;

    use super::*;
    use crate::testing::{folded, id, scopes, shown};

    fn stored() -> FileStored {
        FileStored {
            file_id: id(7),
            organization_id: id(1),
            session_id: id(6),
            participant: Email::parse("ada@example.com").expect("an address").into(),
            kind: FileKind::Recording,
            name: Personal::Clear("ada.mp3".to_owned()),
            content_type: "audio/mpeg".to_owned(),
            size: 12,
            sha256: "ab".repeat(32),
            storage_key: "org/fil".to_owned(),
        }
    }

    #[test]
    fn a_session_s_file_shows_what_the_contract_lists() {
        let row: File = folded(&[FileEvent::Stored(stored())]).expect("a row");
        assert_eq!(
            shown(&row),
            json!({
                "id": row.id(), "sessionId": row.owner(), "kind": "recording", "name": "ada.mp3",
                "contentType": "audio/mpeg", "size": 12, "sha256": "ab".repeat(32), "createdAt": "2024-01-15T10:30:00Z",
            })
        );
        assert_eq!(scopes(&row), [format!("files/{}", row.owner()), "files/object/org/fil".to_owned()]);
        assert_eq!(row.subject, Some(id(99)));
        let erased = FileStored { name: Personal::Erased, participant: Personal::Erased, ..stored() };
        let row: File = folded(&[FileEvent::Stored(erased)]).expect("a row");
        assert_eq!(row.api.name, None);
    }

    #[test]
    fn media_belongs_to_a_script_and_to_no_person() {
        let media = FileEvent::MediaStored(MediaStored {
            file_id: id(7),
            organization_id: id(1),
            script_id: id(4),
            name: "logo.png".to_owned(),
            content_type: "image/png".to_owned(),
            size: 12,
            sha256: "ab".repeat(32),
            storage_key: "org/fil".to_owned(),
        });
        let row: File = folded(std::slice::from_ref(&media)).expect("a row");
        assert_eq!((row.api.script_id, row.api.session_id, row.subject), (Some(id(4)), None, None));
        assert_eq!(shown(&row)["kind"], "media");
        assert_eq!(folded::<File>(&[media, FileEvent::Deleted(FileDeleted {})]), None);
    }
}

//! What can be done with files. Their bytes are in the file store already, or stay there until the event is written.

use aggregates::{
    Code, Refusal,
    file::{Content, File, FileCommand, FileKind, admit, name},
    id::{FileId, OrganizationId, ScriptId, SessionId},
    script::{ImportedMedia, Script},
    session::{Session, SessionError},
};
use chrono::{DateTime, TimeDelta, Utc};
use projections::file::FileDocument;
use serde::Serialize;

use super::{Answer, Command, Commands, Stop, Work};
use crate::{
    files::link,
    store::{self, Cursor, Filter, PageQuery, Sort, end_of_upload},
};

/// Files that a session or script may have: a bound, not a rule that anybody should meet.
const MAX_FILES: i64 = 1_000;
/// Files that a session may have while its participant still sends recordings, who needs no key to do it.
const MAX_SPOKEN: i64 = 300;
/// Rows asked for at once.
const PAGE: i64 = 500;

/// `POST /v1/sessions/{sessionId}/files`, once the bytes are stored.
pub struct StoreSessionFile {
    /// The new file.
    pub id: FileId,
    /// The session.
    pub session: SessionId,
    /// What it is.
    pub kind: FileKind,
    /// What it is called.
    pub name: String,
    /// What is stored.
    pub content: Content,
}

impl Command for StoreSessionFile {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        // The session's version is checked at the commit: in the log, no file comes after a withdrawal of consent.
        let session = work.load::<Session>(self.session).await?;
        let participant = admit(&session, self.kind, &self.content.content_type)?;
        limit(work, &self.session.to_string()).await?;
        let store = FileCommand::Store {
            file_id: self.id,
            organization_id: work.caller().organization,
            session_id: self.session,
            participant,
            kind: self.kind,
            name: name::clean(&self.name),
            content: self.content.clone(),
        };
        work.execute::<File>(self.id, store)?;
        work.write(end_of_upload(&self.content.storage_key));
        stored(work, self.id)
    }
}

/// The recording of a spoken answer, once its bytes are stored and before anybody has listened to it. Answers `{id}`:
/// 201 with the new file, or 200 with the one that holds the same recording already, whose bytes are to be kept instead.
pub struct StoreRecording {
    /// The new file.
    pub id: FileId,
    /// The session.
    pub session: SessionId,
    /// The prompt that it answers.
    pub prompt_id: String,
    /// The client's sequence number.
    pub seq: u64,
    /// What it is called.
    pub name: String,
    /// What is stored.
    pub content: Content,
}

impl Command for StoreRecording {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let session = work.load::<Session>(self.session).await?;
        let script = work.commands().script_content(session.script_id, session.script_version).await?;
        session.admit_recording(&self.prompt_id, self.seq, &script)?;
        let participant = admit(&session, FileKind::Recording, &self.content.content_type)?;
        // The counter is a guard: of two that bring the same recording at once, one runs again and finds the other's.
        let n = work.counter(format!("files/{}", self.session)).await?;
        let known = recording_with(work, self.session, &self.content.sha256).await?;
        if session.recording_of(self.seq).is_some_and(|taken| known != Some(taken)) {
            return Err(SessionError::SequenceReused.into());
        }
        let body = |id: FileId| serde_json::json!({"id": id}).to_string();
        if let Some(known) = known {
            return Ok(Answer::ok(body(known)));
        }
        if n >= MAX_SPOKEN {
            return Err(too_many(MAX_SPOKEN).into());
        }
        let store = FileCommand::Store {
            file_id: self.id,
            organization_id: work.caller().organization,
            session_id: self.session,
            participant,
            kind: FileKind::Recording,
            name: name::clean(&self.name),
            content: self.content.clone(),
        };
        work.execute::<File>(self.id, store)?;
        work.write(end_of_upload(&self.content.storage_key));
        Ok(Answer { status: 201, ..Answer::ok(body(self.id)) })
    }
}

/// The recording of a session with these bytes.
async fn recording_with(work: &Work<'_>, session: SessionId, sha256: &str) -> Result<Option<FileId>, Stop> {
    let query = PageQuery {
        table: "files",
        filters: vec![
            Filter::Equals("sha256", sha256.to_owned().into()),
            Filter::Equals("org_id", work.caller().organization.to_string().into()),
            Filter::Equals("owner", session.to_string().into()),
            Filter::Equals("kind", FileKind::Recording.as_str().to_owned().into()),
        ],
        sort: Sort::Id,
        descending: false,
        limit: 1,
        offset: 0,
        after: None,
        counter: None,
    };
    let found = work.store().page_of(&query).await?.documents;
    Ok(found.first().and_then(|document| document.id.parse().ok()))
}

/// `POST /v1/scripts/{scriptId}/media`, once the bytes are stored.
pub struct StoreMedia {
    /// The new file.
    pub id: FileId,
    /// The script, which must have a draft.
    pub script: ScriptId,
    /// What it is called.
    pub name: String,
    /// What is stored.
    pub content: Content,
}

impl Command for StoreMedia {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let script = work.load::<Script>(self.script).await?;
        script.editable_draft()?;
        limit(work, &self.script.to_string()).await?;
        let store = FileCommand::StoreMedia {
            file_id: self.id,
            organization_id: work.caller().organization,
            script_id: self.script,
            name: name::clean(&self.name),
            content: self.content.clone(),
        };
        work.execute::<File>(self.id, store)?;
        work.write(end_of_upload(&self.content.storage_key));
        stored(work, self.id)
    }
}

/// Refuses one file too many.
async fn limit(work: &mut Work<'_>, owner: &str) -> Result<(), Stop> {
    if work.counter(format!("files/{owner}")).await? >= MAX_FILES {
        return Err(too_many(MAX_FILES).into());
    }
    Ok(())
}

fn too_many(most: i64) -> Refusal {
    let message = format!("There are {most} files already, which is as many as there can be.");
    Refusal::new(Code::Conflict, message)
}

fn stored(work: &Work<'_>, id: FileId) -> Result<Answer, Stop> {
    let row = work.row::<File>(id).ok_or_else(super::not_found)?;
    let shown = work.commands().shown_file(row.api.clone(), work.now());
    let document = serde_json::to_string(&shown).map_err(store::Error::from)?;
    // There is no other address of a file than the one that hands it out.
    Ok(Answer::created(shown.url, document))
}

/// A file as the API shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownFile {
    #[serde(flatten)]
    document: FileDocument,
    /// Where it can be downloaded, for a while.
    pub url: String,
    url_expires_at: String,
}

impl ShownFile {
    /// Its link, and when that ends.
    pub fn link(self) -> (String, String) {
        (self.url, self.url_expires_at)
    }
}

impl Commands {
    /// The API's representation of a file, with a fresh link.
    pub fn shown_file(&self, document: FileDocument, now: DateTime<Utc>) -> ShownFile {
        let (url, expires_at) = self.file_link(document.id, now, link::LIFETIME);
        let url_expires_at = expires_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        ShownFile { document, url, url_expires_at }
    }

    /// The same, from the stored row.
    pub fn render_stored_file(&self, document: &store::Document, now: DateTime<Utc>) -> String {
        let shown = serde_json::from_str(&document.json).map(|document| self.shown_file(document, now));
        // What was written as JSON can be read and written again.
        shown.and_then(|shown| serde_json::to_string(&shown)).unwrap_or_else(|_| document.json.clone())
    }

    /// A link to a file's bytes that works for a while, and when it ends. Whoever has it can read the file.
    pub fn file_link(&self, file: FileId, now: DateTime<Utc>, lifetime: TimeDelta) -> (String, DateTime<Utc>) {
        let link = link::sign(&self.keys, file, now, lifetime);
        (format!("{}/files/{}", self.public_url, link.token), link.expires_at)
    }

    /// The file that the token of a link opens now.
    pub fn open_file_link(&self, token: &str) -> Option<FileId> {
        link::open(&self.keys, token, self.now())
    }
}

/// All files of a session or script, the oldest first.
///
/// # Errors
/// When the store fails.
pub async fn files_of(
    store: &store::Store,
    organization: &str,
    owner: &str,
) -> Result<Vec<store::Document>, store::Error> {
    let mut query = PageQuery {
        table: "files",
        filters: vec![
            Filter::Equals("org_id", organization.to_owned().into()),
            Filter::Equals("owner", owner.to_owned().into()),
        ],
        sort: Sort::Id,
        descending: false,
        limit: PAGE,
        offset: 0,
        after: None,
        counter: Some(format!("files/{owner}")),
    };
    let mut files = Vec::new();
    loop {
        let page = store.page_of(&query).await?;
        files.extend(page.documents);
        query.after = files.last().map(|document| Cursor::at(document, query.sort));
        if !page.has_more || query.after.is_none() {
            return Ok(files);
        }
    }
}

/// Removes all files of a script within the work that deletes it. A file that is added meanwhile moves the counter, so one
/// of the two runs again.
///
/// # Errors
/// When the store fails.
pub async fn delete_files_of(work: &mut Work<'_>, owner: &str) -> Result<(), Stop> {
    let organization = work.caller().organization.to_string();
    let mut n = 0;
    for document in files_of(work.store(), &organization, owner).await? {
        let Ok(id) = document.id.parse::<FileId>() else { continue };
        work.load::<File>(id).await?;
        work.execute::<File>(id, FileCommand::Delete)?;
        n += 1;
    }
    work.expect_counter(format!("files/{owner}"), n);
    Ok(())
}

/// Which of these ids are not media of the script.
///
/// # Errors
/// When the store fails.
pub async fn not_media_of(work: &Work<'_>, script: ScriptId, ids: &[FileId]) -> Result<Vec<FileId>, Stop> {
    let found = media_of(work.store(), work.caller().organization, script, ids).await?;
    let known = |id: &FileId| found.iter().any(|document| document.id == id.to_string());
    Ok(ids.iter().filter(|id| !known(id)).copied().collect())
}

/// Those of these files that are media of the script.
///
/// # Errors
/// When the store fails.
pub async fn media_of(
    store: &store::Store,
    organization: OrganizationId,
    script: ScriptId,
    ids: &[FileId],
) -> Result<Vec<store::Document>, store::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut wanted: Vec<String> = ids.iter().map(FileId::to_string).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let limit = i64::try_from(wanted.len()).unwrap_or(i64::MAX - 1);
    let query = PageQuery {
        table: "files",
        filters: vec![
            Filter::OneOf("id", wanted),
            Filter::Equals("org_id", organization.to_string().into()),
            Filter::Equals("owner", script.to_string().into()),
        ],
        sort: Sort::Id,
        descending: false,
        limit,
        offset: 0,
        after: None,
        counter: None,
    };
    Ok(store.page_of(&query).await?.documents)
}

/// Gives a script that is being imported a file of its own for each of the media that its organization has the bytes of,
/// whatever script they belong to, and answers the new ids; `None` for what nobody has.
///
/// The new file shares the stored bytes. That its model is not deleted meanwhile is checked at the commit.
///
/// # Errors
/// When the store fails.
pub async fn adopt_media(
    work: &mut Work<'_>,
    script: ScriptId,
    media: &[ImportedMedia],
) -> Result<Vec<Option<FileId>>, Stop> {
    let mut adopted = Vec::with_capacity(media.len());
    for media in media {
        let model = media_with_hash(work, &media.sha256).await?;
        let Some(model) = model else {
            adopted.push(None);
            continue;
        };
        let content = work.load::<File>(model).await?.content();
        let id = work.new_id();
        let store = FileCommand::StoreMedia {
            file_id: id,
            organization_id: work.caller().organization,
            script_id: script,
            name: media.name.clone(),
            content,
        };
        work.execute::<File>(id, store)?;
        adopted.push(Some(id));
    }
    Ok(adopted)
}

async fn media_with_hash(work: &Work<'_>, sha256: &str) -> Result<Option<FileId>, Stop> {
    let query = PageQuery {
        table: "files",
        filters: vec![
            Filter::Equals("sha256", sha256.to_owned().into()),
            Filter::Equals("org_id", work.caller().organization.to_string().into()),
            Filter::Equals("kind", "media".to_owned().into()),
        ],
        sort: Sort::Id,
        descending: true,
        limit: 1,
        offset: 0,
        after: None,
        counter: None,
    };
    let found = work.store().page_of(&query).await?.documents;
    Ok(found.first().and_then(|document| document.id.parse().ok()))
}

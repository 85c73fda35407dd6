//! Receiving a file: checked, hashed and handed on as it arrives, never held as a whole.
//!
//! What is in memory at any time is one part being filled; while it is being written, nothing is read. A file of at most
//! one part is written at once when it is complete, a larger one part by part. Nothing is written before the first bytes
//! have told that the file may be stored.

use aggregates::{
    file::Content,
    id::{FileId, OrganizationId},
};
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::{Files, kind, objects::Parts};
use crate::{
    store::{self, Store},
    trust::secret_key::hex,
};

/// Bytes of one part: the least that S3 takes, and of equal size for all parts, as some of its relatives demand.
pub const PART: usize = 5 << 20;

/// Why a file was not taken.
#[derive(Debug)]
pub enum Refused<E> {
    /// It is larger than this.
    TooLarge(u64),
    /// It is of a type that may not be stored here.
    NotAllowed,
    /// It has no bytes.
    Empty,
    /// It could not be read to its end.
    Broken(E),
    /// The file store failed.
    Objects(object_store::Error),
    /// The event store failed.
    Store(store::Error),
}

/// What can go wrong with our own stores.
enum Failed {
    Objects(object_store::Error),
    Store(store::Error),
}

impl From<object_store::Error> for Failed {
    fn from(error: object_store::Error) -> Self {
        Self::Objects(error)
    }
}

impl From<store::Error> for Failed {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl<E> From<Failed> for Refused<E> {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Objects(error) => Self::Objects(error),
            Failed::Store(error) => Self::Store(error),
        }
    }
}

/// Something that a file arrives from, piece by piece.
pub trait Source {
    /// Why it may break off.
    type Error;

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// When it breaks off.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, Self::Error>> + Send;
}

/// Bytes that are there already, such as a recording that the server has made itself.
impl Source for Option<Bytes> {
    type Error = std::convert::Infallible;

    async fn next(&mut self) -> Result<Option<Bytes>, Self::Error> {
        Ok(self.take())
    }
}

/// Which types a file may have, and how large each may be.
pub type Limit = fn(&Files, &str) -> Option<u64>;

/// The limits of a session's files.
pub fn session_limit(files: &Files, _: &str) -> Option<u64> {
    Some(files.sizes.upload)
}

/// The limits of a script's media.
pub fn media_limit(files: &Files, content_type: &str) -> Option<u64> {
    let size = if content_type.starts_with("image/") { files.sizes.image } else { files.sizes.audio };
    kind::is_media(content_type).then_some(size)
}

/// The limits of an organization's logo: what a document can show.
pub fn logo_limit(_: &Files, content_type: &str) -> Option<u64> {
    matches!(content_type, "image/png" | "image/jpeg").then_some(crate::pdf::MAX_LOGO as u64)
}

/// A file on its way into the object store.
struct Upload<'a> {
    files: &'a Files,
    store: &'a Store,
    key: String,
    now: DateTime<Utc>,
    hash: Sha256,
    size: u64,
    noted: bool,
    parts: Option<Parts>,
    /// [`Parts::id`], beyond the end of `parts`.
    parts_id: Option<String>,
}

impl Files {
    /// Takes a file in. The bytes are durable when this returns, and noted as an upload without an end: either
    /// an event takes them over ([`store::end_of_upload`]), or they are to be given up ([`Files::give_up`]).
    ///
    /// # Errors
    /// See [`Refused`]; then nothing is left of it.
    pub async fn receive<S: Source>(
        &self,
        store: &Store,
        (organization, file): (OrganizationId, FileId),
        now: DateTime<Utc>,
        limit: Limit,
        source: &mut S,
    ) -> Result<Content, Refused<S::Error>> {
        let key = format!("{organization}/{file}");
        let mut upload = Upload {
            files: self,
            store,
            key,
            now,
            hash: Sha256::new(),
            size: 0,
            noted: false,
            parts: None,
            parts_id: None,
        };
        let result = upload.run(limit, source).await;
        if result.is_err() {
            upload.abandon().await;
        }
        result
    }

    /// Removes the bytes of an upload that no event takes over.
    pub async fn give_up(&self, store: &Store, key: &str) {
        remove(self, store, key, None).await;
    }
}

impl Upload<'_> {
    async fn run<S: Source>(&mut self, limit: Limit, source: &mut S) -> Result<Content, Refused<S::Error>> {
        let mut part = BytesMut::new();
        let mut ended = false;
        while part.len() < kind::HEAD && !ended {
            match source.next().await.map_err(Refused::Broken)? {
                Some(piece) => part.extend_from_slice(&piece),
                None => ended = true,
            }
        }
        if part.is_empty() {
            return Err(Refused::Empty);
        }
        let head = &part[..part.len().min(kind::HEAD)];
        let content_type = kind::detect(head).ok_or(Refused::NotAllowed)?;
        let limit = limit(self.files, content_type).ok_or(Refused::NotAllowed)?;
        let mut fits = self.count(&part, limit);
        while fits {
            // Before the next piece is asked for, so that no more than a part and a piece is ever in memory.
            while part.len() >= PART {
                let full = part.split_to(PART).freeze();
                self.write_part(full).await?;
            }
            if ended {
                break;
            }
            match source.next().await.map_err(Refused::Broken)? {
                Some(piece) => {
                    fits = self.count(&piece, limit);
                    part.extend_from_slice(&piece);
                }
                None => ended = true,
            }
        }
        if !fits {
            return Err(Refused::TooLarge(limit));
        }
        self.finish(part).await?;
        Ok(Content {
            content_type: content_type.to_owned(),
            size: self.size,
            sha256: hex(&std::mem::take(&mut self.hash).finalize()),
            storage_key: self.key.clone(),
        })
    }

    /// Counts and hashes a piece; whether the file is still small enough.
    fn count(&mut self, piece: &[u8], limit: u64) -> bool {
        self.size += piece.len() as u64;
        self.hash.update(piece);
        self.size <= limit
    }

    /// Notes the upload before anything of it is written, so that what a crash leaves can be found.
    async fn note(&mut self) -> Result<(), store::Error> {
        self.noted = true;
        self.store.note_upload(&self.key, self.parts_id.as_deref(), self.now.timestamp_micros()).await
    }

    async fn write_part(&mut self, bytes: Bytes) -> Result<(), Failed> {
        if self.parts.is_none() {
            self.note().await?;
            let parts = self.files.objects.start(&self.key).await?;
            self.parts_id = parts.id().map(str::to_owned);
            self.parts = Some(parts);
            if self.parts_id.is_some() {
                self.note().await?;
            }
        }
        if let Some(parts) = &mut self.parts {
            parts.put(bytes).await?;
        }
        Ok(())
    }

    async fn finish(&mut self, rest: BytesMut) -> Result<(), Failed> {
        if self.parts.is_none() {
            self.note().await?;
            return Ok(self.files.objects.put(&self.key, rest.freeze()).await?);
        }
        if !rest.is_empty() {
            self.write_part(rest.freeze()).await?;
        }
        if let Some(parts) = self.parts.take() {
            parts.complete().await?;
        }
        Ok(())
    }

    async fn abandon(&mut self) {
        if self.noted {
            remove(self.files, self.store, &self.key, self.parts_id.as_deref()).await;
        }
        // Dropped only now: it removes its own staged file, and must find nothing left to do.
        self.parts = None;
    }
}

/// What cannot be removed now is still noted, and swept later.
async fn remove(files: &Files, store: &Store, key: &str, parts: Option<&str>) {
    if let Err(error) = files.objects.discard(key, parts).await {
        tracing::warn!(%error, key, "an abandoned upload will be removed later");
        return;
    }
    if let Err(error) = store.forget_upload(key).await {
        tracing::warn!(%error, key, "an abandoned upload will be forgotten later");
    }
}

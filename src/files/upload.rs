//! Receiving a file: checked, hashed and handed on as it arrives, never held as a whole.
//!
//! What is in memory at any time is one part being filled; while it is being written, nothing is read. A file of at most one part
//! is written at once when it is complete, a larger one part by part. Nothing is written before the first bytes
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

impl<E> From<object_store::Error> for Refused<E> {
    fn from(error: object_store::Error) -> Self {
        Self::Objects(error)
    }
}

impl<E> From<store::Error> for Refused<E> {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
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
}

impl Files {
    /// Takes a file in. The bytes are durable when this returns, and noted as an upload that has not come to its end: either
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
        let mut upload =
            Upload { files: self, store, key, now, hash: Sha256::new(), size: 0, noted: false, parts: None };
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
        self.count(&part, limit)?;
        while !ended {
            match source.next().await.map_err(Refused::Broken)? {
                Some(piece) => {
                    self.count(&piece, limit)?;
                    part.extend_from_slice(&piece);
                }
                None => ended = true,
            }
            while part.len() >= PART {
                let full = part.split_to(PART).freeze();
                self.write_part(full).await?;
            }
        }
        self.finish(part).await?;
        Ok(Content {
            content_type: content_type.to_owned(),
            size: self.size,
            sha256: hex(&std::mem::take(&mut self.hash).finalize()),
            storage_key: self.key.clone(),
        })
    }

    fn count<E>(&mut self, piece: &[u8], limit: u64) -> Result<(), Refused<E>> {
        self.size += piece.len() as u64;
        if self.size > limit {
            return Err(Refused::TooLarge(limit));
        }
        self.hash.update(piece);
        Ok(())
    }

    /// Notes the upload before anything of it is written, so that what a crash leaves can be found.
    async fn note(&mut self, parts: Option<&str>) -> Result<(), store::Error> {
        self.noted = true;
        self.store.note_upload(&self.key, parts, self.now.timestamp_micros()).await
    }

    async fn write_part<E>(&mut self, bytes: Bytes) -> Result<(), Refused<E>> {
        if self.parts.is_none() {
            self.note(None).await?;
            let parts = self.files.objects.start(&self.key).await?;
            let id = parts.id().map(str::to_owned);
            self.parts = Some(parts);
            if let Some(id) = id {
                self.note(Some(&id)).await?;
            }
        }
        match &mut self.parts {
            Some(parts) => parts.put(bytes).await.map_err(Refused::Objects),
            None => Ok(()),
        }
    }

    async fn finish<E>(&mut self, rest: BytesMut) -> Result<(), Refused<E>> {
        if self.parts.is_none() {
            self.note(None).await?;
            return self.files.objects.put(&self.key, rest.freeze()).await.map_err(Refused::Objects);
        }
        if !rest.is_empty() {
            self.write_part(rest.freeze()).await?;
        }
        match self.parts.take() {
            Some(parts) => parts.complete().await.map_err(Refused::Objects),
            None => Ok(()),
        }
    }

    async fn abandon(&mut self) {
        if !self.noted {
            return;
        }
        let parts = self.parts.as_ref().and_then(Parts::id).map(str::to_owned);
        remove(self.files, self.store, &self.key, parts.as_deref()).await;
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

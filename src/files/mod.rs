//! The bytes of stored files: where they are kept, how they get there, and the links by which they are fetched.
//!
//! Bytes go to a local directory or to S3, under a key of their own that nothing else ever gets. An upload that is about to
//! write is noted in the table `uploads` first; the note goes in the transaction that appends the file's event. So whatever
//! a crash leaves behind is named there, and [`Files::sweep`] removes it.

pub mod kind;
pub mod link;
mod objects;
pub mod upload;

use std::{collections::HashMap, sync::Arc};

use aggregates::id::OrganizationId;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt;
use parking_lot::Mutex;

pub use self::objects::{Objects, Place};
use crate::store::{self, Store};

/// Uploads that a node receives at once; each holds one part of a few MiB in memory.
const AT_ONCE: usize = 64;
/// Uploads of one organization among them, so that nobody takes all places.
const OF_ONE: usize = 16;
/// How old an upload must be to count as dead: several times as long as one may take.
const DEAD_AFTER: TimeDelta = TimeDelta::hours(6);
/// Dead uploads that are looked at in one step.
const STEP: i64 = 100;

/// How large files may be, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// A session's file.
    pub upload: u64,
    /// An image for a script.
    pub image: u64,
    /// A sound for a script.
    pub audio: u64,
}

impl Sizes {
    /// The size that `--max-upload` has unless told otherwise.
    pub const UPLOAD: u64 = 100 << 20;
}

impl Default for Sizes {
    fn default() -> Self {
        Self { upload: Self::UPLOAD, image: 10 << 20, audio: 25 << 20 }
    }
}

/// Where the bytes of stored files are.
pub struct Files {
    /// The object store.
    pub objects: Objects,
    /// How large files may be.
    pub sizes: Sizes,
    uploads: Uploads,
}

/// How many uploads run, by organization.
type Uploads = Arc<Mutex<HashMap<OrganizationId, usize>>>;

/// A place among the uploads that run at once, until it is dropped.
pub struct Room {
    uploads: Uploads,
    organization: OrganizationId,
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut uploads = self.uploads.lock();
        if let Some(running) = uploads.get_mut(&self.organization) {
            *running -= 1;
            if *running == 0 {
                uploads.remove(&self.organization);
            }
        }
    }
}

impl Files {
    /// Keeps files in an object store.
    pub fn new(objects: Objects, sizes: Sizes) -> Self {
        Self { objects, sizes, uploads: Uploads::default() }
    }

    /// A place among the uploads that run at once; none when all are taken, or all that the organization may have.
    pub fn enter(&self, organization: OrganizationId) -> Option<Room> {
        let mut uploads = self.uploads.lock();
        if uploads.values().sum::<usize>() >= AT_ONCE {
            return None;
        }
        let running = uploads.entry(organization).or_default();
        if *running >= OF_ONE {
            return None;
        }
        *running += 1;
        Some(Room { uploads: Arc::clone(&self.uploads), organization })
    }

    /// All bytes of a small file.
    ///
    /// # Errors
    /// When the object store fails, or has no such file.
    pub async fn whole(&self, key: &str, size: u64) -> object_store::Result<Vec<u8>> {
        let pieces: Vec<Bytes> = self.objects.read(key, 0..size).await?.try_collect().await?;
        Ok(pieces.concat())
    }

    /// Removes what uploads have left behind that never came to their end.
    ///
    /// # Errors
    /// When the store fails. What the object store cannot remove now is tried again the next time.
    pub async fn sweep(&self, store: &Store, now: DateTime<Utc>) -> Result<(), store::Error> {
        let before = (now - DEAD_AFTER).timestamp_micros();
        let mut after = String::new();
        loop {
            let dead = store.dead_uploads(before, &after, STEP).await?;
            let Some((last, _)) = dead.last() else { return Ok(()) };
            after.clone_from(last);
            for (key, parts) in dead {
                match self.objects.discard(&key, parts.as_deref()).await {
                    Ok(()) => store.forget_upload(&key).await?,
                    Err(error) => tracing::warn!(%error, key, "a dead upload could not be removed"),
                }
            }
        }
    }
}

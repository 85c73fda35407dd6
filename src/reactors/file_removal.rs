//! Removes the bytes of deleted files, once no other file shares them.

use std::sync::Arc;

use aggregates::{file::File, id::FileId};

use super::{Fired, Subscriber};
use crate::{
    command::{self, Commands},
    files::Files,
    store::{self, Effects, StoredRecord, Timer},
};

const KIND: &str = "file.remove";

/// Sets a timer for each deleted file, and removes its bytes when it fires: a file store that is down for a while delays
/// that, and nothing else.
pub struct FileRemoval {
    files: Arc<Files>,
}

impl FileRemoval {
    /// Removes from here.
    pub fn new(files: Arc<Files>) -> Self {
        Self { files }
    }
}

impl Subscriber for FileRemoval {
    const NAME: &'static str = "file-removal";
    const TIMERS: &'static [&'static str] = &[KIND];

    fn observe(&self, record: &StoredRecord, effects: &mut Effects) -> Result<(), String> {
        if record.name == "file.deleted" {
            effects.set_timer(Timer {
                due_at: record.recorded_at,
                kind: KIND.to_owned(),
                organization: record.organization.clone(),
                stream: record.stream.clone(),
            });
        }
        Ok(())
    }

    async fn fire(&self, commands: &Commands, _organization: &str, timers: &[Timer]) -> Result<Fired, command::Error> {
        let mut fired = Fired::default();
        for timer in timers {
            if self.remove(commands, timer).await? {
                fired.done.push(timer.clone());
            }
        }
        Ok(fired)
    }
}

impl FileRemoval {
    /// Whether nothing is left to do for a timer.
    async fn remove(&self, commands: &Commands, timer: &Timer) -> Result<bool, store::Error> {
        let Ok(id) = timer.stream.parse::<FileId>() else { return Ok(true) };
        let Some(file) = commands.state::<File>(id, |file| file.deleted).await? else { return Ok(true) };
        // A file that shares the bytes cannot come about any more once there is none: it is made of one that is there.
        let scope = format!("files/object/{}", file.storage_key);
        if commands.store.counters(vec![scope.clone()]).await?.remove(&scope).unwrap_or(0) > 0 {
            return Ok(true);
        }
        match self.files.objects.discard(&file.storage_key, None).await {
            Ok(()) => Ok(true),
            Err(error) => {
                tracing::warn!(%error, %id, "the bytes of a deleted file will be removed later");
                Ok(false)
            }
        }
    }
}

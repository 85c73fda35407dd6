//! Removes the bytes of deleted files, once no other file shares them.

use std::sync::Arc;

use aggregates::{file::File, id::FileId};

use super::Subscriber;
use crate::{
    command::{self, Commands},
    files::Files,
    store::{self, Effects, StoredRecord, Timer},
};

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
    const TIMERS: &'static str = "file.remove";

    fn observe(&self, record: &StoredRecord, effects: &mut Effects) -> Result<(), String> {
        if record.name == "file.deleted" {
            effects.set_timer(Timer {
                due_at: record.recorded_at,
                kind: Self::TIMERS.to_owned(),
                organization: record.organization.clone(),
                stream: record.stream.clone(),
            });
        }
        Ok(())
    }

    async fn fire(&self, commands: &Commands, _organization: &str, timers: &[Timer]) -> Result<(), command::Error> {
        for id in timers.iter().filter_map(|timer| timer.stream.parse::<FileId>().ok()) {
            let Some(file) = commands.state::<File>(id, |file| file.deleted).await? else { continue };
            // A file that shares the bytes cannot come about any more once there is none: it is made of one that is there.
            let scope = format!("files/object/{}", file.storage_key);
            let sharing = commands.store.counters(vec![scope.clone()]).await?.remove(&scope).unwrap_or(0);
            if sharing == 0 {
                let removed = self.files.objects.discard(&file.storage_key, None).await;
                removed.map_err(|error| store::Error::Unavailable(error.to_string()))?;
            }
        }
        Ok(())
    }
}

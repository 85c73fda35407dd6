//! Small chores of every node: old replies and dead uploads go away, and last-used times of API keys are noted.

use std::{collections::HashMap, sync::Arc};

use chrono::TimeDelta;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{command::Commands, files::Files};

/// How often the chores are done.
const EVERY: TimeDelta = TimeDelta::seconds(30);
/// Replies deleted in one statement, so that the writer is never held for long.
const REPLIES: i64 = 1_000;

/// When API keys were last used (µs since 1970), until it is written down.
#[derive(Default)]
pub struct KeyUses(Mutex<HashMap<String, i64>>);

impl KeyUses {
    /// Notes a use.
    pub fn note(&self, key: &str, at: i64) {
        let mut uses = self.0.lock();
        match uses.get_mut(key) {
            Some(last) => *last = at,
            None => _ = uses.insert(key.to_owned(), at),
        }
    }

    fn take(&self) -> Vec<(String, i64)> {
        self.0.lock().drain().collect()
    }
}

/// Does the chores until told to stop, and once more then.
pub async fn run(commands: Arc<Commands>, files: Arc<Files>, uses: Arc<KeyUses>, mut stop: watch::Receiver<bool>) {
    loop {
        let stopping = *stop.borrow();
        if let Err(error) = chores(&commands, &files, &uses).await {
            tracing::warn!(%error, "upkeep failed and will be tried again");
        }
        if stopping {
            return;
        }
        tokio::select! {
            () = commands.clock.sleep(EVERY) => {}
            _ = stop.changed() => {}
        }
    }
}

async fn chores(commands: &Commands, files: &Files, uses: &KeyUses) -> Result<(), crate::store::Error> {
    commands.store.note_key_uses(uses.take()).await?;
    let now = commands.now().timestamp_micros();
    while commands.store.sweep_replies(now, REPLIES).await? > 0 {}
    files.sweep(&commands.store, commands.now()).await
}

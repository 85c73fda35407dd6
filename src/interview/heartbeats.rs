//! Heartbeats of open sessions (contract 25): noted in memory, written down together, never events.

use std::{collections::HashMap, sync::Arc};

use aggregates::id::SessionId;
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    command::Commands,
    store::{self, Store},
};

/// How often what was noted is written down.
pub const EVERY: TimeDelta = TimeDelta::seconds(1);

/// When sessions were last heard of on this node, until it is written down. It holds as many entries as sessions were
/// heard of since the last writing, so its size follows the rate of heartbeats and not the number of open sessions.
#[derive(Default)]
pub struct Heartbeats(Mutex<HashMap<SessionId, i64>>);

impl Heartbeats {
    /// Notes that a session was heard of.
    pub fn note(&self, session: SessionId, at: DateTime<Utc>) {
        let at = at.timestamp_micros();
        self.0.lock().entry(session).and_modify(|last| *last = at.max(*last)).or_insert(at);
    }

    /// Writes down what was noted.
    ///
    /// # Errors
    /// When the store fails; then what was noted is kept for the next time.
    pub async fn flush(&self, store: &Store) -> Result<(), store::Error> {
        let noted: Vec<(SessionId, i64)> = self.0.lock().drain().collect();
        let mut seen: Vec<(String, i64)> = noted.iter().map(|(session, at)| (session.to_string(), *at)).collect();
        // In one order on every node, so that two that write at once do not wait for each other.
        seen.sort_unstable();
        let result = store.note_heartbeats(&seen).await;
        if result.is_err() {
            let mut kept = self.0.lock();
            for (session, at) in noted {
                let last = kept.entry(session).or_insert(at);
                *last = at.max(*last);
            }
        }
        result
    }

    /// How many wait to be written down.
    pub fn waiting(&self) -> usize {
        self.0.lock().len()
    }
}

/// Writes heartbeats down until told to stop, and once more then.
pub async fn run(commands: Arc<Commands>, heartbeats: Arc<Heartbeats>, mut stop: watch::Receiver<bool>) {
    loop {
        let stopping = *stop.borrow();
        if let Err(error) = heartbeats.flush(&commands.store).await {
            tracing::warn!(%error, "heartbeats were not written down and will be tried again");
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

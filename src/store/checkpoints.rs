//! SQLite: brings what was committed from the log beside the database (its WAL) into the database, on a thread of its own,
//! so that whoever waits for a commit does not wait for that too.
//!
//! Only the writer can start the log anew, once it has been brought over as a whole. So it still finishes the work itself
//! when the log has grown long (see [`super::sqlite::open_writer`]), with little left to do.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::{
    Error,
    sqlite::{self, Checkpoint},
};

/// Pages of the log that are not in the database yet, from which on they are brought there.
const BEHIND: i64 = 1_000;

/// The thread, for as long as this is kept.
pub struct Checkpoints {
    commits: SyncSender<()>,
}

impl Checkpoints {
    /// Starts the thread with a connection to the database.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there can be no more threads.
    pub fn start(connection: rusqlite::Connection) -> Result<Self, Error> {
        let (commits, committed) = sync_channel(1);
        std::thread::Builder::new()
            .name("sqlite-checkpoint".into())
            .spawn(move || run(&connection, &committed))
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Self { commits })
    }

    /// Says that something was committed. Does not wait.
    pub fn committed(&self) {
        // Full: it is going to look anyway.
        _ = self.commits.try_send(());
    }
}

fn run(connection: &rusqlite::Connection, committed: &Receiver<()>) {
    while committed.recv().is_ok() {
        let looked = sqlite::checkpoint(connection, Checkpoint::Look);
        let result = looked.and_then(|behind| match behind {
            BEHIND.. => sqlite::checkpoint(connection, Checkpoint::Passive).map(drop),
            _ => Ok(()),
        });
        if let Err(error) = result {
            // The log grows until the writer has finished the work itself, or until this succeeds.
            tracing::warn!(%error, "a checkpoint failed");
        }
    }
}

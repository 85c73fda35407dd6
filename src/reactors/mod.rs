//! Durable subscribers: what follows the log and acts on it, on one node at a time.
//!
//! A [`Subscriber`] turns events into rows of its own; they commit together with its checkpoint. What is due at a time
//! it keeps as timers, and acts on them through commands, which are safe to repeat. So a crash at any point means that
//! something is done again and comes to nothing, never that it is left out.

pub mod file_removal;
pub mod invite_expiry;
mod runner;
pub mod session_timers;
pub mod upkeep;

use chrono::TimeDelta;

use crate::{
    command::{self, Commands},
    store::{Effects, StoredRecord, Timer},
};

pub use runner::{Pass, Runner};

/// Something that follows the log.
pub trait Subscriber: Send + Sync {
    /// The name under which its checkpoint is kept, never changed.
    const NAME: &'static str;

    /// The kinds of timers that it acts on.
    const TIMERS: &'static [&'static str];

    /// The shortest time between two passes. A commit wakes the subscriber, but not sooner than this after its last pass:
    /// events of a pause are dealt with together, so a subscriber adds one transaction per pause to the writer's work, not
    /// one per commit.
    const PACE: TimeDelta = TimeDelta::seconds(1);

    /// Adds what an event means to the effects that commit with the checkpoint.
    ///
    /// # Errors
    /// When the event cannot be dealt with: it is put aside, and the subscriber goes on.
    fn observe(&self, record: &StoredRecord, effects: &mut Effects) -> Result<(), String>;

    /// Acts on timers that are due, all of one kind and one organization. It may be asked again for those it has acted on.
    ///
    /// When it fails for many, it is asked for each alone; one that fails alone rests for a while.
    ///
    /// A timer says only that somebody should look. What it was set for may have been superseded, so what is really due
    /// is for the command to decide; one that finds nothing to do is done, or set anew for a later time.
    fn fire(
        &self,
        commands: &Commands,
        organization: &str,
        timers: &[Timer],
    ) -> impl Future<Output = Result<Fired, command::Error>> + Send;
}

/// What came of timers. Those that are not among the done ones will be tried again, soon.
#[derive(Clone, Debug, Default)]
pub struct Fired {
    /// Timers that are not needed any more.
    pub done: Vec<Timer>,
    /// Timers to set, in the transaction that removes the done ones.
    pub set: Vec<Timer>,
    /// Timers that could not be dealt with, and why.
    pub failed: Vec<(Timer, command::Error)>,
}

impl Fired {
    fn extend(&mut self, other: Self) {
        self.done.extend(other.done);
        self.set.extend(other.set);
        self.failed.extend(other.failed);
    }

    /// All of them are done, and nothing follows.
    pub fn all(timers: &[Timer]) -> Self {
        Self { done: timers.to_vec(), ..Self::default() }
    }
}

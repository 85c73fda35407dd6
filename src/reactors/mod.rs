//! Durable subscribers: what follows the log and acts on it, on one node at a time.
//!
//! A [`Subscriber`] turns events into rows of its own; they commit together with its checkpoint. What is due at a time
//! it keeps as timers, and acts on them through commands, which are safe to repeat. So a crash at any point means that
//! something is done again and comes to nothing, never that it is left out.

pub mod invite_expiry;
mod runner;
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

    /// The timers that it acts on.
    const TIMERS: &'static str;

    /// The shortest time between two passes. A commit wakes the subscriber, but not sooner than this after its last pass:
    /// events of a pause are dealt with together, so a subscriber adds one transaction per pause to the writer's work, not
    /// one per commit.
    const PACE: TimeDelta = TimeDelta::seconds(1);

    /// Adds what an event means to the effects that commit with the checkpoint.
    ///
    /// # Errors
    /// When the event cannot be dealt with. After a few tries it is put aside, and the subscriber goes on.
    fn observe(&self, record: &StoredRecord, effects: &mut Effects) -> Result<(), String>;

    /// Acts on timers that are due, all of one organization. It may be asked again for those it has acted on.
    fn fire(
        &self,
        commands: &Commands,
        organization: &str,
        timers: &[Timer],
    ) -> impl Future<Output = Result<(), command::Error>> + Send;
}

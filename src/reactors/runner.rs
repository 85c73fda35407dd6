//! Runs a subscriber: lease, checkpoint, timers, parking.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use aggregates::id::EventId;
use chrono::TimeDelta;
use tokio::sync::watch;

use super::{Fired, Subscriber};
use crate::{
    command::{self, Commands},
    store::{self, Effects, Lease, Parked, Store, Timer},
};

/// For how long a node may be silent before another takes over.
const LEASE: TimeDelta = TimeDelta::seconds(15);
/// How often a subscriber looks for what is due when nothing wakes it.
const PAUSE: TimeDelta = TimeDelta::seconds(1);
/// Events and timers dealt with in one transaction.
const STEP: i64 = 500;
/// How long a timer rests that cannot be dealt with; twice as long each time, up to [`LONGEST_REST`].
const REST: TimeDelta = TimeDelta::minutes(1);
/// The longest rest.
const LONGEST_REST: TimeDelta = TimeDelta::hours(1);
/// How often a timer fails before that is put down among what was put aside. It is tried again all the same: a newer node
/// may know what to do.
const TRIES: u32 = 3;

/// What one pass came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Another node runs the subscriber.
    NotOurs,
    /// A full step was done, and there is more.
    More,
    /// Whatever there was to do is done.
    Done,
}

/// Runs one subscriber on one node.
pub struct Runner<S> {
    subscriber: S,
    commands: Arc<Commands>,
    owner: String,
    lease: Option<(Lease, i64)>,
    /// How often a timer that rests has failed, by its kind and stream.
    failures: HashMap<(String, String), u32>,
}

impl<S: Subscriber> Runner<S> {
    /// Prepares to run. `owner` must differ between nodes and between starts.
    pub fn new(subscriber: S, commands: Arc<Commands>, owner: String) -> Self {
        Self { subscriber, commands, owner, lease: None, failures: HashMap::new() }
    }

    /// Runs until told to stop, then lets go of the lease.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut follower = self.store().follow();
        while !*stop.borrow() {
            match self.pass().await {
                Ok(Pass::More) => continue,
                Ok(Pass::NotOurs | Pass::Done) => {}
                Err(error) => {
                    tracing::warn!(subscriber = S::NAME, %error, "a pass failed and will be tried again");
                    self.lease = None;
                }
            }
            let woken = async {
                self.commands.clock.sleep(S::PACE).await;
                follower.changed().await;
            };
            tokio::select! {
                () = woken => {}
                () = self.commands.clock.sleep(PAUSE) => {}
                _ = stop.changed() => {}
            }
        }
        if let Some((lease, _)) = self.lease.take() {
            // It runs out by itself when this fails.
            _ = self.store().release(&lease).await;
        }
    }

    /// Does one step of what there is to do.
    ///
    /// # Errors
    /// When the store fails or the lease was lost; then nothing was written.
    pub async fn pass(&mut self) -> Result<Pass, store::Error> {
        let now = self.commands.now();
        let Some(lease) = self.lease(now).await? else { return Ok(Pass::NotOurs) };
        let events = self.follow(&lease, now).await?;
        let timers = self.fire_due(now).await?;
        Ok(if events || timers { Pass::More } else { Pass::Done })
    }

    fn store(&self) -> &Store {
        &self.commands.store
    }

    /// The lease, renewed when half of its time is over.
    async fn lease(&mut self, now: chrono::DateTime<chrono::Utc>) -> Result<Option<Lease>, store::Error> {
        if let Some((lease, renew_at)) = &self.lease
            && now.timestamp_micros() < *renew_at
        {
            return Ok(Some(lease.clone()));
        }
        let until = (now + LEASE).timestamp_micros();
        let lease = self.store().lease(S::NAME, &self.owner, now.timestamp_micros(), until).await?;
        self.lease = lease.clone().map(|lease| (lease, (now + LEASE / 2).timestamp_micros()));
        Ok(lease)
    }

    /// Shows the subscriber what has happened; whether there is more.
    async fn follow(&mut self, lease: &Lease, now: chrono::DateTime<chrono::Utc>) -> Result<bool, store::Error> {
        let records = self.store().events_after(lease.position, STEP).await?;
        let Some(last) = records.last() else { return Ok(false) };
        let mut effects = Effects::new(lease, last.position);
        for record in &records {
            if let Err(error) = self.subscriber.observe(record, &mut effects) {
                tracing::error!(subscriber = S::NAME, position = record.position, error, "an event was put aside");
                effects.park(self.parked(record.position, error), now.timestamp_micros());
            }
        }
        let position = effects.position;
        self.store().apply(effects).await?;
        if let Some((lease, _)) = &mut self.lease {
            lease.position = position;
        }
        Ok(records.len() == STEP as usize)
    }

    /// Lets the subscriber act on what is due; whether there is more.
    async fn fire_due(&mut self, now: chrono::DateTime<chrono::Utc>) -> Result<bool, store::Error> {
        let mut more = false;
        for kind in S::TIMERS {
            more |= self.fire_kind(kind, now).await?;
        }
        Ok(more)
    }

    async fn fire_kind(&mut self, kind: &str, now: chrono::DateTime<chrono::Utc>) -> Result<bool, store::Error> {
        let due = self.store().due_timers(kind, now.timestamp_micros(), STEP).await?;
        let mut by_organization: BTreeMap<&str, Vec<Timer>> = BTreeMap::new();
        for timer in &due {
            by_organization.entry(&timer.organization).or_default().push(timer.clone());
        }
        let Some((lease, _)) = self.lease.clone() else { return Ok(false) };
        let mut effects = Effects::new(&lease, lease.position);
        let mut fired = Fired::default();
        let put_off = |error: &command::Error| {
            tracing::warn!(subscriber = S::NAME, %error, "timers will be tried again");
        };
        for (organization, timers) in by_organization {
            match self.subscriber.fire(&self.commands, organization, &timers).await {
                Ok(all) => fired.extend(all),
                // One of them is at fault, and the others must not suffer for it.
                Err(error) if is_of_the_timer(&error) => {
                    for timer in timers {
                        let alone = std::slice::from_ref(&timer);
                        match self.subscriber.fire(&self.commands, organization, alone).await {
                            Ok(one) => fired.extend(one),
                            Err(error) => fired.failed.push((timer, error)),
                        }
                    }
                }
                Err(error) => put_off(&error),
            }
        }
        for (timer, error) in std::mem::take(&mut fired.failed) {
            if is_of_the_timer(&error) {
                self.rest(timer, &error.to_string(), now, &mut effects);
            } else {
                put_off(&error);
            }
        }
        self.failures.retain(|key, _| !fired.done.iter().any(|timer| (&timer.kind, &timer.stream) == (&key.0, &key.1)));
        // One that is set for the same time again stays as it is.
        fired.done.retain(|timer| !fired.set.contains(timer));
        effects.clear_timers(&fired.done);
        for timer in fired.set {
            effects.set_timer(timer);
        }
        let moved = !effects.writes.is_empty();
        if moved {
            self.store().apply(effects).await?;
        }
        Ok(moved && due.len() == STEP as usize)
    }

    /// Sets a timer that cannot be dealt with for later, so that it stands in nobody's way.
    fn rest(&mut self, timer: Timer, error: &str, now: chrono::DateTime<chrono::Utc>, effects: &mut Effects) {
        let Timer { kind, stream, .. } = &timer;
        let failures = self.failures.entry((kind.clone(), stream.clone())).or_default();
        *failures += 1;
        let rest = REST.checked_mul(1 << (*failures - 1).min(6)).map_or(LONGEST_REST, |rest| rest.min(LONGEST_REST));
        if *failures == TRIES {
            tracing::error!(subscriber = S::NAME, kind, stream, error, "a timer fails again and again");
            effects.park(self.parked(0, format!("{kind}/{stream}: {error}")), now.timestamp_micros());
        } else {
            tracing::warn!(subscriber = S::NAME, kind, stream, error, "a timer will be tried again");
        }
        effects.set_timer(Timer { due_at: (now + rest).timestamp_micros(), ..timer });
    }

    fn parked(&self, position: i64, error: String) -> Parked {
        Parked { id: self.commands.ids.next::<EventId>().to_string(), position, error }
    }
}

/// Whether a failure comes of what is stored, and not of a database that is away or busy.
fn is_of_the_timer(error: &command::Error) -> bool {
    use store::Error::{Corrupt, Refused};
    matches!(error, command::Error::Store(Corrupt(_) | Refused(_)))
}

//! A node's part in delivering: claims endpoints, serves them in turn, writes down what came of it.
//!
//! One task owns all state. What takes time runs beside it and reports back as an [`Outcome`]: reading the log for an
//! endpoint, making an attempt, writing a batch of results. No database connection is held during a request.
//!
//! Fairness: endpoints take turns, with a quantum of first attempts each. An attempt that takes longer than a second gives
//! its slot back, and its endpoint gets no more until it is over; endpoints that fail, and everything that is tried again,
//! draw from small pools of slots of their own, and wait while half of all connections are in use. So receivers that hang
//! use up nothing that others need.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};

use super::{
    Webhooks,
    attempt::Made,
    endpoint::{Endpoint, Lane},
    faults::{FaultPoint, Faults, NoFaults},
};
use crate::{
    command::Commands,
    events::Piece,
    store::{self, Delivery, DeliveryBatch, NEVER, News},
};

mod holding;
mod results;
mod sending;

/// For how long a node may be silent before another takes its endpoints over.
pub const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often a node looks for endpoints that nobody serves, and for changes of those that it serves.
const SWEEP: TimeDelta = TimeDelta::seconds(1);
/// Endpoints that are read for at once.
const READERS: usize = 8;

/// Limits of a worker.
#[derive(Clone, Debug)]
pub struct Options {
    /// Endpoints held at once.
    pub hold: usize,
    /// First attempts at once, over all endpoints that are well.
    pub slots: usize,
    /// First attempts at once of endpoints that fail, and as many of what is tried again.
    pub suspect_slots: usize,
    /// Attempts under way at most, those that have given their slots back included: each may keep a connection open. While
    /// half as many are under way, nothing begins of endpoints that fail or of what is tried again.
    pub under_way: usize,
    /// Deliveries to be tried again that are in memory, for each endpoint at most.
    pub loaded: usize,
    /// First attempts at once of one endpoint, to begin with and at most.
    pub concurrency: (usize, usize),
    /// Failure for this long disables an endpoint.
    pub failing_limit: TimeDelta,
    /// How long finished deliveries stay in the log.
    pub retention: TimeDelta,
    /// How many deliveries of an endpoint stay in the log.
    pub keep: i64,
    /// How long attempts under way may go on when the node stops.
    pub grace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hold: 2_000,
            slots: 768,
            suspect_slots: 256,
            under_way: 2_048,
            loaded: 1_000,
            concurrency: (2, 32),
            failing_limit: TimeDelta::days(5),
            retention: TimeDelta::days(30),
            keep: 10_000,
            grace: Duration::from_secs(5),
        }
    }
}

/// How far a worker is; for tests and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Attempts begun.
    pub begun: u64,
    /// Attempts that are over.
    pub made: u64,
    /// Deliveries written.
    pub written: u64,
    /// Deliveries not written because the endpoint had passed to another node.
    pub lost: u64,
    /// Endpoints held.
    pub held: usize,
    /// Attempts under way.
    pub under_way: usize,
    /// Rounds.
    pub rounds: u64,
    /// Whether there was nothing to do at the end of the last round.
    pub settled: bool,
}

/// What was done beside the worker's own task.
enum Outcome {
    Read { webhook: String, epoch: i64, lane: Lane, piece: Result<Piece, store::Error>, permit: OwnedSemaphorePermit },
    First { webhook: String, epoch: i64, lane: Lane, sequence: i64, made: Result<Made, store::Error> },
    Retry { webhook: String, epoch: i64, due: i64, delivery: Box<Delivery>, made: Result<Made, store::Error> },
    Written { batch: DeliveryBatch, result: Result<store::Written, store::Error> },
    Disabled { webhook: String, epoch: i64 },
    Chore,
}

/// Where the node dies if a test says so.
#[derive(Clone)]
struct Fuse {
    faults: Arc<dyn Faults>,
    blown: Arc<watch::Sender<bool>>,
}

impl Fuse {
    /// Goes on, unless the node is dead: then never.
    async fn pass(&self, point: FaultPoint) {
        if *self.blown.borrow() || self.faults.strikes(point) {
            self.blown.send_replace(true);
            std::future::pending::<()>().await;
        }
    }
}

/// Delivers events on one node.
pub struct Worker {
    commands: Arc<Commands>,
    webhooks: Arc<Webhooks>,
    options: Options,
    owner: String,
    fuse: Fuse,
    progress: watch::Sender<Progress>,
    tasks: JoinSet<Outcome>,
    held: BTreeMap<String, Endpoint>,
    /// The endpoint whose turn comes first in the next round.
    next: String,
    /// The last place in the log of each organization with an endpoint here.
    heads: HashMap<String, i64>,
    /// When an organization's endpoints that nobody serves were last looked for.
    looked: HashMap<String, i64>,
    position: i64,
    slots: Arc<Semaphore>,
    /// For first attempts of endpoints that fail.
    probe_slots: Arc<Semaphore>,
    /// For what is tried again.
    suspect_slots: Arc<Semaphore>,
    /// Says when a slot was given back before its attempt was over.
    freed: Arc<Notify>,
    readers: Arc<Semaphore>,
    writing: bool,
    attempts: usize,
    sweep_at: i64,
    renew_at: i64,
    clean_at: i64,
    /// After a failure, when results are written again.
    write_at: i64,
    /// The endpoint that is written about first.
    write_next: String,
    /// Whether the log may have grown.
    grown: bool,
}

impl Worker {
    /// Prepares to deliver. `owner` must differ between nodes and between starts.
    pub fn new(commands: Arc<Commands>, webhooks: Arc<Webhooks>, options: Options, owner: String) -> Self {
        let (progress, _) = watch::channel(Progress::default());
        let blown = Arc::new(watch::channel(false).0);
        Self {
            slots: Arc::new(Semaphore::new(options.slots)),
            probe_slots: Arc::new(Semaphore::new(options.suspect_slots)),
            suspect_slots: Arc::new(Semaphore::new(options.suspect_slots)),
            freed: Arc::default(),
            readers: Arc::new(Semaphore::new(READERS)),
            fuse: Fuse { faults: Arc::new(NoFaults), blown },
            commands,
            webhooks,
            options,
            owner,
            progress,
            tasks: JoinSet::new(),
            held: BTreeMap::new(),
            next: String::new(),
            heads: HashMap::new(),
            looked: HashMap::new(),
            position: 0,
            writing: false,
            attempts: 0,
            sweep_at: 0,
            renew_at: 0,
            clean_at: 0,
            write_at: 0,
            write_next: String::new(),
            grown: true,
        }
    }

    /// Lets it die where a test says.
    #[must_use]
    pub fn with_faults(mut self, faults: Arc<dyn Faults>) -> Self {
        self.fuse.faults = faults;
        self
    }

    /// How far it is.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Delivers until told to stop, then lets attempts that are under way come to an end and gives everything back.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut follower = self.commands.store.follow();
        let mut blown = self.fuse.blown.subscribe();
        let clock = self.commands.clock.clone();
        let (webhooks, freed) = (self.webhooks.clone(), self.freed.clone());
        while !*stop.borrow() {
            let wake_at = tokio::select! {
                _ = blown.wait_for(|blown| *blown) => return,
                wake_at = self.round() => wake_at,
            };
            let finished = tokio::select! {
                biased;
                _ = blown.wait_for(|blown| *blown) => return,
                Some(finished) = self.tasks.join_next(), if !self.tasks.is_empty() => Some(finished),
                () = webhooks.nudge.notified() => {
                    self.sweep_at = 0;
                    None
                }
                () = freed.notified() => None,
                () = follower.changed() => {
                    self.grown = true;
                    None
                }
                () = clock.sleep_until(time(wake_at)) => None,
                _ = stop.changed() => None,
            };
            let mut finished = finished;
            while let Some(outcome) = finished {
                self.take(outcome);
                finished = self.tasks.try_join_next();
            }
        }
        // What is still under way after that is made again by whoever takes the endpoint next.
        _ = tokio::time::timeout(self.options.grace, self.give_back()).await;
    }

    fn now(&self) -> i64 {
        self.commands.now().timestamp_micros()
    }

    /// Does everything that can be done now, and answers when there will be more to do by itself.
    async fn round(&mut self) -> i64 {
        let now = self.now();
        let mut failed = false;
        if let Err(error) = self.look(now).await {
            tracing::warn!(%error, "webhooks: the store cannot be asked right now");
            failed = true;
        }
        if !failed {
            self.serve(now);
        }
        self.write(now);
        let wake_at = self.wake_at(now);
        let settled = self.tasks.is_empty() && wake_at > now;
        self.progress.send_modify(|progress| {
            progress.held = self.held.len();
            progress.under_way = self.attempts;
            progress.rounds += 1;
            progress.settled = settled && !failed;
        });
        // After a failure a moment passes before the next try, whatever is due.
        if failed { now + SWEEP.num_microseconds().unwrap_or(0) } else { wake_at }
    }

    /// Finds out what is new: in the log, about the endpoints held, and about those that nobody serves.
    async fn look(&mut self, now: i64) -> Result<(), store::Error> {
        let store = self.commands.store.clone();
        let mut organizations = Vec::new();
        let sweeps = now >= self.sweep_at;
        let news = if self.grown || sweeps { store.news(self.position).await? } else { News::at(self.position) };
        self.grown = false;
        for (organization, head) in news.organizations {
            let looked = self.looked.get(&organization).copied().unwrap_or(0);
            if looked + SWEEP.num_microseconds().unwrap_or(0) <= now {
                organizations.push(organization.clone());
            }
            self.heads.insert(organization, head);
        }
        self.position = news.position;
        if now >= self.renew_at {
            // Whoever holds nothing leaves the writer in peace.
            if !self.held.is_empty() {
                let until = time(now) + LEASE;
                store.renew_endpoints(&self.owner, until.timestamp_micros()).await?;
            }
            self.renew_at = (time(now) + LEASE / 3).timestamp_micros();
        }
        if sweeps {
            self.sweep_at = (time(now) + SWEEP).timestamp_micros();
            let here: HashSet<&String> = self.held.values().map(|endpoint| &endpoint.settings.organization).collect();
            self.heads.retain(|organization, _| here.contains(organization));
            self.looked.retain(|_, looked| *looked + SWEEP.num_microseconds().unwrap_or(0) > now);
            self.compare().await?;
            self.claim(None, now).await?;
            self.retire(now);
            self.clean(now);
        } else if !organizations.is_empty() {
            self.looked.extend(organizations.iter().map(|organization| (organization.clone(), now)));
            self.claim(Some(organizations), now).await?;
        }
        Ok(())
    }

    /// Takes note of what was done.
    fn take(&mut self, finished: Result<Outcome, tokio::task::JoinError>) {
        let now = self.now();
        match finished {
            Ok(Outcome::Read { webhook, epoch, lane, piece, permit }) => {
                self.read(&webhook, epoch, lane, piece, permit, now);
            }
            Ok(Outcome::First { webhook, epoch, lane, sequence, made }) => {
                self.attempts -= 1;
                if let Some(endpoint) = self.held.get_mut(&webhook).filter(|endpoint| endpoint.epoch == epoch)
                    && let Some(cursor) = endpoint.cursor(lane)
                {
                    cursor.under_way.remove(&sequence);
                    if made.is_err() {
                        // Nothing was sent. Whoever takes the endpoint next reads the place again.
                        cursor.scanned = cursor.scanned.min(sequence - 1);
                        (endpoint.draining, endpoint.again) = (true, true);
                    }
                }
                self.made(&webhook, epoch, made, now);
            }
            Ok(Outcome::Retry { webhook, epoch, due, delivery, made }) => {
                self.attempts -= 1;
                if let Some(endpoint) = self.held.get_mut(&webhook).filter(|endpoint| endpoint.epoch == epoch) {
                    endpoint.retrying.remove(&(due, delivery.id.clone()));
                    if made.is_err() {
                        endpoint.retries.insert((due, delivery.id.clone()), *delivery);
                    }
                }
                self.made(&webhook, epoch, made, now);
            }
            Ok(Outcome::Written { batch, result }) => self.written(batch, result),
            Ok(Outcome::Disabled { webhook, epoch }) => {
                if let Some(endpoint) = self.held.get_mut(&webhook).filter(|endpoint| endpoint.epoch == epoch) {
                    endpoint.disabling = false;
                }
            }
            Ok(Outcome::Chore) => {}
            // A defect. Which endpoint it was about is not known, so that all are given up, and what is under way with
            // them: its results would belong to nobody.
            Err(error) => {
                tracing::error!(%error, "webhooks: a task has failed; everything is taken up anew");
                self.held.clear();
                self.tasks = JoinSet::new();
                (self.writing, self.attempts) = (false, 0);
                self.sweep_at = 0;
            }
        }
    }

    /// When there is something to do without anybody saying so.
    fn wake_at(&self, now: i64) -> i64 {
        let mut wake_at = self.sweep_at.min(self.renew_at);
        if self.write_at > now {
            wake_at = wake_at.min(self.write_at);
        }
        for endpoint in self.held.values() {
            let at = endpoint.unwritable_until;
            if at > now {
                wake_at = wake_at.min(at);
            }
        }
        for endpoint in self.held.values().filter(|endpoint| !endpoint.draining) {
            for at in [endpoint.wake_at(), endpoint.held_until, endpoint.asked_until] {
                // What is due already waits for a slot, and a slot wakes by itself.
                if at > now && at < NEVER {
                    wake_at = wake_at.min(at);
                }
            }
        }
        wake_at
    }

    /// Lets what is under way come to an end, and gives every endpoint back.
    async fn give_back(&mut self) {
        loop {
            let now = self.now();
            for endpoint in self.held.values_mut() {
                endpoint.draining = true;
            }
            self.write(now);
            match self.tasks.join_next().await {
                Some(finished) => self.take(finished),
                None if self.held.is_empty() => return,
                // Results could not be written, and will be tried again in a moment.
                None => {
                    let again = self.write_at.max((time(now) + SWEEP).timestamp_micros());
                    self.commands.clock.sleep_until(time(again)).await;
                }
            }
        }
    }
}

fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

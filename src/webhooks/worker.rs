//! A node's part in delivering: claims endpoints, serves them in turn, writes down what came of it.
//!
//! One task owns all state. What takes time runs beside it and reports back as an [`Outcome`]: reading the log for an
//! endpoint, making an attempt, writing a batch of results. No database connection is held during a request.
//!
//! Fairness: endpoints take turns, with a quantum of first attempts each. An attempt that takes longer than a second gives
//! its slot back, and its endpoint gets no more until it is over; an endpoint that fails, and everything that is tried
//! again, draws from a small pool of slots of its own. So receivers that hang use up nothing that others need.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use aggregates::{
    id::{DeliveryId, Id as _},
    webhook::DisabledReason,
};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};

use super::{
    Webhooks,
    attempt::{self, Made},
    endpoint::{Endpoint, Lane, PATIENCE},
    faults::{FaultPoint, Faults, NoFaults},
    settings::{self, Settings},
};
use crate::{
    command::{Caller, Commands, webhooks::DisableWebhook},
    events::{Piece, Selection},
    store::{self, Delivery, DeliveryBatch, DeliveryStatus, EndpointUpdate, NEVER, News, Source},
};

/// For how long a node may be silent before another takes its endpoints over.
pub const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often a node looks for endpoints that nobody serves, and for changes of those that it serves.
const SWEEP: TimeDelta = TimeDelta::seconds(1);
/// An endpoint without work is given back after this time.
const IDLE: TimeDelta = TimeDelta::seconds(30);
/// First attempts of one endpoint in one turn.
const QUANTUM: usize = 8;
/// Endpoints taken at once.
const CLAIM: usize = 100;
/// Endpoints that are read for at once.
const READERS: usize = 8;
/// Pause between two events of a replay.
const REPLAY_PAUSE: i64 = 20_000;
/// Places that an endpoint may be ahead of what is written of it without having had anything to deliver.
const LAG: i64 = 5_000;
/// Deliveries written between two trims of an endpoint's log.
const TRIM: usize = 1_000;
/// How often old deliveries are looked for.
const CLEAN: TimeDelta = TimeDelta::hours(1);

/// Limits of a worker.
#[derive(Clone, Debug)]
pub struct Options {
    /// Endpoints held at once.
    pub hold: usize,
    /// First attempts at once, over all endpoints that are well.
    pub slots: usize,
    /// Attempts at once of endpoints that fail, and of what is tried again.
    pub suspect_slots: usize,
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
    Written { batch: DeliveryBatch, result: Result<Vec<String>, store::Error> },
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
    suspect_slots: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    writing: bool,
    attempts: usize,
    sweep_at: i64,
    renew_at: i64,
    clean_at: i64,
    /// After a failure, when results are written again.
    write_at: i64,
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
            suspect_slots: Arc::new(Semaphore::new(options.suspect_slots)),
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
        let webhooks = self.webhooks.clone();
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

    /// Compares what is held with what the database says.
    async fn compare(&mut self) -> Result<(), store::Error> {
        let store = self.commands.store.clone();
        let standings = store.endpoints_of(&self.owner).await?;
        let mut stray = Vec::new();
        let mut ours = HashSet::new();
        for standing in standings {
            let Some(endpoint) = self.held.get_mut(&standing.webhook) else {
                stray.push(standing.webhook);
                continue;
            };
            if endpoint.epoch != standing.epoch || standing.version == 0 {
                continue;
            }
            if endpoint.signals != standing.signals || endpoint.settings.version != standing.version {
                (endpoint.draining, endpoint.again) = (true, true);
            }
            ours.insert(standing.webhook);
        }
        // Deleted, or in other hands.
        self.held.retain(|webhook, endpoint| endpoint.releasing || ours.contains(webhook));
        if !stray.is_empty() {
            store.abandon_endpoints(&self.owner, stray).await?;
        }
        Ok(())
    }

    /// Takes endpoints that nobody serves.
    async fn claim(&mut self, organizations: Option<Vec<String>>, now: i64) -> Result<(), store::Error> {
        let store = self.commands.store.clone();
        let found = store.endpoints_to_serve(organizations, now, CLAIM as i64).await?;
        let mut wanted: Vec<String> = found.into_iter().filter(|webhook| !self.held.contains_key(webhook)).collect();
        let room = self.options.hold.saturating_sub(self.held.len());
        if wanted.len() > room {
            self.make_room(wanted.len() - room, now);
            wanted.truncate(room);
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let until = (time(now) + LEASE).timestamp_micros();
        let claimed = store.claim_endpoints(wanted, &self.owner, now, until).await?;
        self.fuse.pass(FaultPoint::Claimed).await;
        for claimed in claimed {
            let webhook = claimed.webhook.clone();
            match Settings::open(&store, &claimed.document).await {
                Ok(settings) => {
                    let (initial, loaded) = (self.options.concurrency.0, store::LOADED as usize);
                    self.heads.remove(&settings.organization);
                    let endpoint = Endpoint::new(claimed, settings, initial, now, loaded);
                    self.held.insert(webhook, endpoint);
                }
                // It stays leased, and is tried again when the lease has run out.
                Err(error) => tracing::error!(webhook, %error, "an endpoint cannot be served"),
            }
        }
        Ok(())
    }

    /// Others wait for what is held here: those that were held longest go.
    fn make_room(&mut self, wanted: usize, now: i64) {
        let leaving = self.held.values().filter(|endpoint| endpoint.draining).count();
        let turn = SWEEP.num_microseconds().unwrap_or(0);
        let mut longest: Vec<(i64, &String)> = self
            .held
            .iter()
            .filter(|(_, endpoint)| !endpoint.draining && endpoint.taken_at + turn <= now)
            .map(|(webhook, endpoint)| (endpoint.taken_at, webhook))
            .collect();
        longest.sort_unstable();
        let go: Vec<String> =
            longest.into_iter().take(wanted.saturating_sub(leaving)).map(|(_, webhook)| webhook.clone()).collect();
        for webhook in go {
            if let Some(endpoint) = self.held.get_mut(&webhook) {
                endpoint.draining = true;
            }
        }
    }

    /// Lets go of endpoints that have had nothing to do for a while.
    fn retire(&mut self, now: i64) {
        let idle = IDLE.num_microseconds().unwrap_or(0);
        for endpoint in self.held.values_mut() {
            let head = self.heads.get(&endpoint.settings.organization).copied().unwrap_or(0);
            let quiet = endpoint.wake_at() > now && endpoint.lane(head, now).is_none();
            if quiet && endpoint.is_idle() && endpoint.active_at + idle <= now {
                endpoint.draining = true;
            }
        }
    }

    /// Deletes what has been in the log for long enough.
    fn clean(&mut self, now: i64) {
        if now < self.clean_at {
            return;
        }
        self.clean_at = (time(now) + CLEAN).timestamp_micros();
        let before = time(now) - self.options.retention;
        let store = self.commands.store.clone();
        self.tasks.spawn(async move {
            let milliseconds = u128::try_from(before.timestamp_millis()).unwrap_or(0);
            let bound = DeliveryId::from_uuid(uuid::Uuid::from_u128(milliseconds << 80)).to_string();
            // What is left is found again in an hour.
            while store.sweep_deliveries(&bound, before.timestamp_micros(), 500).await.is_ok_and(|n| n > 0) {}
            Outcome::Chore
        });
    }

    /// Lets every endpoint have its turn, as long as there are slots.
    fn serve(&mut self, now: i64) {
        let later = self.held.range(self.next.clone()..).map(|(webhook, _)| webhook.clone());
        let sooner = self.held.range(..self.next.clone()).map(|(webhook, _)| webhook.clone());
        let order: Vec<String> = later.chain(sooner).collect();
        if let Some(second) = order.get(1) {
            self.next.clone_from(second);
        }
        for webhook in &order {
            self.begin_reading(webhook, now);
        }
        for webhook in &order {
            self.begin_retries(webhook, now);
        }
    }

    /// Reads as many events as there are slots for, so that each body is sent as soon as it is rendered.
    fn begin_reading(&mut self, webhook: &str, now: i64) {
        let Some(endpoint) = self.held.get_mut(webhook) else { return };
        let head = self.heads.get(&endpoint.settings.organization).copied().unwrap_or(i64::MAX);
        let Some(lane) = endpoint.lane(head, now) else { return };
        let pool = if endpoint.failing_since.is_some() { &self.suspect_slots } else { &self.slots };
        // A congested endpoint is probed with one event.
        let probing = endpoint.failing_since.is_some() && endpoint.held_until > 0;
        let wanted = if probing { 1 } else { endpoint.room(now).min(QUANTUM) };
        let wanted = wanted.min(pool.available_permits());
        let Ok(permit) = pool.clone().try_acquire_many_owned(u32::try_from(wanted).unwrap_or(0)) else { return };
        if wanted == 0 {
            return;
        }
        endpoint.filling = true;
        endpoint.replay_next = lane == Lane::Live;
        let selection = selection(endpoint, lane);
        let after = endpoint.cursor(lane).map_or(0, |cursor| cursor.scanned);
        let (webhook, epoch) = (webhook.to_owned(), endpoint.epoch);
        let organization = endpoint.settings.organization.clone();
        let (store, readers, fuse) = (self.commands.store.clone(), self.readers.clone(), self.fuse.clone());
        self.tasks.spawn(async move {
            // Never closed.
            let _reader = readers.acquire().await;
            let piece = store.public_events_of(&organization, after, wanted, &selection).await;
            fuse.pass(FaultPoint::Rendered).await;
            Outcome::Read { webhook, epoch, lane, piece, permit }
        });
    }

    /// Starts what is due to be tried again.
    fn begin_retries(&mut self, webhook: &str, now: i64) {
        loop {
            let Some(endpoint) = self.held.get_mut(webhook) else { return };
            if endpoint.draining || endpoint.releasing || endpoint.retry_room() == 0 {
                return;
            }
            let due = endpoint.retries.first_key_value().is_some_and(|((due, _), _)| *due <= now);
            if !due {
                return;
            }
            let Ok(permit) = self.suspect_slots.clone().try_acquire_owned() else { return };
            let Some((key, delivery)) = endpoint.retries.pop_first() else { return };
            endpoint.active_at = now;
            endpoint.retrying.insert(key.clone());
            let (settings, epoch) = (endpoint.settings.clone(), endpoint.epoch);
            let (webhook, fuse) = (webhook.to_owned(), self.fuse.clone());
            let (commands, webhooks) = (self.commands.clone(), self.webhooks.clone());
            self.attempts += 1;
            self.progress.send_modify(|progress| progress.begun += 1);
            self.tasks.spawn(async move {
                fuse.pass(FaultPoint::Sending).await;
                let (store, clock) = (&commands.store, &commands.clock);
                let made = attempt::make(&webhooks, store, clock, &settings, delivery.clone(), None).await;
                fuse.pass(FaultPoint::Answered).await;
                drop(permit);
                Outcome::Retry { webhook, epoch, due: key.0, delivery: Box::new(delivery), made }
            });
        }
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
            // A defect. The endpoint's lease is kept by what it still seems to have under way, so it is given up.
            Err(error) => {
                tracing::error!(%error, "webhooks: a task has failed; everything is taken up anew");
                self.held.clear();
                self.sweep_at = 0;
            }
        }
    }

    fn read(
        &mut self,
        webhook: &str,
        epoch: i64,
        lane: Lane,
        piece: Result<Piece, store::Error>,
        mut permit: OwnedSemaphorePermit,
        now: i64,
    ) {
        let Some(endpoint) = self.held.get_mut(webhook).filter(|endpoint| endpoint.epoch == epoch) else { return };
        endpoint.filling = false;
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => {
                tracing::warn!(webhook, %error, "the log cannot be read for an endpoint right now");
                endpoint.held_until = endpoint.held_until.max(now + 1_000_000);
                return;
            }
        };
        let settings = endpoint.settings.clone();
        // The log may have grown since this was read, and that may be known already.
        let head = self.heads.entry(settings.organization.clone()).or_insert(0);
        *head = piece.head.max(*head);
        let mut events = piece.events;
        let mut next = piece.next;
        if lane == Lane::Replay
            && let Some((replay, _)) = &mut endpoint.replay
        {
            next = next.min(replay.upto);
            events.retain(|event| {
                let at = event.at.timestamp_micros();
                event.sequence <= replay.upto
                    && replay.since.is_none_or(|since| at >= since)
                    && replay.until.is_none_or(|until| at < until)
            });
            replay.next_at = now + REPLAY_PAUSE * i64::try_from(events.len()).unwrap_or(0);
        }
        let replay_id = match (lane, &endpoint.replay) {
            (Lane::Replay, Some((replay, _))) => replay.id.clone(),
            _ => String::new(),
        };
        let Some(cursor) = endpoint.cursor(lane) else { return };
        cursor.scanned = cursor.scanned.max(next);
        events.retain(|event| !cursor.tried.remove(&event.sequence));
        cursor.under_way.extend(events.iter().map(|event| (event.sequence, now)));
        if !events.is_empty() {
            endpoint.active_at = now;
        }
        for event in events {
            let Some(slot) = permit.split(1) else { break };
            let delivery = Delivery {
                id: self.commands.new_id::<DeliveryId>().to_string(),
                webhook: webhook.to_owned(),
                organization: event.organization.clone(),
                event_id: event.id.clone(),
                event_type: event.name.to_owned(),
                sequence: event.sequence,
                source: if lane == Lane::Live { Source::Live } else { Source::Replay },
                replay: replay_id.clone(),
                status: DeliveryStatus::Pending,
                attempts: 0,
                next_attempt_at: Some(now),
                http_status: None,
                reason: None,
                created_at: now,
                finished_at: None,
            };
            self.attempts += 1;
            self.progress.send_modify(|progress| progress.begun += 1);
            let (webhook, settings, fuse) = (webhook.to_owned(), settings.clone(), self.fuse.clone());
            let (commands, webhooks) = (self.commands.clone(), self.webhooks.clone());
            self.tasks.spawn(async move {
                fuse.pass(FaultPoint::Sending).await;
                let (store, clock) = (&commands.store, &commands.clock);
                let attempt = attempt::make(&webhooks, store, clock, &settings, delivery, Some(event.body));
                let made = within(slot, clock.sleep(TimeDelta::microseconds(PATIENCE)), attempt).await;
                fuse.pass(FaultPoint::Answered).await;
                Outcome::First { webhook, epoch, lane, sequence: event.sequence, made }
            });
        }
    }

    fn made(&mut self, webhook: &str, epoch: i64, made: Result<Made, store::Error>, now: i64) {
        self.progress.send_modify(|progress| progress.made += 1);
        let max = self.options.concurrency.1;
        let made = match made {
            Ok(made) => made,
            Err(error) => {
                tracing::warn!(webhook, %error, "an attempt could not be prepared and will be made later");
                if let Some(endpoint) = self.held.get_mut(webhook) {
                    endpoint.held_until = endpoint.held_until.max(now + 1_000_000);
                }
                return;
            }
        };
        let outcome = if made.arrived { "arrived" } else { "failed" };
        metrics::counter!("webhook_attempts_total", "outcome" => outcome).increment(1);
        let Some(endpoint) = self.held.get_mut(webhook).filter(|endpoint| endpoint.epoch == epoch) else {
            self.progress.send_modify(|progress| progress.lost += 1);
            return;
        };
        if made.arrived {
            endpoint.succeeded(made.latency, max);
        } else {
            endpoint.failed(now, made.retry_after);
        }
        if let (DeliveryStatus::Pending, Some(next)) = (made.delivery.status, made.delivery.next_attempt_at) {
            endpoint.retries.insert((next, made.delivery.id.clone()), made.delivery.clone());
        }
        endpoint.deliveries.insert(made.delivery.id.clone(), made.delivery);
        endpoint.attempts.push(made.attempt);
        let limit = self.options.failing_limit.num_microseconds().unwrap_or(i64::MAX);
        let failing = endpoint.failing_since.is_some_and(|since| now - since >= limit);
        let reason = match (made.gone, failing) {
            (true, _) => DisabledReason::Gone,
            (false, true) => DisabledReason::Failing,
            (false, false) => return,
        };
        if !endpoint.disabling {
            (endpoint.disabling, endpoint.draining) = (true, true);
            self.disable(webhook, epoch, reason);
        }
    }

    fn disable(&mut self, webhook: &str, epoch: i64, reason: DisabledReason) {
        let Some(endpoint) = self.held.get(webhook) else { return };
        let Ok(organization) = endpoint.settings.organization.parse() else { return };
        let (commands, webhook) = (self.commands.clone(), webhook.to_owned());
        let Ok(id) = webhook.parse() else { return };
        self.tasks.spawn(async move {
            let caller = Caller { organization, actor: "webhooks".to_owned(), request_id: format!("disable_{epoch}") };
            match commands.run(&caller, None, &DisableWebhook { id, reason }).await {
                Ok(_) => tracing::info!(webhook, reason = reason.as_str(), "an endpoint was disabled"),
                // It goes on failing, and the next attempt comes to the same conclusion.
                Err(error) => tracing::warn!(webhook, %error, "an endpoint could not be disabled"),
            }
            Outcome::Disabled { webhook, epoch }
        });
    }

    /// Writes what is new about endpoints, one batch at a time: what is found out meanwhile makes up the next one.
    fn write(&mut self, now: i64) {
        if self.writing || now < self.write_at {
            return;
        }
        let mut updates = Vec::new();
        for (webhook, endpoint) in &mut self.held {
            let lagging = endpoint.live.position() - endpoint.written > LAG;
            let finished = endpoint.replay.as_ref().is_some_and(|(replay, cursor)| cursor.position() >= replay.upto);
            if finished && !endpoint.draining {
                // The next replay, if there is one, comes with the next claim.
                (endpoint.draining, endpoint.again) = (true, true);
            }
            if endpoint.draining && endpoint.is_idle() {
                endpoint.releasing = true;
            } else if !endpoint.has_results() && !lagging {
                continue;
            }
            updates.push(endpoint.update(webhook, now));
        }
        if updates.is_empty() {
            return;
        }
        self.writing = true;
        let (store, fuse) = (self.commands.store.clone(), self.fuse.clone());
        self.tasks.spawn(async move {
            fuse.pass(FaultPoint::BeforeWrite).await;
            let mut batch = DeliveryBatch { updates, break_off: false };
            let releases = batch.updates.iter().any(|update| update.release);
            if fuse.faults.strikes(FaultPoint::InWrite) {
                batch.break_off = true;
                _ = store.record_deliveries(batch).await;
                fuse.blown.send_replace(true);
                return std::future::pending().await;
            }
            let result = store.record_deliveries(batch.clone()).await;
            fuse.pass(FaultPoint::Written).await;
            if releases {
                fuse.pass(FaultPoint::Released).await;
            }
            Outcome::Written { batch, result }
        });
    }

    fn written(&mut self, batch: DeliveryBatch, result: Result<Vec<String>, store::Error>) {
        self.writing = false;
        let accepted: HashSet<String> = match result {
            Ok(accepted) => accepted.into_iter().collect(),
            Err(error) => {
                tracing::warn!(%error, "results of deliveries could not be written and are kept");
                self.write_at = (self.commands.now() + SWEEP).timestamp_micros();
                for update in batch.updates {
                    if let Some(endpoint) = self.held.get_mut(&update.webhook) {
                        endpoint.restore(update);
                    }
                }
                return;
            }
        };
        for update in batch.updates {
            let EndpointUpdate { webhook, epoch, deliveries, release, .. } = update;
            let count = deliveries.len();
            if !accepted.contains(&webhook) {
                self.held.retain(|held, endpoint| *held != webhook || endpoint.epoch != epoch);
                self.progress.send_modify(|progress| progress.lost += count as u64);
                continue;
            }
            self.progress.send_modify(|progress| progress.written += count as u64);
            if release {
                if let Some(endpoint) = self.held.remove(&webhook) {
                    let head = self.heads.get(&endpoint.settings.organization).copied().unwrap_or(0);
                    // Something may have happened while it was on its way out.
                    if endpoint.again || head > endpoint.live.scanned {
                        self.sweep_at = 0;
                    }
                }
                continue;
            }
            if let Some(endpoint) = self.held.get_mut(&webhook) {
                endpoint.since_trim += count;
                if endpoint.since_trim >= TRIM {
                    endpoint.since_trim = 0;
                    let (store, keep) = (self.commands.store.clone(), self.options.keep);
                    self.tasks.spawn(async move {
                        // What is left is found the next time.
                        _ = store.trim_deliveries(&webhook, keep).await;
                        Outcome::Chore
                    });
                }
            }
        }
    }

    /// When there is something to do without anybody saying so.
    fn wake_at(&self, now: i64) -> i64 {
        let mut wake_at = self.sweep_at.min(self.renew_at);
        if self.write_at > now {
            wake_at = wake_at.min(self.write_at);
        }
        for endpoint in self.held.values().filter(|endpoint| !endpoint.draining) {
            for at in [endpoint.wake_at(), endpoint.held_until] {
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
                None => tokio::task::yield_now().await,
            }
        }
    }
}

/// Keeps a slot while work is done, but gives it back when the work takes too long: others need it.
async fn within<T>(slot: OwnedSemaphorePermit, patience: impl Future<Output = ()>, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return done,
        () = patience => drop(slot),
    }
    work.await
}

fn selection(endpoint: &Endpoint, lane: Lane) -> Selection {
    let mut selection = endpoint.settings.selection.clone();
    if let (Lane::Replay, Some((replay, _))) = (lane, &endpoint.replay)
        && let Some(patterns) = &replay.event_types
    {
        selection.types = settings::types(patterns);
    }
    selection
}

fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

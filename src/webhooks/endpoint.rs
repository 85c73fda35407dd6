//! An endpoint in the hands of a node: where its cursors are, what is under way, and how much it can take.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use chrono::TimeDelta;

use super::settings::Settings;
use crate::store::{Attempt, Claimed, Delivery, EndpointUpdate, NEVER, Replay, Source};

/// Deliveries waiting for another attempt from which on a failing endpoint is congested: it gets one first attempt a
/// minute, and its backlog stays in the log, where it costs nothing.
const CONGESTED: usize = 100;
/// The pause between two first attempts of a congested endpoint.
const PROBE: i64 = 60_000_000;
/// The longest time for which a receiver's `Retry-After` holds back everything else, too.
const MAX_HOLD: i64 = 3_600_000_000;
/// After so long, an attempt gives its slot back and goes on without one (in µs).
pub const PATIENCE: i64 = 1_000_000;
/// An answer that takes longer is no reason to send more at once.
const SLOW: TimeDelta = TimeDelta::seconds(5);

/// Which of an endpoint's cursors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What happens now.
    Live,
    /// What is sent once more.
    Replay,
}

/// A place in the log, and what is under way in front of it.
#[derive(Debug, Default)]
pub struct Cursor {
    /// Everything up to here has been read.
    pub scanned: i64,
    /// Places whose first attempt is under way, and since when.
    pub under_way: BTreeMap<i64, i64>,
    /// Places that had been tried already when the endpoint was taken.
    pub tried: HashSet<i64>,
}

impl Cursor {
    /// Everything up to here is dealt with.
    pub fn position(&self) -> i64 {
        let before = |(first, _): (&i64, &i64)| (first - 1).min(self.scanned);
        self.under_way.first_key_value().map_or(self.scanned, before)
    }
}

/// An endpoint that this node serves.
pub struct Endpoint {
    /// Names the claim.
    pub epoch: i64,
    /// Signals that are known.
    pub signals: i64,
    /// The endpoint itself.
    pub settings: Arc<Settings>,
    /// First attempts of new events.
    pub live: Cursor,
    /// First attempts of a replay.
    pub replay: Option<(Replay, Cursor)>,
    /// What is to be tried again, by time.
    pub retries: BTreeMap<(i64, String), Delivery>,
    /// Where those end that were loaded, if there are more of them.
    pub more_after: Option<(i64, String)>,
    /// Retries under way, by the time at which they were due.
    pub retrying: BTreeSet<(i64, String)>,
    /// First attempts at once, at most.
    pub limit: usize,
    credit: usize,
    /// Whether nothing has failed yet: then the limit grows with each success.
    unharmed: bool,
    /// Since when every attempt has failed.
    pub failing_since: Option<i64>,
    /// No first attempt before this time, unless one of what is tried again arrives.
    pub held_until: i64,
    /// No attempt at all before this time: the receiver has asked for it.
    pub asked_until: i64,
    /// What it did could not be written; not to be tried again before this time.
    pub unwritable_until: i64,
    /// Whether events are being read for it.
    pub filling: bool,
    /// Whose turn it is to be read for.
    pub replay_next: bool,
    /// No new attempt; it is given back once everything is written.
    pub draining: bool,
    /// It is being disabled.
    pub disabling: bool,
    /// It is being given back.
    pub releasing: bool,
    /// It is to be taken up again at once: there may be more than is known here.
    pub again: bool,
    /// When it was taken.
    pub taken_at: i64,
    /// When there was last something to do.
    pub active_at: i64,
    /// The place that is written down.
    pub written: i64,
    /// Results that are not written yet.
    pub deliveries: BTreeMap<String, Delivery>,
    /// The attempts that they come from.
    pub attempts: Vec<Attempt>,
    /// Results written since the log was last trimmed.
    pub since_trim: usize,
}

impl Endpoint {
    /// Goes on where the node before stopped.
    pub fn new(claimed: Claimed, settings: Settings, initial: usize, now: i64, loaded: usize) -> Self {
        let mut tried = claimed.tried;
        let live = Cursor {
            scanned: claimed.sequence,
            tried: tried.remove("").unwrap_or_default(),
            under_way: BTreeMap::new(),
        };
        let replay = claimed.replay.map(|replay| {
            let tried = tried.remove(&replay.id).unwrap_or_default();
            let cursor = Cursor { scanned: replay.sequence, tried, under_way: BTreeMap::new() };
            (replay, cursor)
        });
        // Whether a receiver asked for the pause is not written down; those that we make ourselves are short.
        let held = if claimed.first_at - now <= PROBE { (claimed.first_at, 0) } else { (0, claimed.first_at) };
        let due = |delivery: &Delivery| delivery.next_attempt_at.unwrap_or(0);
        let last = claimed.pending.last().filter(|_| claimed.pending.len() >= loaded);
        let more_after = last.map(|last| (due(last), last.id.clone()));
        Self {
            epoch: claimed.epoch,
            signals: claimed.signals,
            live,
            replay,
            retries: claimed.pending.into_iter().map(|one| ((due(&one), one.id.clone()), one)).collect(),
            more_after,
            retrying: BTreeSet::new(),
            limit: if claimed.failing_since.is_some() { 1 } else { initial },
            credit: 0,
            unharmed: true,
            failing_since: claimed.failing_since,
            held_until: held.0,
            asked_until: held.1,
            unwritable_until: 0,
            filling: false,
            replay_next: false,
            draining: !settings.enabled(),
            disabling: false,
            releasing: false,
            again: false,
            taken_at: now,
            active_at: now,
            written: claimed.sequence,
            deliveries: BTreeMap::new(),
            attempts: Vec::new(),
            since_trim: 0,
            settings: Arc::new(settings),
        }
    }

    /// First attempts under way.
    pub fn first_attempts(&self) -> usize {
        self.live.under_way.len() + self.replay.as_ref().map_or(0, |(_, cursor)| cursor.under_way.len())
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.first_attempts() == 0 && self.retrying.is_empty() && !self.filling && !self.disabling
    }

    /// Whether results wait to be written.
    pub fn has_results(&self) -> bool {
        !self.deliveries.is_empty() || !self.attempts.is_empty()
    }

    /// Rows and bytes that wait to be written.
    pub fn unwritten(&self) -> (usize, usize) {
        let bytes = self.attempts.iter().map(|attempt| attempt.sealed.len()).sum();
        (self.deliveries.len() + self.attempts.len(), bytes)
    }

    /// Whether there is something to be tried again by now that was not loaded, or is due before what was.
    pub fn must_reload(&self, now: i64) -> bool {
        self.more_after
            .as_ref()
            .is_some_and(|last| last.0 <= now && self.retries.keys().next().is_none_or(|first| first > last))
    }

    /// Whether an attempt takes so long that the endpoint had better not get more for now.
    pub fn is_slow(&self, now: i64) -> bool {
        let replay = self.replay.iter().flat_map(|(_, cursor)| cursor.under_way.values());
        self.live.under_way.values().chain(replay).any(|begun| begun + PATIENCE <= now)
    }

    /// How many first attempts may begin now.
    pub fn room(&self, now: i64) -> usize {
        if self.settings.api.ordered {
            let busy = self.first_attempts() + self.retrying.len();
            return usize::from(busy == 0);
        }
        let limit = if self.is_slow(now) { 1 } else { self.limit };
        limit.saturating_sub(self.first_attempts())
    }

    /// How many retries may begin now. They have room of their own, so that first attempts need not wait for them.
    pub fn retry_room(&self) -> usize {
        if self.settings.api.ordered {
            return usize::from(self.first_attempts() + self.retrying.len() == 0 && !self.filling);
        }
        (self.limit / 2).max(1).saturating_sub(self.retrying.len())
    }

    /// Whether first attempts on a lane must wait for one that is to be tried again.
    pub fn is_blocked(&self, lane: Lane) -> bool {
        let source = match lane {
            Lane::Live => Source::Live,
            Lane::Replay => Source::Replay,
        };
        self.settings.api.ordered && self.retries.values().any(|delivery| delivery.source == source)
    }

    /// The lane that may be read for now, if `head` is the last place in the log.
    pub fn lane(&self, head: i64, now: i64) -> Option<Lane> {
        let held = now < self.held_until.max(self.asked_until);
        if self.draining || self.filling || self.releasing || self.room(now) == 0 || held {
            return None;
        }
        let live = head > self.live.scanned && !self.is_blocked(Lane::Live);
        let replay = self.replay.as_ref().is_some_and(|(replay, cursor)| {
            cursor.scanned < replay.upto
                && replay.next_at <= now
                && cursor.under_way.len() < (self.limit / 2).max(1)
                && !self.is_blocked(Lane::Replay)
        });
        match (live, replay) {
            (true, true) => Some(if self.replay_next { Lane::Replay } else { Lane::Live }),
            (true, false) => Some(Lane::Live),
            (false, true) => Some(Lane::Replay),
            (false, false) => None,
        }
    }

    /// The cursor of a lane.
    pub fn cursor(&mut self, lane: Lane) -> Option<&mut Cursor> {
        match lane {
            Lane::Live => Some(&mut self.live),
            Lane::Replay => self.replay.as_mut().map(|(_, cursor)| cursor),
        }
    }

    /// The earliest time at which something other than a new event is due.
    pub fn wake_at(&self) -> i64 {
        let retry = self.retries.keys().next().map_or(NEVER, |(due, _)| *due);
        let retrying = self.retrying.first().map_or(NEVER, |(due, _)| *due);
        let replay = self.replay.as_ref().map_or(NEVER, |(replay, _)| replay.next_at);
        let more = self.more_after.as_ref().map_or(NEVER, |(due, _)| *due);
        let again = if self.again { 0 } else { NEVER };
        retry.min(retrying).min(more).max(self.asked_until).min(replay).min(again)
    }

    /// When first attempts may go on.
    pub fn first_at(&self) -> i64 {
        let held = self.held_until.max(self.asked_until);
        if self.is_blocked(Lane::Live) { self.wake_at().max(held) } else { held }
    }

    /// Takes note of an attempt that arrived.
    pub fn succeeded(&mut self, latency: TimeDelta, max: usize) {
        self.failing_since = None;
        self.held_until = 0;
        if latency >= SLOW {
            return;
        }
        self.credit += 1;
        if self.unharmed || self.credit >= self.limit {
            (self.limit, self.credit) = ((self.limit + 1).min(max), 0);
        }
    }

    /// Takes note of an attempt that failed at `now`.
    pub fn failed(&mut self, now: i64, retry_after: Option<TimeDelta>) {
        (self.limit, self.credit, self.unharmed) = ((self.limit / 2).max(1), 0, false);
        self.failing_since.get_or_insert(now);
        if let Some(pause) = retry_after.and_then(|pause| pause.num_microseconds()) {
            self.asked_until = self.asked_until.max(now + pause.min(MAX_HOLD));
        }
        if self.retries.len() >= CONGESTED {
            self.held_until = self.held_until.max(now + PROBE);
        }
    }

    /// What is to be written about it now. The results stay with the caller until they are durable.
    pub fn update(&mut self, webhook: &str, now: i64) -> EndpointUpdate {
        let replay = self.replay.as_mut().map(|(replay, cursor)| {
            replay.sequence = cursor.position();
            replay.done = replay.sequence >= replay.upto;
            replay.clone()
        });
        self.written = self.live.position();
        EndpointUpdate {
            webhook: webhook.to_owned(),
            epoch: self.epoch,
            signals: self.signals,
            sequence: self.written,
            first_at: self.first_at(),
            wake_at: self.wake_at(),
            failing_since: self.failing_since,
            served_at: now,
            release: self.releasing,
            deliveries: std::mem::take(&mut self.deliveries).into_values().collect(),
            attempts: std::mem::take(&mut self.attempts),
            replay,
        }
    }

    /// Takes results back that could not be written. What came later about the same delivery counts.
    pub fn restore(&mut self, update: EndpointUpdate) {
        for delivery in update.deliveries {
            self.deliveries.entry(delivery.id.clone()).or_insert(delivery);
        }
        self.attempts.splice(0..0, update.attempts);
        self.releasing = false;
    }
}

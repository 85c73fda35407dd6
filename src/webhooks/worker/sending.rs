//! What is sent: first attempts in turn, as far as there are slots, and what is due to be tried again.

use aggregates::id::DeliveryId;
use chrono::TimeDelta;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::{
    Outcome, Worker,
    results::{BATCH_BYTES, BATCH_ROWS},
};
use crate::{
    events::{Piece, Selection},
    store::{self, Delivery, DeliveryStatus, Source},
    webhooks::{
        attempt,
        endpoint::{Endpoint, Lane, PATIENCE},
        faults::FaultPoint,
        settings,
    },
};

/// First attempts of one endpoint in one turn.
const QUANTUM: usize = 8;
/// Pause between two events of a replay.
const REPLAY_PAUSE: i64 = 20_000;

impl Worker {
    /// Lets every endpoint have its turn, as long as there are slots.
    pub(super) fn serve(&mut self, now: i64) {
        let later = self.held.range(self.next.clone()..).map(|(webhook, _)| webhook.clone());
        let sooner = self.held.range(..self.next.clone()).map(|(webhook, _)| webhook.clone());
        let order: Vec<String> = later.chain(sooner).collect();
        if let Some(second) = order.get(1) {
            self.next.clone_from(second);
        }
        for endpoint in self.held.values_mut().filter(|endpoint| endpoint.must_reload(now)) {
            (endpoint.draining, endpoint.again) = (true, true);
        }
        // What has been done must not pile up faster than it can be written.
        let unwritten = self.held.values().map(Endpoint::unwritten);
        let (rows, bytes) = unwritten.fold((0, 0), |(rows, bytes), (more, heavy)| (rows + more, bytes + heavy));
        if rows > BATCH_ROWS || bytes > BATCH_BYTES {
            return;
        }
        for webhook in &order {
            self.begin_reading(webhook, now);
        }
        for webhook in &order {
            self.begin_retries(webhook, now);
        }
    }

    /// Reads as many events as there are slots for, so that each body is sent as soon as it is rendered.
    pub(super) fn begin_reading(&mut self, webhook: &str, now: i64) {
        let Some(endpoint) = self.held.get_mut(webhook) else { return };
        let head = self.heads.get(&endpoint.settings.organization).copied().unwrap_or(i64::MAX);
        let Some(lane) = endpoint.lane(head, now) else { return };
        let suspect = endpoint.failing_since.is_some();
        let pool = if suspect { &self.probe_slots } else { &self.slots };
        let cap = if suspect { self.options.under_way / 2 } else { self.options.under_way };
        // A congested endpoint is probed with one event.
        let probing = suspect && endpoint.held_until.max(endpoint.asked_until) > 0;
        let wanted = if probing { 1 } else { endpoint.room(now).min(QUANTUM) };
        let wanted = wanted.min(pool.available_permits()).min(cap.saturating_sub(self.attempts));
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
    pub(super) fn begin_retries(&mut self, webhook: &str, now: i64) {
        loop {
            let Some(endpoint) = self.held.get_mut(webhook) else { return };
            let waits = now < endpoint.asked_until || self.attempts >= self.options.under_way / 2;
            if endpoint.draining || endpoint.releasing || endpoint.retry_room() == 0 || waits {
                return;
            }
            let due = endpoint.retries.first_key_value().is_some_and(|((due, _), _)| *due <= now);
            if !due {
                return;
            }
            let Ok(slot) = self.suspect_slots.clone().try_acquire_owned() else { return };
            let Some((key, delivery)) = endpoint.retries.pop_first() else { return };
            endpoint.active_at = now;
            endpoint.retrying.insert(key.clone());
            let (settings, epoch) = (endpoint.settings.clone(), endpoint.epoch);
            let (webhook, fuse, freed) = (webhook.to_owned(), self.fuse.clone(), self.freed.clone());
            let (commands, webhooks) = (self.commands.clone(), self.webhooks.clone());
            self.attempts += 1;
            self.progress.send_modify(|progress| progress.begun += 1);
            self.tasks.spawn(async move {
                fuse.pass(FaultPoint::Sending).await;
                let (store, clock) = (&commands.store, &commands.clock);
                let attempt = attempt::make(&webhooks, store, clock, &settings, delivery.clone(), None);
                let made = within(slot, clock.sleep(TimeDelta::microseconds(PATIENCE)), &freed, attempt).await;
                fuse.pass(FaultPoint::Answered).await;
                Outcome::Retry { webhook, epoch, due: key.0, delivery: Box::new(delivery), made }
            });
        }
    }

    pub(super) fn read(
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
        if endpoint.draining {
            // What was read is read again by whoever takes the endpoint next, with what it is then.
            return;
        }
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
            let freed = self.freed.clone();
            let (commands, webhooks) = (self.commands.clone(), self.webhooks.clone());
            self.tasks.spawn(async move {
                fuse.pass(FaultPoint::Sending).await;
                let (store, clock) = (&commands.store, &commands.clock);
                let attempt = attempt::make(&webhooks, store, clock, &settings, delivery, Some(event.body));
                let made = within(slot, clock.sleep(TimeDelta::microseconds(PATIENCE)), &freed, attempt).await;
                fuse.pass(FaultPoint::Answered).await;
                Outcome::First { webhook, epoch, lane, sequence: event.sequence, made }
            });
        }
    }
}

/// Keeps a slot while work is done, but gives it back when the work takes too long: others need it.
async fn within<T>(
    slot: OwnedSemaphorePermit,
    patience: impl Future<Output = ()>,
    freed: &Notify,
    work: impl Future<Output = T>,
) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return done,
        () = patience => {
            drop(slot);
            freed.notify_one();
        }
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

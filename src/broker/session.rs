//! One session: from taking the lease to losing it, the connection or the wish to go on.

use std::time::Duration;

use aggregates::id::EventId;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::{sync::watch, time::Instant};

use super::{Broker, Ended, Failure, NAME, pipeline::Pipeline, stopped};
use crate::{
    events::{Piece, Selection, Unreadable},
    store::{Effects, Lease, Parked},
};

/// For how long a node may be silent before another takes over.
const LEASE: TimeDelta = TimeDelta::seconds(15);
/// Messages on their way, at most.
const WINDOW: usize = 2_000;
/// Events read at once.
const PAGE: usize = 500;
/// How long after a confirm the checkpoint moves, at the latest: it costs the writer a transaction.
const SAVE_SOON: Duration = Duration::from_millis(250);
/// How often it moves when there was nothing to publish.
const SAVE_IDLE: Duration = Duration::from_secs(10);
/// How long the broker may take to confirm, unless it has told us to wait.
const SILENCE: Duration = Duration::from_secs(30);
/// How often a session looks after its lease and its checkpoint.
const TICK: Duration = Duration::from_millis(250);
/// How long a stop waits for what is on its way.
const FAREWELL: Duration = Duration::from_secs(5);

/// How far a session is.
struct Progress {
    lease: Lease,
    renew_at: DateTime<Utc>,
    /// Read and sent up to here.
    read: i64,
    /// Confirmed up to here.
    confirmed: i64,
    /// The checkpoint.
    saved: i64,
    saved_at: Instant,
    /// Whether something was confirmed since the checkpoint moved.
    fresh: bool,
    /// Whether anything was confirmed in this session.
    works: bool,
    /// Whether there is nothing more to read for now.
    at_end: bool,
    heard_at: Instant,
    unreadable: Vec<Unreadable>,
}

impl Broker {
    /// Publishes for as long as it goes well. `confirmed` tells whether it went well for a while.
    pub(super) async fn session(
        &self,
        stop: &mut watch::Receiver<bool>,
        confirmed: &mut bool,
    ) -> Result<Ended, Failure> {
        let Some(lease) = self.take_lease().await? else { return Ok(Ended::NotOurs) };
        let mut progress = Progress {
            renew_at: self.clock.now() + LEASE / 3,
            read: lease.position,
            confirmed: lease.position,
            saved: lease.position,
            saved_at: Instant::now(),
            fresh: false,
            works: false,
            at_end: false,
            heard_at: Instant::now(),
            unreadable: Vec::new(),
            lease,
        };
        let mut pipeline = tokio::select! {
            connected = Pipeline::connect(&self.settings) => connected?,
            () = stopped(stop) => return self.leave(&progress).await,
        };
        metrics::gauge!("broker_connected").set(1.0);
        tracing::info!(exchange = self.settings.exchange, after = progress.read, "publishing events to the broker");
        let result = self.publish(&mut pipeline, &mut progress, stop).await;
        *confirmed = progress.works;
        let result = match result {
            Ok(()) => {
                let farewell = tokio::time::timeout(FAREWELL, self.settle(&mut pipeline, &mut progress)).await;
                farewell.unwrap_or(Ok(())).map(|()| Ended::Stopped)
            }
            Err(failure) => Err(failure),
        };
        // What was confirmed is worth remembering however the session ended; the lease is checked with it.
        let saved = self.save(&mut progress).await;
        pipeline.close().await;
        match (result, saved) {
            (Ok(_), Ok(())) => self.leave(&progress).await,
            (Ok(_), Err(failure)) | (Err(failure), _) => Err(failure),
        }
    }

    async fn take_lease(&self) -> Result<Option<Lease>, Failure> {
        let now = self.clock.now();
        let until = (now + LEASE).timestamp_micros();
        Ok(self.store.lease(NAME, &self.owner, now.timestamp_micros(), until).await?)
    }

    async fn leave(&self, progress: &Progress) -> Result<Ended, Failure> {
        self.store.release(&progress.lease).await?;
        Ok(Ended::Stopped)
    }

    /// Publishes until told to stop.
    async fn publish(
        &self,
        pipeline: &mut Pipeline,
        progress: &mut Progress,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), Failure> {
        let mut follower = self.store.follow();
        let mut tick = tokio::time::interval(TICK);
        let selection = Selection::all();
        loop {
            self.keep_lease(progress).await?;
            let blocked = pipeline.is_blocked();
            metrics::gauge!("broker_blocked").set(if blocked { 1.0 } else { 0.0 });
            if *stop.borrow() {
                return Ok(());
            }
            if !blocked && !progress.at_end && pipeline.len() + PAGE <= WINDOW {
                let piece = self.store.public_events(progress.read, PAGE, &selection).await?;
                self.send(pipeline, progress, piece).await?;
                continue;
            }
            if blocked || pipeline.len() == 0 {
                progress.heard_at = Instant::now();
            } else if progress.heard_at.elapsed() > SILENCE {
                return Err(Failure::Silent(SILENCE.as_secs()));
            }
            tokio::select! {
                position = pipeline.confirmed() => progress.hear(position?, pipeline),
                () = follower.changed(), if progress.at_end => progress.at_end = false,
                _ = tick.tick() => self.save_in_time(progress).await?,
                () = stopped(stop) => return Ok(()),
            }
        }
    }

    async fn send(&self, pipeline: &mut Pipeline, progress: &mut Progress, piece: Piece) -> Result<(), Failure> {
        for event in &piece.events {
            pipeline.publish(event).await?;
        }
        progress.read = piece.next;
        progress.at_end = !piece.has_more();
        progress.unreadable.extend(piece.unreadable);
        progress.hear(progress.confirmed, pipeline);
        metrics::gauge!("broker_lag").set((piece.head - progress.confirmed) as f64);
        Ok(())
    }

    /// Waits for what is on its way.
    async fn settle(&self, pipeline: &mut Pipeline, progress: &mut Progress) -> Result<(), Failure> {
        while pipeline.len() > 0 {
            let position = pipeline.confirmed().await?;
            progress.hear(position, pipeline);
        }
        Ok(())
    }

    async fn keep_lease(&self, progress: &mut Progress) -> Result<(), Failure> {
        let now = self.clock.now();
        if now < progress.renew_at {
            return Ok(());
        }
        let lost = || crate::store::Error::LeaseLost(NAME.to_owned());
        let renewed = self.take_lease().await?.ok_or_else(lost)?;
        // Another node may have had it in the meantime, and have published what we think is ours to publish.
        if renewed.epoch != progress.lease.epoch {
            return Err(lost().into());
        }
        progress.renew_at = now + LEASE / 3;
        Ok(())
    }

    async fn save_in_time(&self, progress: &mut Progress) -> Result<(), Failure> {
        let after = if progress.fresh { SAVE_SOON } else { SAVE_IDLE };
        if progress.saved_at.elapsed() >= after { self.save(progress).await } else { Ok(()) }
    }

    async fn save(&self, progress: &mut Progress) -> Result<(), Failure> {
        if progress.confirmed > progress.saved {
            let mut effects = Effects::new(&progress.lease, progress.confirmed);
            let (now, confirmed) = (self.clock.now().timestamp_micros(), progress.confirmed);
            let (done, later) = std::mem::take(&mut progress.unreadable)
                .into_iter()
                .partition(|unreadable: &Unreadable| unreadable.position <= confirmed);
            progress.unreadable = later;
            let done: Vec<Unreadable> = done;
            for Unreadable { position, error } in done {
                effects.park(Parked { id: self.ids.next::<EventId>().to_string(), position, error }, now);
            }
            self.store.apply(effects).await?;
            progress.saved = confirmed;
        }
        progress.fresh = false;
        progress.saved_at = Instant::now();
        Ok(())
    }
}

impl Progress {
    /// Takes note of a confirm. When nothing is on its way any more, what was read is done with, public or not.
    fn hear(&mut self, position: i64, pipeline: &Pipeline) {
        self.heard_at = Instant::now();
        if position > self.confirmed {
            self.confirmed = position;
            (self.fresh, self.works) = (true, true);
        }
        if pipeline.len() == 0 {
            self.confirmed = self.confirmed.max(self.read);
        }
    }
}

//! Which endpoints a node holds: those that nobody serves are taken, those without work are given back.

use std::collections::HashSet;

use aggregates::id::{DeliveryId, Id as _};
use chrono::TimeDelta;

use super::{LEASE, Outcome, SWEEP, Worker, time};
use crate::{
    store,
    webhooks::{endpoint::Endpoint, faults::FaultPoint, settings::Settings},
};

/// An endpoint without work is given back after this time.
const IDLE: TimeDelta = TimeDelta::seconds(30);
/// Endpoints taken at once.
const CLAIM: usize = 100;
/// How often old deliveries are looked for.
const CLEAN: TimeDelta = TimeDelta::hours(1);

impl Worker {
    /// Compares what is held with what the database says.
    pub(super) async fn compare(&mut self) -> Result<(), store::Error> {
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
    pub(super) async fn claim(&mut self, organizations: Option<Vec<String>>, now: i64) -> Result<(), store::Error> {
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
        let claimed = store.claim_endpoints(wanted, &self.owner, (now, until), self.options.loaded).await?;
        self.fuse.pass(FaultPoint::Claimed).await;
        for claimed in claimed {
            let webhook = claimed.webhook.clone();
            match Settings::open(&store, &claimed.document).await {
                Ok(settings) => {
                    let (initial, loaded) = (self.options.concurrency.0, self.options.loaded);
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
    pub(super) fn make_room(&mut self, wanted: usize, now: i64) {
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
    pub(super) fn retire(&mut self, now: i64) {
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
    pub(super) fn clean(&mut self, now: i64) {
        if now < self.clean_at {
            return;
        }
        self.clean_at = (time(now) + CLEAN).timestamp_micros();
        // For longer than time itself is for ever.
        let Some(before) = time(now).checked_sub_signed(self.options.retention) else { return };
        let store = self.commands.store.clone();
        self.tasks.spawn(async move {
            let milliseconds = u128::try_from(before.timestamp_millis()).unwrap_or(0);
            let bound = DeliveryId::from_uuid(uuid::Uuid::from_u128(milliseconds << 80)).to_string();
            // What is left is found again in an hour.
            while store.sweep_deliveries(&bound, before.timestamp_micros(), 500).await.is_ok_and(|n| n > 0) {}
            Outcome::Chore
        });
    }
}

//! What came of attempts: what it means for the endpoint, and how it is written down.

use std::collections::HashSet;

use aggregates::webhook::DisabledReason;

use super::{Outcome, SWEEP, Worker};
use crate::{
    command::{Caller, webhooks::DisableWebhook},
    store::{self, DeliveryBatch, DeliveryStatus, EndpointUpdate},
    webhooks::{attempt::Made, faults::FaultPoint},
};

/// Places that an endpoint may be ahead of what is written of it without having had anything to deliver.
const LAG: i64 = 5_000;
/// Deliveries written between two trims of an endpoint's log.
const TRIM: usize = 1_000;
/// Rows in a batch, about.
pub(super) const BATCH_ROWS: usize = 500;
/// Bytes in a batch, about.
pub(super) const BATCH_BYTES: usize = 8 * 1024 * 1024;

impl Worker {
    pub(super) fn made(&mut self, webhook: &str, epoch: i64, made: Result<Made, store::Error>, now: i64) {
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

    pub(super) fn disable(&mut self, webhook: &str, epoch: i64, reason: DisabledReason) {
        let Some(endpoint) = self.held.get(webhook) else { return };
        let Ok(organization) = endpoint.settings.organization.parse() else { return };
        let version = endpoint.settings.version;
        let (commands, webhook, fuse) = (self.commands.clone(), webhook.to_owned(), self.fuse.clone());
        let Ok(id) = webhook.parse() else { return };
        self.tasks.spawn(async move {
            fuse.pass(FaultPoint::Disabling).await;
            let caller = Caller { organization, actor: "webhooks".to_owned(), request_id: format!("disable_{epoch}") };
            match commands.run(&caller, None, &DisableWebhook { id, version, reason }).await {
                Ok(_) => {
                    tracing::info!(webhook, reason = reason.as_str(), "an endpoint is disabled, unless it was changed")
                }
                // It goes on failing, and the next attempt comes to the same conclusion.
                Err(error) => tracing::warn!(webhook, %error, "an endpoint could not be disabled"),
            }
            fuse.pass(FaultPoint::Disabled).await;
            Outcome::Disabled { webhook, epoch }
        });
    }

    /// Writes what is new about endpoints, one batch at a time: what is found out meanwhile makes up the next one.
    pub(super) fn write(&mut self, now: i64) {
        if self.writing || now < self.write_at {
            return;
        }
        let mut updates = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        let later = self.held.range(self.write_next.clone()..).map(|(webhook, _)| webhook.clone());
        let sooner = self.held.range(..self.write_next.clone()).map(|(webhook, _)| webhook.clone());
        let order: Vec<String> = later.chain(sooner).collect();
        for webhook in &order {
            if rows >= BATCH_ROWS || bytes >= BATCH_BYTES {
                self.write_next.clone_from(webhook);
                break;
            }
            let Some(endpoint) = self.held.get_mut(webhook).filter(|endpoint| endpoint.unwritable_until <= now) else {
                continue;
            };
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
            let (more, heavy) = endpoint.unwritten();
            (rows, bytes) = (rows + more + 1, bytes + heavy);
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

    pub(super) fn written(&mut self, batch: DeliveryBatch, result: Result<store::Written, store::Error>) {
        self.writing = false;
        let (accepted, refused): (HashSet<String>, HashSet<String>) = match result {
            Ok(written) => (written.accepted.into_iter().collect(), written.refused.into_iter().collect()),
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
            if refused.contains(&update.webhook) {
                tracing::error!(webhook = update.webhook, "the database refuses results of an endpoint; they are kept");
                if let Some(endpoint) = self.held.get_mut(&update.webhook).filter(|held| held.epoch == update.epoch) {
                    endpoint.unwritable_until = (self.commands.now() + SWEEP).timestamp_micros();
                    endpoint.draining = true;
                    endpoint.restore(update);
                }
                continue;
            }
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
                    // The next claim begins to count anew.
                    if endpoint.since_trim + count > 0 {
                        self.trim(webhook);
                    }
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
                    self.trim(webhook);
                }
            }
        }
    }

    /// Deletes what is too much in an endpoint's log.
    fn trim(&mut self, webhook: String) {
        let (store, keep) = (self.commands.store.clone(), self.options.keep);
        self.tasks.spawn(async move {
            // What is left is found the next time.
            _ = store.trim_deliveries(&webhook, keep).await;
            Outcome::Chore
        });
    }
}

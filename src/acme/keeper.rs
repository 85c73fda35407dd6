//! Sees to it that there is a certificate, and that it is renewed in time.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use instant_acme::AccountCredentials;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{
    Settings, Shelf,
    certificate::{Stored, Usable},
    challenge,
    order::{Authority, Desk},
};
use crate::{
    clock::Clock,
    store::{Lease, Store},
};

/// The name of the lease, never changed.
const NAME: &str = "acme";
/// For how long a node that orders may be silent before another takes over. Longer than an order takes.
const LEASE: TimeDelta = TimeDelta::minutes(10);
/// How often a node looks whether another one has renewed the certificate.
const LOOK: TimeDelta = TimeDelta::minutes(1);
/// The same where there is none yet.
const LOOK_SOON: TimeDelta = TimeDelta::seconds(2);
/// Pauses after failures; the last one for ever. Let's Encrypt takes five failures per name and hour.
const PAUSES: [TimeDelta; 4] =
    [TimeDelta::minutes(1), TimeDelta::minutes(4), TimeDelta::minutes(16), TimeDelta::hours(1)];
/// An order that takes longer is given up.
const ORDER: Duration = Duration::from_secs(8 * 60);
/// Answers to challenges that a crash has left are of no use after this.
const STALE: TimeDelta = TimeDelta::days(1);

const CERTIFICATE: &str = "certificate";
const ACCOUNT: &str = "account";

/// Keeps a node's certificate up to date.
pub struct Keeper {
    store: Store,
    clock: Clock,
    owner: String,
    settings: Settings,
    authority: Authority,
    shelf: Arc<Shelf>,
    /// What lies on the shelf, as it is kept.
    used: Option<(Stored, DateTime<Utc>)>,
    failures: usize,
    lease: Option<Lease>,
}

/// An account as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptAccount<Credentials> {
    directory: String,
    credentials: Credentials,
}

impl Keeper {
    /// Prepares to fill a shelf. `owner` must differ between nodes and between starts.
    ///
    /// # Errors
    /// When a file of the settings is of no use; the message names it.
    pub fn new(store: Store, clock: Clock, owner: String, settings: Settings) -> Result<Self, String> {
        let authority = Authority::new(settings.clone())?;
        let shelf = Arc::default();
        Ok(Self { store, clock, owner, settings, authority, shelf, used: None, failures: 0, lease: None })
    }

    /// Where the certificate will be found.
    pub fn shelf(&self) -> Arc<Shelf> {
        self.shelf.clone()
    }

    /// Runs until told to stop, then lets go of the lease.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let pause = tokio::select! {
                pause = self.pass() => pause,
                _ = stop.changed() => continue,
            };
            tokio::select! {
                () = self.clock.sleep(pause) => {}
                _ = stop.changed() => {}
            }
        }
        self.release().await;
    }

    /// Looks once at what there is, orders what is missing or due, and answers when to look again. Failures are logged.
    pub async fn pass(&mut self) -> TimeDelta {
        match self.try_pass().await {
            Ok(pause) => pause,
            Err(error) => {
                let pause = PAUSES[self.failures.min(PAUSES.len() - 1)];
                self.failures += 1;
                metrics::counter!("acme_failures_total").increment(1);
                tracing::warn!(
                    error,
                    domains = self.settings.domains.join(","),
                    again_in_seconds = pause.num_seconds(),
                    serving = !self.shelf.is_empty(),
                    "no certificate was obtained"
                );
                // Kept meanwhile, so that many nodes together ask no more often than one.
                self.extend(pause).await;
                pause
            }
        }
    }

    async fn try_pass(&mut self) -> Result<TimeDelta, String> {
        self.load().await?;
        if let Some(pause) = self.time_left() {
            self.release().await;
            return Ok(pause);
        }
        if !self.extend(TimeDelta::zero()).await {
            return Ok(if self.shelf.is_empty() { LOOK_SOON } else { LOOK });
        }
        // Another node may have been at it until a moment ago.
        self.load().await?;
        if self.time_left().is_none() {
            self.renew().await?;
            self.load().await?;
        }
        self.failures = 0;
        self.release().await;
        Ok(LOOK)
    }

    /// Puts what is kept on the shelf, if it is not there yet.
    async fn load(&mut self) -> Result<(), String> {
        let kept = self.store.acme(CERTIFICATE).await.map_err(|error| error.to_string())?;
        let Some(stored) = kept.and_then(|kept| serde_json::from_slice::<Stored>(&kept).ok()) else { return Ok(()) };
        if self.used.as_ref().is_some_and(|(used, _)| *used == stored) {
            return Ok(());
        }
        match stored.usable() {
            Ok(Usable { certified, renew_at, ends_at }) => {
                tracing::info!(domains = stored.domains.join(","), %renew_at, %ends_at, "a certificate is in use");
                self.shelf.put(certified);
                self.used = Some((stored, renew_at));
            }
            Err(error) => tracing::warn!(error, "the certificate that was kept is of no use"),
        }
        Ok(())
    }

    /// When to look again, if nothing needs to be done now.
    fn time_left(&self) -> Option<TimeDelta> {
        let (stored, renew_at) = self.used.as_ref()?;
        let left = *renew_at - self.clock.now();
        (stored.fits(&self.settings) && left > TimeDelta::zero()).then(|| left.min(LOOK))
    }

    async fn renew(&mut self) -> Result<(), String> {
        let before = (self.clock.now() - STALE).timestamp_micros();
        self.store.forget_challenges(before).await.map_err(|error| error.to_string())?;
        let shop = Shop { keeper: self, published: parking_lot::Mutex::default() };
        let ordered = tokio::time::timeout(ORDER, self.authority.order(&shop)).await;
        for token in shop.published.into_inner() {
            // What stays behind goes with the next order.
            _ = self.store.forget_acme(&challenge(&token)).await;
        }
        let stored = ordered.map_err(|_| "the authority took too long".to_owned())??;
        stored.usable().map_err(|error| format!("the authority's certificate is of no use: {error}"))?;
        self.keep(CERTIFICATE, &stored).await
    }

    async fn keep(&self, name: &str, value: &(impl Serialize + Sync)) -> Result<(), String> {
        let bytes = serde_json::to_vec(value).map_err(|error| error.to_string())?;
        let kept = self.store.keep_acme(name, &bytes, self.clock.now().timestamp_micros()).await;
        kept.map_err(|error| error.to_string())
    }

    /// Takes or keeps the lease, for an order after a pause; whether it is ours. What is written without it is a valid
    /// certificate all the same, so nothing more is guarded.
    async fn extend(&mut self, pause: TimeDelta) -> bool {
        let now = self.clock.now();
        let until = (now + pause + LEASE).timestamp_micros();
        self.lease = match self.store.lease(NAME, &self.owner, now.timestamp_micros(), until).await {
            Ok(lease) => lease,
            Err(error) => {
                tracing::warn!(%error, "whether another node orders certificates is not known");
                None
            }
        };
        self.lease.is_some()
    }

    async fn release(&mut self) {
        if let Some(lease) = self.lease.take() {
            // It runs out by itself when this fails.
            _ = self.store.release(&lease).await;
        }
    }
}

/// What an order finds around it: the store.
struct Shop<'a> {
    keeper: &'a Keeper,
    published: parking_lot::Mutex<Vec<String>>,
}

impl Desk for Shop<'_> {
    async fn account(&self) -> Option<AccountCredentials> {
        let kept = self.keeper.store.acme(ACCOUNT).await.ok()??;
        let kept: KeptAccount<AccountCredentials> = serde_json::from_slice(&kept).ok()?;
        (kept.directory == self.keeper.settings.directory).then_some(kept.credentials)
    }

    async fn keep_account(&self, account: Option<&AccountCredentials>) -> Result<(), String> {
        match account {
            Some(credentials) => {
                let directory = self.keeper.settings.directory.clone();
                self.keeper.keep(ACCOUNT, &KeptAccount { directory, credentials }).await
            }
            None => self.keeper.store.forget_acme(ACCOUNT).await.map_err(|error| error.to_string()),
        }
    }

    async fn publish(&self, token: &str, answer: &str) -> Result<(), String> {
        self.published.lock().push(token.to_owned());
        let now = self.keeper.clock.now().timestamp_micros();
        let kept = self.keeper.store.keep_acme(&challenge(token), answer.as_bytes(), now).await;
        kept.map_err(|error| error.to_string())
    }
}

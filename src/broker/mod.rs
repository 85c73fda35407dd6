//! Public events on RabbitMQ: each goes to a durable topic exchange, its type being the routing key, as a CloudEvent.
//!
//! One node at a time publishes, the one that holds the lease of the subscription. It keeps a bounded number of messages
//! on their way, and the checkpoint moves only past what the broker has confirmed, so nothing is lost whatever breaks;
//! what was on its way comes again, with the same id. We reconnect ourselves: only we know where to go on.

mod cloud_event;
mod pipeline;
mod session;

use chrono::TimeDelta;
use tokio::sync::watch;

use crate::{clock::Clock, ids::Ids, store::Store};

pub use cloud_event::cloud_event;

/// The name of the subscription, never changed.
pub const NAME: &str = "broker";
/// The exchange that consumers bind their queues to.
pub const EXCHANGE: &str = "interviewrelay.events";

/// The first pause after a failure; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: TimeDelta = TimeDelta::milliseconds(250);
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(30);
/// How often a node asks whether it may take over.
const ASK: TimeDelta = TimeDelta::seconds(5);

/// Where and how events are published.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `amqp://…` or `amqps://…`.
    pub url: String,
    /// Certificates, in PEM, that are trusted besides the public ones.
    pub roots: Option<String>,
    /// The exchange.
    pub exchange: String,
    /// The `source` of the CloudEvents: the URL of this installation.
    pub source: String,
}

/// Publishes events for as long as it runs.
pub struct Broker {
    settings: Settings,
    store: Store,
    clock: Clock,
    ids: Ids,
    owner: String,
}

/// How a session ended, if not by a failure.
enum Ended {
    /// We were told to stop.
    Stopped,
    /// Another node publishes.
    NotOurs,
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    #[error("{0}")]
    Broker(#[from] lapin::Error),
    #[error("the broker URL: {0}")]
    Url(String),
    #[error("the broker refused message {0}")]
    Refused(String),
    #[error("no answer from the broker within {0} seconds")]
    Silent(u64),
}

impl Broker {
    /// Prepares to publish. `owner` must differ between nodes and between starts.
    pub fn new(settings: Settings, store: Store, clock: Clock, owner: String) -> Self {
        let ids = Ids::new(clock.clone());
        Self { settings, store, clock, ids, owner }
    }

    /// Runs until told to stop. Then it waits a moment for what is on its way, and lets go of the lease.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut pause = FIRST_PAUSE;
        while !*stop.borrow() && stop.has_changed().is_ok() {
            let mut confirmed = false;
            let wait = match self.session(&mut stop, &mut confirmed).await {
                Ok(Ended::Stopped) => break,
                Ok(Ended::NotOurs) => ASK,
                Err(error) => {
                    if confirmed {
                        pause = FIRST_PAUSE;
                    }
                    metrics::counter!("broker_failures_total").increment(1);
                    tracing::warn!(%error, again_in_ms = pause.num_milliseconds(), "publishing to the broker failed");
                    let wait = pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    wait
                }
            };
            metrics::gauge!("broker_connected").set(0.0);
            tokio::select! {
                () = self.clock.sleep(wait) => {}
                () = stopped(&mut stop) => {}
            }
        }
    }
}

/// Returns when it is time to stop, also if it has been for a while; that nobody can say so any more is as good.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    _ = stop.wait_for(|stop| *stop).await;
}

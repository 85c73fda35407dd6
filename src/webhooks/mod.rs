//! Webhooks: sending public events to the endpoints that asked for them (contract 41–45).
//!
//! The log is the queue. [`Worker`] claims endpoints, not messages: whoever holds an endpoint's lease reads the log from
//! the endpoint's place on and makes the first attempts; a delivery gets a row when its first attempt is over, and only
//! what failed is looked at again. So a receiver that is dead costs nothing but the attempts made, however much happens
//! meanwhile, and a replay is a second place in the same log.
//!
//! At least once: an attempt whose result was not written before a crash is made again, with the same `webhook-id`.

mod attempt;
pub mod client;
mod endpoint;
pub mod explain;
pub mod faults;
pub mod guard;
pub mod schedule;
pub mod secret;
mod settings;
pub mod shown;
pub mod signature;
pub mod trial;
mod worker;

use std::sync::Arc;

use tokio::sync::Notify;

pub use self::{
    client::{Client, Deadlines},
    schedule::Schedule,
    settings::{Settings, types},
    worker::{Options, Progress, Worker},
};

/// What deliveries and the API share on a node.
pub struct Webhooks {
    /// Sends requests to receivers.
    pub client: Client,
    /// When deliveries are tried again.
    pub schedule: Schedule,
    /// Whether `http` and loopback are allowed.
    pub development: bool,
    nudge: Notify,
}

impl Webhooks {
    /// Puts them together.
    pub fn new(client: Client, schedule: Schedule, development: bool) -> Arc<Self> {
        Arc::new(Self { client, schedule, development, nudge: Notify::new() })
    }

    /// Tells this node's worker that something changed; other nodes find out within a second.
    pub fn nudge(&self) {
        self.nudge.notify_one();
    }
}

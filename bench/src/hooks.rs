//! Webhook endpoints of the product that point to the bench's receiver.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Api, Result};
use crate::measured::Measured;
use crate::pace::{self, Answered, Pace};
use crate::receiver::Receiver;
use crate::scene::{self, Scene};
use crate::server::Server;
use crate::settings::Settings;
use crate::template::Template;

/// How long the last webhook may take before it counts as lost.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Connections that create invites.
const CONNECTIONS: usize = 32;

/// Makes an endpoint for new invites; its path.
pub async fn create(api: &mut Api, url: &str) -> Result<String> {
    let hook = api.post("/v1/webhooks", json!({"url": url, "eventTypes": ["invite.created"]})).await?;
    Ok(format!("/v1/webhooks/{}", scene::id(&hook)?))
}

/// Sets the status of endpoints.
pub async fn set(api: &mut Api, hooks: &[String], status: &str) -> Result<()> {
    for hook in hooks {
        api.patch(hook, json!({"status": status})).await?;
    }
    Ok(())
}

/// Creates invites at a steady rate, in these organizations in turn, and waits until each has come to its endpoints; how
/// long after the commit (that is, after the POST was answered) they were there. `endpoints` are those of each organization
/// that are expected to get their webhooks. What was due within the warm-up does not count.
pub async fn steady(
    server: &Server,
    scenes: &[Scene],
    receiver: &Receiver,
    per_second: f64,
    endpoints: &[Vec<usize>],
    settings: &Settings,
) -> Result<Measured> {
    receiver.clear();
    let templates: Vec<Template> = scenes.iter().map(|scene| scene.invite(server, "")).collect();
    let pace = Pace {
        address: server.address,
        connections: CONNECTIONS,
        per_second,
        count: ((settings.seconds + settings.warmup) * per_second) as usize,
        request: Arc::new(move |number| templates[number % templates.len()].text()),
    };
    let began = Instant::now();
    let answered = pace::run(pace).await?;
    let last = answered.iter().map(|answered| answered.at).max().unwrap_or(began);
    let expected: usize = answered.iter().map(|answered| endpoints[answered.number % endpoints.len()].len()).sum();
    receiver.wait(expected, PATIENCE).await?;
    let (first, warmup) = (began + settings.warmup(), settings.warmup());
    let counted: Vec<&Answered> = answered.iter().filter(|answered| answered.due >= first).collect();
    let arrivals = receiver.arrivals();
    let (mut latencies, mut since_due) = (Vec::new(), Vec::new());
    for event in &counted {
        for endpoint in &endpoints[event.number % endpoints.len()] {
            let receipt = arrivals.first.get(&(*endpoint, event.id.clone()));
            let receipt = receipt.ok_or_else(|| format!("{} did not come to endpoint {endpoint}", event.id))?;
            // A webhook may be there before the answer is: both follow the commit.
            latencies.push(receipt.at.saturating_duration_since(event.at).as_nanos() as u64);
            since_due.push(receipt.at.saturating_duration_since(event.due).as_nanos() as u64);
        }
    }
    let took = (last - began).saturating_sub(warmup);
    let since_due = Measured::from_latencies(since_due, took);
    Ok(Measured::from_latencies(latencies, took).note(format!(
        "since the POST was due: p50 {:.2} ms, p99 {:.2} ms; {:.0} events/s",
        since_due.p50_ms,
        since_due.p99_ms,
        counted.len() as f64 / took.as_secs_f64()
    )))
}

/// Whether everything that was expected of an endpoint has come; how many came once more.
pub fn complete(receiver: &Receiver, endpoint: usize, expected: &[String]) -> Result<usize> {
    let arrivals = receiver.arrivals();
    let known: HashSet<&str> =
        arrivals.first.keys().filter(|(number, _)| *number == endpoint).map(|(_, id)| id.as_str()).collect();
    let lost = expected.iter().filter(|id| !known.contains(id.as_str())).count();
    if lost > 0 { Err(format!("{lost} of {} webhooks LOST", expected.len())) } else { Ok(arrivals.repeated) }
}

/// The ids of all invites of a bulk request.
pub fn ids(invites: &[Value]) -> Result<Vec<String>> {
    invites.iter().map(scene::id).collect()
}

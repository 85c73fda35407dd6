//! The load tool: a closed loop over N keep-alive connections, no pipelining, on one thread.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::SmallRng;

use crate::http::{Connection, Result};
use crate::measured::Measured;
use crate::template::Template;

/// An answer that takes longer than this ends the run: something is stuck.
const STUCK: Duration = Duration::from_secs(30);

/// How to load a server.
#[derive(Clone)]
pub struct Load {
    /// Where it listens. The connections are spread over several of them evenly.
    pub addresses: Vec<SocketAddr>,
    /// How many connections, each with one request on its way.
    pub connections: usize,
    /// What is not counted.
    pub warmup: Duration,
    /// What is.
    pub duration: Duration,
    /// What is asked.
    pub template: Template,
    /// The status that every answer must have.
    pub expected: u16,
}

/// Runs it in a thread of its own, so that it has the same runtime whatever the caller runs on.
pub async fn run(load: Load) -> Result<Measured> {
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(run_here(load))
    });
    thread.await.map_err(|error| error.to_string())?
}

async fn run_here(load: Load) -> Result<Measured> {
    let begin = Instant::now() + load.warmup;
    let end = begin + load.duration;
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..load.connections {
        let load = load.clone();
        clients.spawn(async move { client(number, load, begin, end).await });
    }
    let mut latencies = Vec::new();
    while let Some(client) = clients.join_next().await {
        latencies.extend(client.map_err(|error| error.to_string())??);
    }
    Ok(Measured::from_latencies(latencies, load.duration))
}

/// The latencies, in nanoseconds, of what was sent and answered between `begin` and `end`.
async fn client(number: usize, mut load: Load, begin: Instant, end: Instant) -> Result<Vec<u64>> {
    let mut random = SmallRng::seed_from_u64(rand::random());
    let mut connection = Connection::open(load.addresses[number % load.addresses.len()]).await?;
    let mut latencies = Vec::new();
    loop {
        let request = load.template.render(&mut random);
        let sent = Instant::now();
        if sent >= end {
            return Ok(latencies);
        }
        let answer = tokio::time::timeout(STUCK, connection.exchange(request))
            .await
            .map_err(|_| format!("no answer within {STUCK:?}"))??;
        if answer.status != load.expected {
            let body = String::from_utf8_lossy(connection.body(answer)).into_owned();
            return Err(format!("status {} instead of {}: {body}", answer.status, load.expected));
        }
        let answered = Instant::now();
        if sent >= begin && answered < end {
            latencies.push((answered - sent).as_nanos() as u64);
        }
    }
}

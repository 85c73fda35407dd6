//! The open loop: requests at a steady rate, each at its time whatever became of those before.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::http::{Connection, Result, text_after};

/// A number of requests at a rate.
#[derive(Clone)]
pub struct Pace {
    /// Where the server listens.
    pub address: SocketAddr,
    /// Connections that take turns; a request whose connection is still busy is sent late.
    pub connections: usize,
    /// The rate.
    pub per_second: f64,
    /// How many in all.
    pub count: usize,
    /// The whole request of each number.
    pub request: Arc<dyn Fn(usize) -> String + Send + Sync>,
}

/// A request that was answered with success.
pub struct Answered {
    /// Its number.
    pub number: usize,
    /// When it was due.
    pub due: Instant,
    /// When the answer was there.
    pub at: Instant,
    /// The first id in the answer, of what was created.
    pub id: String,
}

/// Sends them all, on a thread of its own; in the order in which they were due.
pub async fn run(pace: Pace) -> Result<Vec<Answered>> {
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(async {
            let began = Instant::now();
            let mut clients = tokio::task::JoinSet::new();
            for first in 0..pace.connections.min(pace.count) {
                clients.spawn(client(pace.clone(), began, first));
            }
            let mut answered = Vec::with_capacity(pace.count);
            while let Some(client) = clients.join_next().await {
                answered.extend(client.map_err(|error| error.to_string())??);
            }
            answered.sort_by_key(|answered| answered.number);
            Ok(answered)
        })
    });
    thread.await.map_err(|error| error.to_string())?
}

async fn client(pace: Pace, began: Instant, first: usize) -> Result<Vec<Answered>> {
    let mut connection = Connection::open(pace.address).await?;
    let mut answered = Vec::new();
    for number in (first..pace.count).step_by(pace.connections) {
        let due = began + Duration::from_secs_f64(number as f64 / pace.per_second);
        tokio::time::sleep_until(due.into()).await;
        let answer = connection.exchange((pace.request)(number).as_bytes()).await?;
        let at = Instant::now();
        let body = connection.body(answer);
        if !(200..300).contains(&answer.status) {
            return Err(format!("status {}: {}", answer.status, String::from_utf8_lossy(body)));
        }
        answered.push(Answered { number, due, at, id: text_after(body, b"\"id\":\"").unwrap_or_default() });
    }
    Ok(answered)
}

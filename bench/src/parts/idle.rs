//! Many open sessions in which nobody says anything: heartbeats cost no events, and memory does not follow the sessions.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use super::invites::{clean_up, home};
use crate::audit;
use crate::fill;
use crate::http::{Connection, Result};
use crate::measured::Measured;
use crate::pace::{self, Pace};
use crate::participant::Participant;
use crate::report::Report;
use crate::scene::{self, Engine, Scene};
use crate::server::Server;
use crate::settings::Settings;
use crate::usage;

const DATABASE: &str = "relay_bench_idle";
/// Connections that open sessions, and later send the heartbeats of all of them.
const CONNECTIONS: usize = 64;
/// How often a participant's page says that it is still there.
const EVERY: Duration = Duration::from_secs(30);
/// When the server first looks whether a session has fallen silent.
const SILENCE: Duration = Duration::from_secs(120);
/// Memory has levelled off when a round of heartbeats adds less than this.
const LEVEL: f64 = 1.02;
/// After so many rounds it has to.
const ROUNDS: usize = 12;
/// How long a server does nothing before its memory is called idle.
const REST: Duration = Duration::from_secs(3);

/// The requests of all heartbeats.
type Heartbeats = Arc<Mutex<Vec<String>>>;

/// Measures both engines.
pub async fn run(settings: &Settings, report: &mut Report) {
    for engine in Engine::ALL {
        if let Err(error) = run_on(engine, settings, report).await {
            report.fail(&format!("idle/{}", engine.name()), error);
        }
    }
}

async fn run_on(engine: Engine, settings: &Settings, report: &mut Report) -> Result<()> {
    let name = engine.name();
    let sessions = settings.sessions;
    let every = if settings.quick { settings.duration() } else { EVERY };
    let home = home(engine, DATABASE, settings).await?;
    let server = home.start(0).await?;
    tokio::time::sleep(REST).await;
    let empty = memory(&server)?;
    let scene = Scene::with(&server, server.key()?, &[scene::question(1)], json!({"requireConsent": false})).await?;
    let links = fill::links(&server, &scene, sessions).await?;

    let began = Instant::now();
    let heartbeats = Heartbeats::default();
    let mut opening = tokio::spawn(open(server.address, links, Arc::clone(&heartbeats)));
    let opened = loop {
        tokio::select! {
            opened = &mut opening => break opened.map_err(|error| error.to_string())?,
            // Whoever is in already must not be taken for lost while the others come.
            beaten = beat(&server, &heartbeats, every) => drop(beaten?),
        }
    };
    opened?;
    report.add(&format!("idle/{name}/open"), "sessions/s", Measured::from_count(sessions, began.elapsed()));
    // What opening them has left in memory is not the price of their being open.
    let opened = Measured::value(memory(&server)?).note("in the process that opened them");
    report.add(&format!("idle/{name}/opened"), "MiB", opened);
    server.stop()?;
    let server = home.start(0).await?;
    // From then on the server also does what it does about silence: every session has a timer that looks for it.
    let mut first = true;
    while first || (!settings.quick && began.elapsed() < SILENCE) {
        beat(&server, &heartbeats, every).await?;
        first = false;
    }
    let events = audit::gapless(&home).await?;
    let beating = async {
        let latencies = beat(&server, &heartbeats, every).await?;
        Ok(Measured::from_latencies(latencies, every))
    };
    report.once(&format!("idle/{name}/heartbeats"), "heartbeats/s", &[server.pid()], beating).await;
    let mut memories = vec![memory(&server)?];
    let (before, after) = loop {
        beat(&server, &heartbeats, every).await?;
        let (before, after) = (memories[memories.len() - 1], memory(&server)?);
        memories.push(after);
        if after < before * LEVEL || memories.len() == ROUNDS {
            break (before, after);
        }
    };
    let rounds = memories.iter().map(|memory| format!("{memory:.0}")).collect::<Vec<_>>().join(", ");
    report.add(&format!("idle/{name}/before"), "MiB", Measured::value(before));
    let level = Measured::value(after).note(format!("after each round of heartbeats: {rounds}"));
    report.add(&format!("idle/{name}/after"), "MiB", level);
    let written = audit::gapless(&home).await? - events;
    if written > 0 {
        report.fail(&format!("idle/{name}/events"), format!("{written} events while nothing happened"));
    }
    let each = (after - empty).max(0.0) * 1024.0 * 1024.0 / sessions as f64;
    let each =
        Measured::value(each).note(format!("{sessions} sessions; {empty:.1} MiB without any; no events written"));
    report.add(&format!("idle/{name}/session"), "bytes", each);
    server.stop()?;
    clean_up(engine, DATABASE, settings).await
}

fn memory(server: &Server) -> Result<f64> {
    Ok(usage::resident(server.pid()).ok_or("the server is gone")?.0)
}

/// Opens and starts a session for each link.
async fn open(address: SocketAddr, links: Vec<String>, heartbeats: Heartbeats) -> Result<()> {
    let (links, next) = (Arc::new(links), Arc::new(AtomicUsize::new(0)));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (links, next, heartbeats) = (Arc::clone(&links), Arc::clone(&next), Arc::clone(&heartbeats));
        clients.spawn(async move {
            let mut connection = Connection::open(address).await?;
            while let Some(link) = links.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut participant = Participant::open(&mut connection, address, link).await?;
                participant.start().await?;
                heartbeats.lock().expect("the heartbeats' lock").push(participant.heartbeat());
            }
            Ok::<_, String>(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client.map_err(|error| error.to_string())??;
    }
    Ok(())
}

/// One heartbeat of each open session, evenly over this time; their latencies.
async fn beat(server: &Server, heartbeats: &Heartbeats, every: Duration) -> Result<Vec<u64>> {
    let requests = heartbeats.lock().expect("the heartbeats' lock").clone();
    if requests.is_empty() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        return Ok(Vec::new());
    }
    let pace = Pace {
        address: server.address,
        connections: CONNECTIONS.min(requests.len()),
        per_second: requests.len() as f64 / every.as_secs_f64(),
        count: requests.len(),
        request: Arc::new(move |number| requests[number].clone()),
    };
    let answered = pace::run(pace).await?;
    Ok(answered.iter().map(|answered| (answered.at - answered.due).as_nanos() as u64).collect())
}

//! Whole interviews over HTTP: come to the link, consent, start, ten answers, complete. Participants do not think.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::invites::{clean_up, home};
use crate::fill;
use crate::http::{Connection, Result};
use crate::measured::Measured;
use crate::participant::Participant;
use crate::report::Report;
use crate::scene::{self, Engine, Scene};
use crate::server::Server;
use crate::settings::Settings;

const DATABASE: &str = "relay_bench_interviews";
/// Questions of an interview.
const QUESTIONS: usize = 10;
/// Requests of an interview: session, consent, start, answers, complete.
const REQUESTS: usize = QUESTIONS + 4;
/// More interviews per second than a server gets through on two cores.
const LINKS_PER_SECOND: f64 = 600.0;
/// Long enough that nothing is followed up on.
const ANSWER: &str = "It was a long and rather good experience with many helpful people, and I would do it again.";

/// Measures both engines.
pub async fn run(settings: &Settings, report: &mut Report) {
    for engine in Engine::ALL {
        if let Err(error) = run_on(engine, settings, report).await {
            report.fail(&format!("interviews/{}", engine.name()), error);
        }
    }
}

async fn run_on(engine: Engine, settings: &Settings, report: &mut Report) -> Result<()> {
    let name = engine.name();
    let home = home(engine, DATABASE, settings).await?;
    let server = home.start(0).await?;
    let questions: Vec<Value> = (1..=QUESTIONS).map(scene::question).collect();
    for clients in [1, 64, 512] {
        // A campaign for each, since links are handed out from the first on.
        let scene = Scene::with(&server, server.key()?, &questions, json!({})).await?;
        let seconds = settings.seconds + settings.warmup;
        let links = fill::links(&server, &scene, (seconds * LINKS_PER_SECOND) as usize + clients).await?;
        let key = format!("interviews/{name}/c{clients}");
        let measured =
            report.once(&key, "interviews/s", &[server.pid()], load(&server, clients, links, settings)).await;
        if let Some(measured) = measured {
            // What can be held against requests of another kind.
            let requests = Measured::value(measured.per_second * REQUESTS as f64);
            report.add(&format!("{key}/requests"), "requests/s", requests.note(format!("{REQUESTS} per interview")));
        }
    }
    server.stop()?;
    clean_up(engine, DATABASE, settings).await
}

/// A closed loop of participants, on a thread of its own.
async fn load(server: &Server, clients: usize, links: Vec<String>, settings: &Settings) -> Result<Measured> {
    let (address, warmup, duration) = (server.address, settings.warmup(), settings.duration());
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(load_here(address, clients, links, warmup, duration))
    });
    thread.await.map_err(|error| error.to_string())?
}

async fn load_here(
    address: SocketAddr,
    clients: usize,
    links: Vec<String>,
    warmup: Duration,
    duration: Duration,
) -> Result<Measured> {
    let begin = Instant::now() + warmup;
    let end = begin + duration;
    let (links, next) = (Arc::new(links), Arc::new(AtomicUsize::new(0)));
    let mut participants = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (links, next) = (Arc::clone(&links), Arc::clone(&next));
        participants.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut latencies = Vec::new();
            while Instant::now() < end {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let link = links.get(number).ok_or("more interviews than links")?;
                let mut participant = Participant::open(&mut connection, address, link).await?;
                participant.consent().await?;
                let turn = participant.start().await?;
                let answered = participant.answer_all(turn, ANSWER).await?;
                if answered.len() != QUESTIONS {
                    return Err(format!("{} prompts instead of {QUESTIONS}", answered.len()));
                }
                let counted = answered.iter().filter(|(at, _)| (begin..end).contains(at));
                latencies.extend(counted.map(|(_, took)| took.as_nanos() as u64));
            }
            Ok::<_, String>(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(participant) = participants.join_next().await {
        latencies.extend(participant.map_err(|error| error.to_string())??);
    }
    let mut measured = Measured::from_latencies(latencies, duration);
    // One that is cut by the begin or the end counts with its answers between them.
    measured.per_second /= QUESTIONS as f64;
    Ok(measured.note("p50 and p99 of an answer"))
}

//! kill -9 of the server (both engines) and of PostgreSQL, at random times, under 64 clients that keep a journal of every
//! acknowledgement outside: none may be lost, none doubled by retries with the same Idempotency-Key.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::Rng;
use serde_json::Value;
use tokio::sync::watch;

use super::invites::{clean_up, home};
use crate::audit;
use crate::folder;
use crate::http::{Api, Result};
use crate::postgres::Cluster;
use crate::report::Report;
use crate::scene::{self, Engine, Scene};
use crate::server::{Home, Server};
use crate::settings::Settings;

const DATABASE: &str = "relay_bench_crash";
const CLIENTS: usize = 64;
/// How long a request may take, restarts of everything included, before it counts as lost.
const LIMIT: Duration = Duration::from_secs(120);
/// How many acknowledged requests are sent once more at the end.
const REPLAYS: usize = 500;

/// An acknowledged invite.
#[derive(Clone)]
struct Acknowledged {
    key: String,
    who: String,
    id: String,
}

/// What the clients share.
struct Journal {
    file: Mutex<std::fs::File>,
    acknowledged: Mutex<Vec<Acknowledged>>,
    next: AtomicU64,
    retried: AtomicU64,
    stop: AtomicBool,
}

/// Kills each of the three kinds of process `settings.kills` times.
pub async fn run(settings: &Settings, report: &mut Report) {
    let mut text = "## Kills\n\n".to_owned();
    for (what, engine) in [("the server on SQLite", Engine::Sqlite), ("the server on PostgreSQL", Engine::Postgres)] {
        match kill_server(engine, settings).await {
            Ok(line) => _ = writeln!(text, "- kill -9 of {what}: {line}"),
            Err(error) => report.fail(&format!("kill -9 of {what}"), error),
        }
    }
    match kill_postgres(settings).await {
        Ok(line) => _ = writeln!(text, "- kill -9 of PostgreSQL: {line}"),
        Err(error) => report.fail("kill -9 of PostgreSQL", error),
    }
    report.sections.push(text);
}

async fn kill_server(engine: Engine, settings: &Settings) -> Result<String> {
    let home = home(engine, DATABASE, settings).await?;
    let mut server = home.start(0).await?;
    let scene = Scene::set(&server).await?;
    let (address, addresses) = watch::channel(server.address);
    let journal = Arc::new(Journal::new()?);
    let clients = start_clients(&scene, &journal, &addresses);
    let mut starts = Vec::new();
    for _ in 0..settings.kills {
        tokio::time::sleep(random_time()).await;
        server.kill9();
        server = home.start(0).await?;
        starts.push(server.took);
        address.send_replace(server.address);
    }
    journal.finish(clients).await?;
    let line = check(&journal, &home, &scene, &server, settings.kills, &starts).await?;
    server.stop()?;
    clean_up(engine, DATABASE, settings).await?;
    Ok(line)
}

async fn kill_postgres(settings: &Settings) -> Result<String> {
    let starting = tokio::task::spawn_blocking(Cluster::start);
    let mut cluster = starting.await.map_err(|error| error.to_string())?;
    let url = crate::database::create(&cluster.url(), DATABASE).await?;
    let home = Home::new(&settings.folder, &settings.server, Some(url))?;
    let mut server = home.start(0).await?;
    let scene = Scene::set(&server).await?;
    let (_address, addresses) = watch::channel(server.address);
    let journal = Arc::new(Journal::new()?);
    let clients = start_clients(&scene, &journal, &addresses);
    let mut outages = Vec::new();
    for _ in 0..settings.kills {
        tokio::time::sleep(random_time()).await;
        tokio::task::block_in_place(|| cluster.kill9());
        tokio::task::block_in_place(|| cluster.restart());
        let up = Instant::now();
        let before = journal.count();
        while journal.count() == before {
            if up.elapsed() > LIMIT {
                return Err(format!("nothing was acknowledged for {LIMIT:?} after a restart: {}", server.log_end()));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        outages.push(up.elapsed());
        if !server.is_alive() {
            return Err(format!("the server ended with PostgreSQL: {}", server.log_end()));
        }
    }
    journal.finish(clients).await?;
    let line = check(&journal, &home, &scene, &server, settings.kills, &outages).await?;
    server.stop()?;
    Ok(line)
}

fn random_time() -> Duration {
    Duration::from_millis(rand::rng().random_range(100..1500))
}

impl Journal {
    fn new() -> Result<Self> {
        Ok(Self {
            file: Mutex::new(folder::file().map_err(|error| error.to_string())?),
            acknowledged: Mutex::default(),
            next: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        })
    }

    fn write(&self, entry: Acknowledged) {
        let line = format!("{} {} {}\n", entry.key, entry.who, entry.id);
        self.file.lock().expect("the journal's lock").write_all(line.as_bytes()).expect("write the journal");
        self.acknowledged.lock().expect("the journal's lock").push(entry);
    }

    fn count(&self) -> usize {
        self.acknowledged.lock().expect("the journal's lock").len()
    }

    /// Lets every client finish what it has begun.
    async fn finish(&self, mut clients: tokio::task::JoinSet<Result<()>>) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(client) = clients.join_next().await {
            client.map_err(|error| error.to_string())??;
        }
        Ok(())
    }
}

fn start_clients(
    scene: &Scene,
    journal: &Arc<Journal>,
    addresses: &watch::Receiver<SocketAddr>,
) -> tokio::task::JoinSet<Result<()>> {
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(client(scene.clone(), Arc::clone(journal), addresses.clone()));
    }
    clients
}

/// Invites one person after the other, each until it is acknowledged, with one key per person however often it takes.
async fn client(scene: Scene, journal: Arc<Journal>, addresses: watch::Receiver<SocketAddr>) -> Result<()> {
    let mut api = Api::new(*addresses.borrow(), &scene.key);
    while !journal.stop.load(Ordering::Relaxed) {
        let who = format!("{:09}", journal.next.fetch_add(1, Ordering::Relaxed));
        let key = format!("{:032x}", rand::random::<u128>());
        let began = Instant::now();
        let mut failed = String::new();
        loop {
            if began.elapsed() > LIMIT {
                return Err(format!("{who} was not acknowledged within {LIMIT:?}; last: {failed}"));
            }
            match invite(&mut api, &scene, &who, &key).await {
                Ok((201, invite)) => {
                    journal.write(Acknowledged { key, who, id: scene::id(&invite)? });
                    break;
                }
                Ok((409 | 500 | 503, error)) => failed = error.to_string(),
                Ok((status, error)) => return Err(format!("{who}: {status} {error}")),
                Err(error) => failed = error,
            }
            journal.retried.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
            api = Api::new(*addresses.borrow(), &scene.key);
        }
    }
    Ok(())
}

async fn invite(api: &mut Api, scene: &Scene, who: &str, key: &str) -> Result<(u16, Value)> {
    let header = format!("Idempotency-Key: {key}\r\n");
    let (path, person) = (scene.invites(), scene::person(who));
    let call = api.call("POST", &path, &header, Some(&person));
    tokio::time::timeout(Duration::from_secs(30), call).await.map_err(|_| "no answer within 30 s".to_owned())?
}

/// What must hold at the end; a line for the report if it does.
async fn check(
    journal: &Journal,
    home: &Home,
    scene: &Scene,
    server: &Server,
    kills: usize,
    starts: &[Duration],
) -> Result<String> {
    let acknowledged = journal.acknowledged.lock().expect("the journal's lock").clone();
    let mut stored: HashMap<String, Vec<String>> = HashMap::new();
    let mut api = scene.api(server);
    let mut after = String::new();
    loop {
        let page = api.get(&format!("{}?limit=100{after}", scene.invites())).await?;
        let invites = page["data"].as_array().ok_or("a list without data")?;
        for invite in invites {
            let email = invite["email"].as_str().unwrap_or_default().to_owned();
            stored.entry(email).or_default().push(scene::id(invite)?);
        }
        match invites.last() {
            Some(last) => after = format!("&after={}", scene::id(last)?),
            None => break,
        }
    }
    let mut lost = 0;
    let mut doubled = 0;
    for entry in &acknowledged {
        match stored.get(&scene::address(&entry.who)).map(Vec::as_slice) {
            Some([id]) if *id == entry.id => {}
            Some([_]) | None | Some([]) => lost += 1,
            Some(_) => doubled += 1,
        }
    }
    if lost > 0 || doubled > 0 || stored.len() != acknowledged.len() {
        let (stored, acknowledged) = (stored.len(), acknowledged.len());
        return Err(format!("{acknowledged} acknowledged, {stored} people stored, {lost} LOST, {doubled} DOUBLED"));
    }
    let step = (acknowledged.len() / REPLAYS).max(1);
    for entry in acknowledged.iter().step_by(step) {
        let (status, invite) = invite(&mut api, scene, &entry.who, &entry.key).await?;
        if status != 201 || invite["id"] != entry.id.as_str() {
            return Err(format!("{}: a retry was answered {status} {invite} instead of {}", entry.who, entry.id));
        }
    }
    let events = audit::gapless(home).await?;
    home.administer(&["projections", "verify"]).await?;
    let slowest = starts.iter().max().copied().unwrap_or_default();
    Ok(format!(
        "{kills} times under {CLIENTS} clients; {} acknowledged, none lost, none doubled ({} attempts had to be repeated); \
         {events} events without a gap, projections verify passes; serving again after at most {:.2} s",
        acknowledged.len(),
        journal.retried.load(Ordering::Relaxed),
        slowest.as_secs_f64()
    ))
}

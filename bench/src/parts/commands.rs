//! CreateInvite through the command path, in this process: rules, sealing, leaf hash, read model, counters, idempotency
//! record, durable commit. What HTTP adds is measured by the part `invites`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use interview_relay::clock::Clock;
use interview_relay::command::invites::CreateInvite;
use interview_relay::command::{Caller, Commands};
use interview_relay::http::IdempotencyRequest;
use interview_relay::store::{Location, Store};
use interview_relay::trust::keys::Keys;

use super::invites::{clean_up, home};
use crate::audit;
use crate::http::Result;
use crate::measured::Measured;
use crate::profile;
use crate::report::Report;
use crate::scene::{self, Engine, Scene};
use crate::server::Home;
use crate::settings::Settings;

const DATABASE: &str = "relay_bench_commands";
/// As many connections for queries as a node of the product has.
const READERS: u32 = 16;

/// How the clients choose their idempotency keys.
#[derive(Clone, Copy)]
enum IdempotencyKeys {
    None,
    Ordered,
    Random,
}

/// Measures both engines.
pub async fn run(settings: &Settings, report: &mut Report) {
    for engine in Engine::ALL {
        if let Err(error) = run_on(engine, settings, report).await {
            report.fail(&format!("command/{}", engine.name()), error);
        }
    }
}

async fn run_on(engine: Engine, settings: &Settings, report: &mut Report) -> Result<()> {
    use IdempotencyKeys::{None, Ordered, Random};
    let name = engine.name();
    let home = home(engine, DATABASE, settings).await?;
    // The product itself makes the organization, the script and the campaign.
    let server = home.start(0).await?;
    let scene = Scene::set(&server).await?;
    server.stop()?;
    let caller = Caller {
        organization: audit::organization(&home).await?.parse().map_err(|_| "not an organization's id")?,
        actor: "bench".to_owned(),
        request_id: "req_bench".to_owned(),
    };
    let commands = open(&home).await?;
    let cells = [
        (format!("command/{name}/c1"), 1, Random),
        (format!("command/{name}/c64"), 64, Random),
        (format!("command/{name}/c256"), 256, Random),
        (format!("command/{name}/c64/ordered-keys"), 64, Ordered),
        (format!("command/{name}/c64/no-keys"), 64, None),
    ];
    let next = Arc::new(AtomicU64::new(0));
    let load = |clients, keys| {
        let (commands, next) = (Arc::clone(&commands), Arc::clone(&next));
        closed_loop(commands, caller.clone(), scene.clone(), next, clients, keys, settings.clone())
    };
    for (key, clients, keys) in cells {
        let measure = async || load(clients, keys).await;
        report.cell(&key, "commands/s", &[std::process::id()], measure).await;
    }
    if settings.profile {
        match profile::of(std::process::id(), &settings.database_url, settings.duration(), load(64, Random)).await {
            Ok(table) => {
                report.sections.push(format!("## Where the time goes: CreateInvite in process, {name}\n\n{table}"));
            }
            Err(error) => report.fail(&format!("profile/command/{name}"), error),
        }
    }
    drop(commands);
    audit::gapless(&home).await?;
    clean_up(engine, DATABASE, settings).await
}

async fn open(home: &Home) -> Result<Arc<Commands>> {
    let location = match &home.database_url {
        Some(url) => Location::Postgres(url.clone()),
        None => Location::Sqlite(home.sqlite_file()?),
    };
    let keys = Keys::from_file(&home.master_key_file(), false).map_err(|error| error.to_string())?;
    let (keys, clock) = (Arc::new(keys), Clock::system());
    let store = Store::open(location, Arc::clone(&keys), clock.clone(), READERS).await;
    let store = store.map_err(|error| error.to_string())?;
    Ok(Arc::new(Commands::new(store, clock, keys, "https://interviews.example.com".to_owned())))
}

async fn closed_loop(
    commands: Arc<Commands>,
    caller: Caller,
    scene: Scene,
    next: Arc<AtomicU64>,
    clients: usize,
    keys: IdempotencyKeys,
    settings: Settings,
) -> Result<Measured> {
    let campaign = scene.campaign.parse().map_err(|_| "not a campaign's id")?;
    let stop = Arc::new(AtomicBool::new(false));
    let begin = Instant::now() + settings.warmup();
    let end = begin + settings.duration();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (commands, caller, next, stop) =
            (Arc::clone(&commands), caller.clone(), Arc::clone(&next), Arc::clone(&stop));
        workers.spawn(async move {
            let mut latencies = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let sent = Instant::now();
                let key = match keys {
                    IdempotencyKeys::None => Option::None,
                    IdempotencyKeys::Ordered => Some(format!("{number:032x}")),
                    IdempotencyKeys::Random => Some(format!("{:032x}", rand::random::<u128>())),
                };
                let idempotency = key.map(|key| IdempotencyRequest { key, fingerprint: [7; 32] });
                let command = CreateInvite { campaign, body: scene::person(&format!("{number:012}")).into() };
                let outcome = commands.run(&caller, idempotency.as_ref(), &command).await;
                let outcome = outcome.map_err(|error| error.to_string())?;
                outcome.result.map_err(|refusal| format!("{refusal:?}"))?;
                let answered = Instant::now();
                if sent >= begin && answered < end {
                    latencies.push((answered - sent).as_nanos() as u64);
                }
            }
            Ok::<_, String>(latencies)
        });
    }
    tokio::time::sleep_until(end.into()).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    while let Some(worker) = workers.join_next().await {
        latencies.extend(worker.map_err(|error| error.to_string())??);
    }
    Ok(Measured::from_latencies(latencies, settings.duration()))
}

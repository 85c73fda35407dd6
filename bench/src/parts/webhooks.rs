//! Webhooks to a receiver on this machine: how many, how soon, with receivers that hang, and after a restart.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::invites::{clean_up, home};
use crate::fill::{self, BULK};
use crate::hooks::{self, PATIENCE};
use crate::http::{Api, Result};
use crate::measured::Measured;
use crate::receiver::Receiver;
use crate::report::Report;
use crate::scene::{self, Engine, Scene};
use crate::server::{Home, Server};
use crate::settings::Settings;

const DATABASE: &str = "relay_bench_webhooks";
/// Endpoints that share the deliveries of the second cell.
const SEVERAL: usize = 16;
/// Events per second at which the latency is taken.
const STEADY: f64 = 1_000.0;
/// Organizations of the cells with endpoints that hang, and the endpoints of each: a thousand in all.
const ORGANIZATIONS: usize = 25;
const ENDPOINTS: usize = 40;
/// Events per second there; each makes [`ENDPOINTS`] deliveries.
const SPREAD: f64 = 10.0;
/// How long receivers have hung before it counts: what comes at first, when nobody knows of it, is part of it.
const HUNG: Duration = Duration::from_secs(3);
/// Deliveries after which a node is stopped, with more to make.
const SOME: usize = 500;

/// Measures both engines.
pub async fn run(settings: &Settings, report: &mut Report) {
    for engine in Engine::ALL {
        if let Err(error) = run_on(engine, settings, report).await {
            report.fail(&format!("webhooks/{}", engine.name()), error);
        }
    }
}

async fn run_on(engine: Engine, settings: &Settings, report: &mut Report) -> Result<()> {
    let name = engine.name();
    let mut home = home(engine, DATABASE, settings).await?;
    home.set("RELAY_DEV", "on");
    let server = home.start(0).await?;
    let scene = Scene::set(&server).await?;
    let receiver = Receiver::start().await?;
    let events = ((settings.seconds * 2_000.0) as usize).div_ceil(BULK) * BULK;
    drain(name, 1, events, &server, &scene, &receiver, report).await?;
    drain(name, SEVERAL, (events / SEVERAL).div_ceil(BULK) * BULK, &server, &scene, &receiver, report).await?;

    let mut api = scene.api(&server);
    let hook = hooks::create(&mut api, &receiver.url(1)).await?;
    let key = format!("webhooks/{name}/at1000");
    let (scenes, endpoints) = (std::slice::from_ref(&scene), [vec![1]]);
    let steady = hooks::steady(&server, scenes, &receiver, STEADY, &endpoints, settings);
    report.once(&key, "deliveries/s", &[server.pid()], steady).await;
    api.delete(&hook).await?;

    let server = restarts(name, &home, server, &scene, &receiver, report).await?;
    hanging(name, &home, &server, &receiver, settings, report).await?;
    server.stop()?;
    clean_up(engine, DATABASE, settings).await
}

/// As fast as it goes: all of them wait when the endpoints are enabled.
async fn drain(
    name: &str,
    endpoints: usize,
    events: usize,
    server: &Server,
    scene: &Scene,
    receiver: &Receiver,
    report: &mut Report,
) -> Result<()> {
    let mut api = scene.api(server);
    let mut paths = Vec::new();
    for number in 1..=endpoints {
        paths.push(hooks::create(&mut api, &receiver.url(number)).await?);
    }
    hooks::set(&mut api, &paths, "paused").await?;
    fill::invites(server, scene, 0..events / BULK, |_| Ok(())).await?;
    receiver.clear();
    let measure = async {
        hooks::set(&mut api, &paths, "enabled").await?;
        receiver.wait(events * endpoints, PATIENCE * 3).await?;
        let receipts = receiver.receipts();
        let took = match (receipts.first(), receipts.last()) {
            (Some(first), Some(last)) => last.at - first.at,
            _ => Duration::ZERO,
        };
        Ok(Measured::from_count(receipts.len(), took))
    };
    report.once(&format!("webhooks/{name}/drain{endpoints}"), "deliveries/s", &[server.pid()], measure).await;
    for path in paths {
        api.delete(&path).await?;
    }
    Ok(())
}

/// A thousand endpoints in several organizations, first all well, then with every fifth hanging.
async fn hanging(
    name: &str,
    home: &Home,
    server: &Server,
    receiver: &Receiver,
    settings: &Settings,
    report: &mut Report,
) -> Result<()> {
    let (mut scenes, mut all, mut healthy) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..ORGANIZATIONS {
        let scene = Scene::with(server, organization(home, number).await?, &[scene::question(1)], json!({})).await?;
        let mut api = scene.api(server);
        let numbers: Vec<usize> = (0..ENDPOINTS).map(|endpoint| number * ENDPOINTS + endpoint).collect();
        for endpoint in &numbers {
            hooks::create(&mut api, &receiver.url(*endpoint)).await?;
        }
        healthy.push(numbers.iter().copied().filter(|number| number % Receiver::HANGING != 0).collect::<Vec<_>>());
        all.push(numbers);
        scenes.push(scene);
    }
    let steady = hooks::steady(server, &scenes, receiver, SPREAD, &all, settings);
    report.once(&format!("webhooks/{name}/all-well"), "deliveries/s", &[server.pid()], steady).await;
    receiver.hang(true);
    let lead = Settings { seconds: HUNG.as_secs_f64(), warmup: 0.0, ..settings.clone() };
    hooks::steady(server, &scenes, receiver, SPREAD, &healthy, &lead).await?;
    let steady = hooks::steady(server, &scenes, receiver, SPREAD, &healthy, settings);
    report.once(&format!("webhooks/{name}/fifth-hangs"), "deliveries/s", &[server.pid()], steady).await;
    receiver.hang(false);
    Ok(())
}

/// A new organization's key.
async fn organization(home: &Home, number: usize) -> Result<String> {
    let name = format!("Bench {number}");
    let made = document(home, &["org", "create", "--name", &name, "--plan", "professional", "--json"]).await?;
    let org = scene::id(&made)?;
    let key =
        document(home, &["keys", "create", "--org", &org, "--name", "bench", "--scopes", "all", "--json"]).await?;
    Ok(key["key"].as_str().ok_or("a key without its secret")?.to_owned())
}

async fn document(home: &Home, arguments: &[&str]) -> Result<Value> {
    let (output, ..) = home.administer(arguments).await?;
    // Among what the command logs.
    let documents = output.lines().filter_map(|line| serde_json::from_str(line).ok());
    let document = documents.into_iter().find(|document: &Value| document["id"].is_string());
    document.ok_or_else(|| format!("{arguments:?}: {output}"))
}

/// From the start of the process to the first webhook, with a backlog; after SIGTERM and after kill -9. None may be lost.
async fn restarts(
    name: &str,
    home: &Home,
    mut server: Server,
    scene: &Scene,
    receiver: &Receiver,
    report: &mut Report,
) -> Result<Server> {
    let mut api = scene.api(&server);
    let hook = [hooks::create(&mut api, &receiver.url(1)).await?];
    hooks::set(&mut api, &hook, "paused").await?;
    let ids = fill::invites(&server, scene, 0..20, hooks::ids).await?.concat();
    receiver.clear();
    hooks::set(&mut api, &hook, "enabled").await?;
    for (key, kill) in [("restart", false), ("restart-after-kill", true)] {
        receiver.wait(receiver.count() + SOME, PATIENCE).await?;
        if kill {
            server.kill9()
        } else {
            server.stop()?
        }
        let (before, began) = (receiver.count(), Instant::now());
        server = home.start(0).await?;
        receiver.wait(before + 1, PATIENCE).await?;
        let first = receiver.receipts().get(before).map_or(Duration::ZERO, |receipt| receipt.at - began);
        let (ready, left) = (server.took.as_secs_f64(), ids.len().saturating_sub(before));
        let note = format!("ready after {ready:.3} s; {left} of {} were still to be sent", ids.len());
        report.add(&format!("webhooks/{name}/{key}"), "s", Measured::value(first.as_secs_f64()).note(note));
    }
    receiver.wait(ids.len(), PATIENCE).await?;
    let began = Instant::now();
    let repeated = loop {
        match hooks::complete(receiver, 1, &ids) {
            Ok(repeated) => break repeated,
            // What came twice counts before the last has come.
            Err(_) if began.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => return Err(error),
        }
    };
    println!("webhooks/{name}: {} events over two restarts, none lost, {repeated} sent again", ids.len());
    let mut api = Api::new(server.address, &scene.key);
    api.delete(&hook[0]).await?;
    Ok(server)
}

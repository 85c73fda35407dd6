//! List queries on few rows and on many; and with the many: start, memory, reading and rebuilding.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::invites::{clean_up, home};
use crate::audit;
use crate::database;
use crate::fill::{self, BULK};
use crate::http::{Api, Result};
use crate::load::{self, Load};
use crate::measured::Measured;
use crate::report::Report;
use crate::scene::{self, Engine, Scene};
use crate::server::{Home, Server};
use crate::settings::Settings;
use crate::usage;

const DATABASE: &str = "relay_bench_lists";
/// Rows of the small set.
const FEW: usize = 1_000;
/// How long a server does nothing before its memory is called idle.
const REST: Duration = Duration::from_secs(3);
/// How often a start is timed.
const STARTS: usize = 5;

/// What is known of the rows: the first invite of each bulk request, in order of creation.
#[derive(Default)]
struct Rows {
    samples: Vec<Sample>,
    count: usize,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Sample {
    id: String,
    email: String,
}

/// Measures both engines.
pub async fn run(settings: &Settings, report: &mut Report) {
    for engine in Engine::ALL {
        if let Err(error) = run_on(engine, settings, report).await {
            report.fail(&format!("list/{}", engine.name()), error);
        }
    }
}

async fn run_on(engine: Engine, settings: &Settings, report: &mut Report) -> Result<()> {
    let name = engine.name();
    let home = home(engine, DATABASE, settings).await?;
    let server = home.start(0).await?;
    let scene = Scene::set(&server).await?;
    let mut rows = Rows::default();
    fill(&server, &scene, &mut rows, FEW).await?;
    cancel_some(&server, &scene, 60).await?;
    audit::caught_up(&home).await?;
    queries(&format!("list/{name}/few"), settings, report, &server, &scene, &rows).await;
    let began = Instant::now();
    let before = rows.count;
    fill(&server, &scene, &mut rows, settings.rows).await?;
    let filled = Measured::from_count(rows.count - before, began.elapsed());
    report.add(&format!("many/{name}/fill"), "rows/s", filled);
    cancel_some(&server, &scene, 600).await?;
    let waited = Instant::now();
    audit::caught_up(&home).await?;
    let waited = Measured::value(waited.elapsed().as_secs_f64()).note("until the reactors had seen all of it");
    report.add(&format!("many/{name}/caught-up"), "s", waited);
    if let Some(url) = &home.database_url {
        database::settle(url).await?;
    }
    queries(&format!("list/{name}/many"), settings, report, &server, &scene, &rows).await;
    server.stop()?;
    many(name, &home, report).await?;
    clean_up(engine, DATABASE, settings).await
}

async fn queries(prefix: &str, settings: &Settings, report: &mut Report, server: &Server, scene: &Scene, rows: &Rows) {
    let emails: Vec<String> = rows.samples.iter().map(|sample| sample.email.replace('@', "%40")).collect();
    let ids = |from: f64, to: f64| -> Vec<String> {
        let at = |share: f64| (rows.samples.len() as f64 * share) as usize;
        rows.samples[at(from)..at(to).max(at(from) + 1)].iter().map(|sample| sample.id.clone()).collect()
    };
    // Newest first, so that what was created after a tenth of the rows is nine tenths down the list.
    let queries = [
        ("plain", "limit=20", Vec::new()),
        ("status", "limit=20&status=pending", Vec::new()),
        ("status-rare", "limit=20&status=cancelled", Vec::new()),
        ("email", "limit=20&email={{one}}", emails),
        ("ascending", "limit=20&order=asc", Vec::new()),
        ("after", "limit=20&after={{one}}", ids(0.0, 1.0)),
        ("deep", "limit=20&after={{one}}", ids(0.09, 0.11)),
    ];
    for (what, query, values) in queries {
        let load = Load {
            addresses: vec![server.address],
            connections: 64,
            warmup: settings.warmup(),
            duration: settings.duration(),
            template: scene.list(server, query, values),
            expected: 200,
        };
        let key = format!("{prefix}/{what}");
        report.cell(&key, "requests/s", &[server.pid()], async || load::run(load.clone()).await).await;
    }
}

/// Fills the campaign up to `target` rows through the bulk endpoint.
async fn fill(server: &Server, scene: &Scene, rows: &mut Rows, target: usize) -> Result<()> {
    let first = |invites: &[Value]| {
        let first = invites.first().ok_or("a bulk answer without invites")?;
        let email = first["email"].as_str().ok_or("an invite without an address")?.to_owned();
        Ok(Sample { id: scene::id(first)?, email })
    };
    rows.samples.extend(fill::invites(server, scene, rows.count / BULK..target.div_ceil(BULK), first).await?);
    rows.samples.sort(); // ids sort by time
    rows.count = target.div_ceil(BULK) * BULK;
    let page = scene.api(server).get(&format!("{}?limit=1", scene.invites())).await?;
    match page["pagination"]["total"].as_u64() {
        Some(total) if total == rows.count as u64 => Ok(()),
        total => Err(format!("{} invites were created, the list's total is {total:?}", rows.count)),
    }
}

/// Cancels some of the newest, so that there is a rare status to look for.
async fn cancel_some(server: &Server, scene: &Scene, count: usize) -> Result<()> {
    let mut api: Api = scene.api(server);
    let mut done = 0;
    while done < count {
        let page = api.get(&format!("{}?limit=100&status=pending", scene.invites())).await?;
        for invite in page["data"].as_array().into_iter().flatten().take(count - done).step_by(2) {
            api.post(&format!("/v1/invites/{}/cancel", scene::id(invite)?), json!({})).await?;
            done += 1;
        }
    }
    Ok(())
}

/// What is measured with the many events stored.
async fn many(name: &str, home: &Home, report: &mut Report) -> Result<()> {
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let server = home.start(0).await?;
        starts.push(server.took.as_secs_f64());
        server.stop()?;
    }
    starts.sort_by(f64::total_cmp);
    let slowest = starts[STARTS - 1];
    let start = Measured::value(starts[STARTS / 2]).note(format!("median of {STARTS}, slowest {slowest:.3} s"));
    report.add(&format!("many/{name}/start"), "s", start);

    let server = home.start(0).await?;
    tokio::time::sleep(REST).await;
    let (now, peak) = usage::resident(server.pid()).ok_or("the server is gone")?;
    let idle = Measured::value(now).note(format!("most since its start: {peak:.1} MiB"));
    report.add(&format!("many/{name}/idle"), "MiB", idle);

    audit::gapless(home).await?;
    audit::read_all(home).await?; // so that both read from memory what fits there
    report.add(&format!("many/{name}/read"), "s", audit::read_all(home).await?);
    for command in ["rebuild", "verify"] {
        let (_, took, peak) = home.administer(&["projections", command]).await?;
        let measured = Measured::value(took.as_secs_f64()).note(format!("at most {peak:.0} MiB"));
        report.add(&format!("many/{name}/{command}"), "s", measured);
    }
    server.stop()
}

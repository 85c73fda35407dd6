//! Two server processes on one PostgreSQL, against one.

use crate::audit;
use crate::database;
use crate::http::Result;
use crate::load::{self, Load};
use crate::report::Report;
use crate::scene::Scene;
use crate::server::Home;
use crate::settings::Settings;

const DATABASE: &str = "relay_bench_nodes";

/// Measures one, then two, then looks whether the order is whole.
pub async fn run(settings: &Settings, report: &mut Report) {
    if let Err(error) = measure(settings, report).await {
        report.fail("nodes", error);
    }
}

async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let url = database::create(&settings.database_url, DATABASE).await?;
    let home = Home::new(&settings.folder, &settings.server, Some(url))?;
    let first = home.start(0).await?;
    let scene = Scene::set(&first).await?;
    let mut load = Load {
        addresses: vec![first.address],
        connections: 64,
        warmup: settings.warmup(),
        duration: settings.duration(),
        template: scene.invite(&first, "Idempotency-Key: {{random}}\r\n"),
        expected: 201,
    };
    report.cell("nodes/one", "requests/s", &[first.pid()], async || load::run(load.clone()).await).await;
    let second = home.start(1).await?;
    load.addresses.push(second.address);
    let pids = [first.pid(), second.pid()];
    report.cell("nodes/two", "requests/s", &pids, async || load::run(load.clone()).await).await;
    let events = audit::gapless(&home).await?;
    println!("nodes: {events} events of two nodes, positions and sequences without a gap");
    home.administer(&["projections", "verify"]).await?;
    second.stop()?;
    first.stop()?;
    database::remove(&settings.database_url, DATABASE).await
}

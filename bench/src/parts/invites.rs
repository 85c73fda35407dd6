//! Creating invites over HTTP with everything on: authentication, scopes, validation, idempotency.

use crate::database;
use crate::fill::BULK;
use crate::http::Result;
use crate::load::{self, Load};
use crate::profile;
use crate::report::Report;
use crate::scene::{Engine, Scene};
use crate::server::{Home, Server};
use crate::settings::Settings;
use crate::template::Template;

/// Measures both engines.
pub async fn run(settings: &Settings, report: &mut Report) {
    for engine in Engine::ALL {
        if let Err(error) = run_on(engine, settings, report).await {
            report.fail(&format!("http/{}", engine.name()), error);
        }
    }
}

async fn run_on(engine: Engine, settings: &Settings, report: &mut Report) -> Result<()> {
    let name = engine.name();
    let home = home(engine, "relay_bench_invites", settings).await?;
    let server = home.start(0).await?;
    let scene = Scene::set(&server).await?;
    let pid = [server.pid()];
    let random_key = "Idempotency-Key: {{random}}\r\n";

    for clients in [1, 64] {
        let load = load(settings, &server, clients, scene.invite(&server, random_key));
        let key = if clients == 64 { format!("http/{name}/invite/key") } else { format!("http/{name}/invite/key/c1") };
        report.cell(&key, "requests/s", &pid, async || load::run(load.clone()).await).await;
    }
    let without = load(settings, &server, 64, scene.invite(&server, ""));
    report.cell(&format!("http/{name}/invite"), "requests/s", &pid, async || load::run(without.clone()).await).await;
    if settings.profile {
        let load = load(settings, &server, 64, scene.invite(&server, random_key));
        match profile::of(server.pid(), &settings.database_url, settings.duration(), load::run(load)).await {
            Ok(table) => {
                report.sections.push(format!("## Where the server's time goes: POST invites, {name}\n\n{table}"))
            }
            Err(error) => report.fail(&format!("profile/{name}"), error),
        }
    }
    let bulk = load(settings, &server, 4, scene.bulk(&server, BULK));
    let measure = async || {
        let mut measured = load::run(bulk.clone()).await?;
        measured.per_second *= BULK as f64;
        Ok(measured)
    };
    report.cell(&format!("http/{name}/bulk{BULK}"), "rows/s", &pid, measure).await;
    server.stop()?;
    clean_up(engine, "relay_bench_invites", settings).await
}

fn load(settings: &Settings, server: &Server, connections: usize, template: Template) -> Load {
    Load {
        addresses: vec![server.address],
        connections,
        warmup: settings.warmup(),
        duration: settings.duration(),
        template,
        expected: 201,
    }
}

/// A home on this engine, with an empty database of this name if it is PostgreSQL.
pub async fn home(engine: Engine, database: &str, settings: &Settings) -> Result<Home> {
    let url = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(database::create(&settings.database_url, database).await?),
    };
    Home::new(&settings.folder, &settings.server, url)
}

/// Drops what [`home`] has created outside the home's own folder.
pub async fn clean_up(engine: Engine, database: &str, settings: &Settings) -> Result<()> {
    match engine {
        Engine::Sqlite => Ok(()),
        Engine::Postgres => database::remove(&settings.database_url, database).await,
    }
}

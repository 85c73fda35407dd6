//! Invites by mail, through SMTP to a server on this machine that takes everything.

use std::time::Duration;

use serde_json::{Value, json};

use super::invites::{clean_up, home};
use crate::fill::BULK;
use crate::http::Result;
use crate::report::Report;
use crate::scene::{self, Engine, Scene};
use crate::settings::Settings;
use crate::smtp::{self, Sink};

const DATABASE: &str = "relay_bench_mail";
/// As many connections as the product opens.
const CONNECTIONS: usize = 16;
/// Mails per second of measurement: somewhat more than the product sends, and less than its queue holds in all.
const MAILS_PER_SECOND: f64 = 600.0;
/// How long the last mail may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// Measures both engines.
pub async fn run(settings: &Settings, report: &mut Report) {
    match Sink::start().await {
        Ok(sink) => {
            let bytes = 6_000; // about what the built-in template makes
            let feeding = smtp::feed(sink.address, CONNECTIONS, bytes, settings.duration());
            report.once("mail/bare", "mails/s", &[], feeding).await;
        }
        Err(error) => report.fail("mail/bare", error),
    }
    for engine in Engine::ALL {
        if let Err(error) = run_on(engine, settings, report).await {
            report.fail(&format!("mail/{}", engine.name()), error);
        }
    }
}

async fn run_on(engine: Engine, settings: &Settings, report: &mut Report) -> Result<()> {
    let name = engine.name();
    let sink = Sink::start().await?;
    let mut home = home(engine, DATABASE, settings).await?;
    home.set("SMTP_URL", format!("smtp://{}", sink.address));
    home.set("RELAY_MAIL_FROM", "bench@example.com");
    home.set("RELAY_MAIL_RATE", "100000");
    let server = home.start(0).await?;
    let scene = Scene::set(&server).await?;
    let mut api = scene.api(&server);
    let requests = ((settings.seconds * MAILS_PER_SECOND) as usize).div_ceil(BULK);
    let mails = async {
        for request in 0..requests {
            let person = |index: usize| {
                let mut person = scene::person(&format!("{:09}", request * BULK + index));
                person["sendEmail"] = json!(true);
                person
            };
            let people: Vec<Value> = (0..BULK).map(person).collect();
            api.post(&format!("{}/bulk", scene.invites()), json!({"invites": people})).await?;
        }
        sink.wait(requests * BULK, PATIENCE).await
    };
    report.once(&format!("mail/{name}"), "mails/s", &[server.pid()], mails).await;
    server.stop()?;
    clean_up(engine, DATABASE, settings).await
}

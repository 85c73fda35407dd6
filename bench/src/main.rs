//! Measures InterviewRelay side by side with a peer and with the limits of the machine, in one run. See `bench/run`.

mod audit;
mod database;
mod hello;
mod http;
mod load;
mod measured;
mod parts;
mod peer;
#[path = "../../tests/support/postgres.rs"]
mod postgres;
mod profile;
mod raw;
mod report;
mod scene;
mod server;
mod settings;
mod template;
mod usage;

use std::process::ExitCode;

use report::Report;
use settings::{Part, Settings};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, command, port] = arguments.as_slice()
        && command == "hello"
        && let Ok(port) = port.parse()
    {
        return exit(hello::serve(port).await);
    }
    let settings = Settings::read();
    let mut report = Report::new(&settings);
    if settings.wants(Part::Limits) {
        parts::limits::run(&settings, &mut report).await;
    }
    if settings.wants(Part::Peer) {
        parts::peer::run(&settings, &mut report).await;
    }
    if settings.wants(Part::Commands) {
        parts::commands::run(&settings, &mut report).await;
    }
    if settings.wants(Part::Invites) {
        parts::invites::run(&settings, &mut report).await;
    }
    if settings.wants(Part::Nodes) {
        parts::nodes::run(&settings, &mut report).await;
    }
    if settings.wants(Part::Lists) {
        parts::lists::run(&settings, &mut report).await;
    }
    if settings.wants(Part::Crash) {
        parts::crash::run(&settings, &mut report).await;
    }
    exit(report.finish(&settings.results))
}

fn exit(result: http::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

//! Measures InterviewRelay side by side with a peer and with the limits of the machine, in one run. See `bench/run`.

// The product's test support takes this from a crate of that name; see `folder`.
extern crate self as tempfile;

mod audit;
mod database;
mod fill;
mod folder;
mod goals;
mod hello;
mod hooks;
mod http;
mod load;
mod measured;
mod pace;
mod participant;
mod parts;
mod peer;
#[path = "../../tests/support/ports.rs"]
mod ports;
#[path = "../../tests/support/postgres.rs"]
mod postgres;
mod profile;
mod rabbitmq;
mod raw;
mod receiver;
mod report;
mod scene;
mod server;
mod settings;
mod smtp;
mod template;
mod usage;

use std::process::ExitCode;

use clap::ValueEnum;
use folder::{Builder, TempDir};
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
    tokio::select! {
        result = measure(&settings) => exit(result),
        () = stopped() => {
            // What was started ended with the measuring; nobody waits for threads that still send requests.
            eprintln!("stopped");
            std::process::exit(130)
        }
    }
}

async fn measure(settings: &Settings) -> http::Result<()> {
    let mut report = Report::new(settings);
    for part in Part::value_variants() {
        if settings.wants(*part) {
            parts::run(*part, settings, &mut report).await;
        }
    }
    report.finish(&settings.results)
}

/// Returns on SIGTERM or SIGINT: RabbitMQ runs in a process group of its own, which a terminal's Ctrl-C does not reach.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
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

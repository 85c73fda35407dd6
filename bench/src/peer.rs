//! Runs the peer, a program of its own (`bench/peer`), and reads its result.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::http::Result;
use crate::measured::Measured;
use crate::settings::Settings;

/// One closed-loop cell of the peer on an empty database.
pub async fn run(program: &Path, url: &str, clients: usize, settings: &Settings) -> Result<Measured> {
    // What did best of 10, 32, 64 and 128 connections here.
    let pool = clients.clamp(4, 32);
    let mut command = Command::new(program);
    command.arg(url).arg(clients.to_string()).arg(settings.seconds.to_string()).arg(settings.warmup.to_string());
    command.arg(pool.to_string());
    let running = tokio::task::spawn_blocking(move || command.output());
    let output = running.await.map_err(|error| error.to_string())?;
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    if !output.status.success() {
        return Err(format!("the peer failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let line: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("the peer's answer: {error}"))?;
    let number = |name: &str| line[name].as_f64().unwrap_or(0.0);
    Ok(Measured {
        per_second: number("per_second"),
        p50_ms: number("p50_ms"),
        p99_ms: number("p99_ms"),
        count: number("count") as usize,
        ..Measured::default()
    }
    .note(format!("event of {:.0} bytes, pool of {pool}", number("event_bytes"))))
}

//! Where a process's time goes, through `perf`.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::folder::Builder;
use crate::http::Result;
use crate::measured::Measured;
use crate::usage;

/// Samples a process, and those of PostgreSQL, while `load` runs, and returns the functions that took most, as Markdown.
pub async fn of(
    pid: u32,
    database_url: &str,
    duration: Duration,
    load: impl Future<Output = Result<Measured>> + Send + 'static,
) -> Result<String> {
    let folder = Builder::new().prefix("relay-bench.").tempdir().map_err(|error| error.to_string())?;
    let data = folder.path().join("perf.data");
    let load = tokio::spawn(load);
    // PostgreSQL's processes are listed once the load has opened its connections.
    tokio::time::sleep(duration / 8).await;
    let mut pids = vec![pid.to_string()];
    pids.extend(usage::postgres_processes(database_url).await.iter().map(u32::to_string));
    let mut perf = Command::new("perf");
    perf.args(["record", "--quiet", "--event=cpu-clock", "--freq=499", "--pid", &pids.join(","), "--output"])
        .arg(&data)
        .args(["--", "sleep", &(duration / 2).as_secs_f64().to_string()])
        .stdin(Stdio::null());
    let sampling = tokio::task::spawn_blocking(move || perf.output());
    let sampled = sampling.await.map_err(|error| error.to_string())?.map_err(|error| format!("perf: {error}"))?;
    if !sampled.status.success() {
        return Err(format!("perf: {}", String::from_utf8_lossy(&sampled.stderr)));
    }
    let loaded = load.await.map_err(|error| error.to_string())?;
    let measured = loaded?;
    let sections = [("by library or thread", "overhead,dso,comm", "2"), ("by function", "overhead,comm,symbol", "0.8")];
    let mut text = format!("{:.0} requests/s while sampled.\n", measured.per_second);
    for (title, fields, limit) in sections {
        let output = Command::new("perf")
            .args([
                "report",
                "--stdio",
                "--quiet",
                "--no-children",
                "--fields",
                fields,
                "--percent-limit",
                limit,
                "--input",
            ])
            .arg(&data)
            .stderr(Stdio::null())
            .output()
            .map_err(|error| format!("perf: {error}"))?;
        let lines = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<&str> = lines
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .take(40)
            .collect();
        text += &format!("\nShare {title}:\n\n```\n{}\n```\n", lines.join("\n"));
    }
    Ok(text)
}

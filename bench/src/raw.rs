//! The limits of the machine and of PostgreSQL: how often a disk write is durable, how many rows one connection can insert.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

use crate::http::Result;
use crate::measured::Measured;

/// What a PostgreSQL log page has.
const PAGE: usize = 8192;
/// What a PostgreSQL log segment has.
const FILE: u64 = 16 * 1024 * 1024;

/// An event table with the two indexes that an event store cannot do without.
const TABLE: &str = "CREATE TABLE raw_events (
    position BIGINT PRIMARY KEY, stream_id TEXT NOT NULL, version BIGINT NOT NULL, event_type TEXT NOT NULL,
    recorded_at BIGINT NOT NULL, payload TEXT NOT NULL, leaf BYTEA NOT NULL, UNIQUE (stream_id, version))";

const INSERT: &str = "INSERT INTO raw_events
    SELECT * FROM UNNEST($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::bytea[])";

/// Page writes into a file that is already allocated, each followed by fdatasync, one at a time: what a commit waits for.
pub fn flushes(folder: &Path, warmup: Duration, duration: Duration) -> Result<Measured> {
    let text = |error: std::io::Error| error.to_string();
    let path = folder.join("relay-bench-flushes");
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path).map_err(text)?;
    for at in (0..FILE).step_by(PAGE) {
        file.write_all_at(&[1; PAGE], at).map_err(text)?;
    }
    file.sync_all().map_err(text)?;
    let begin = Instant::now() + warmup;
    let end = begin + duration;
    let mut latencies = Vec::new();
    let mut at = 0;
    while Instant::now() < end {
        let sent = Instant::now();
        file.write_all_at(&[2; PAGE], at).map_err(text)?;
        file.sync_data().map_err(text)?;
        at = (at + PAGE as u64) % FILE;
        if sent >= begin {
            latencies.push(sent.elapsed().as_nanos() as u64);
        }
    }
    std::fs::remove_file(path).map_err(text)?;
    Ok(Measured::from_latencies(latencies, duration))
}

/// Rows per second through multi-row inserts on one connection, a transaction each; latencies are of the batch.
pub async fn inserts(url: &str, batch: usize, warmup: Duration, duration: Duration) -> Result<Measured> {
    let text = |error: sqlx::Error| error.to_string();
    let mut connection = PgConnection::connect(url).await.map_err(text)?;
    connection.execute("DROP TABLE IF EXISTS raw_events").await.map_err(text)?;
    connection.execute(TABLE).await.map_err(text)?;
    let payload: String = ('a'..='z').cycle().take(451).collect();
    let types = vec!["InviteCreated"; batch];
    let versions = vec![1_i64; batch];
    let payloads = vec![payload.as_str(); batch];
    let leaf = [7_u8; 32];
    let leaves = vec![leaf.as_slice(); batch];
    let begin = Instant::now() + warmup;
    let end = begin + duration;
    let mut latencies = Vec::new();
    let mut next = 1_i64;
    while Instant::now() < end {
        let sent = Instant::now();
        let positions: Vec<i64> = (next..next + batch as i64).collect();
        let streams: Vec<String> = positions.iter().map(|number| format!("inv_01890a5d-{number:023}")).collect();
        let times: Vec<i64> = positions.iter().map(|number| 1_700_000_000_000_000 + number).collect();
        sqlx::query(INSERT)
            .bind(&positions)
            .bind(&streams)
            .bind(&versions)
            .bind(&types)
            .bind(&times)
            .bind(&payloads)
            .bind(&leaves)
            .execute(&mut connection)
            .await
            .map_err(text)?;
        next += batch as i64;
        if sent >= begin {
            latencies.push(sent.elapsed().as_nanos() as u64);
        }
    }
    let mut measured = Measured::from_latencies(latencies, duration);
    measured.per_second *= batch as f64;
    measured.count *= batch;
    Ok(measured)
}

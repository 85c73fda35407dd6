//! Looks at what the product has stored, past the product: is the log whole, and how long does reading it take.

use std::time::{Duration, Instant};

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::http::Result;
use crate::measured::Measured;
use crate::server::Home;

/// How many rows are fetched at a time.
const PAGE: i64 = 10_000;

/// Events, last position, and how many organizations' sequences have a gap.
const GAPS: &str = "SELECT (SELECT COUNT(*) FROM events), (SELECT MAX(position) FROM events),
    (SELECT COUNT(*) FROM (SELECT org_id FROM events GROUP BY org_id HAVING MAX(org_seq) <> COUNT(*)) AS gaps)";

/// How many events the slowest of the reactors has not seen yet.
const BEHIND: &str = "SELECT (SELECT position FROM log_head) - MIN(position) FROM subscriptions
    WHERE name IN ('invite-expiry', 'session-timers', 'file-removal')";
/// How long reactors may take to see everything, and how often they are asked.
const CATCH_UP: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_millis(200);

/// The organization that the first start has made.
pub async fn organization(home: &Home) -> Result<String> {
    const FIRST: &str = "SELECT org_id FROM events WHERE position = 1";
    match &home.database_url {
        Some(url) => {
            let mut connection = PgConnection::connect(url).await.map_err(|error| error.to_string())?;
            sqlx::query_scalar(FIRST).fetch_one(&mut connection).await.map_err(|error| error.to_string())
        }
        None => open(home)?.query_row(FIRST, [], |row| row.get(0)).map_err(|error| error.to_string()),
    }
}

/// Waits until the running server's reactors have seen every event, so that their work is not part of what comes next.
pub async fn caught_up(home: &Home) -> Result<()> {
    let began = Instant::now();
    loop {
        let behind: i64 = match &home.database_url {
            Some(url) => {
                let mut connection = PgConnection::connect(url).await.map_err(|error| error.to_string())?;
                sqlx::query_scalar(BEHIND).fetch_one(&mut connection).await.map_err(|error| error.to_string())?
            }
            None => open(home)?.query_row(BEHIND, [], |row| row.get(0)).map_err(|error| error.to_string())?,
        };
        if behind == 0 {
            return Ok(());
        }
        if began.elapsed() > CATCH_UP {
            return Err(format!("the reactors are {behind} events behind"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The number of events, if positions and every organization's sequence are without a gap.
pub async fn gapless(home: &Home) -> Result<usize> {
    let (events, last, gaps): (i64, i64, i64) = match &home.database_url {
        Some(url) => {
            let mut connection = PgConnection::connect(url).await.map_err(|error| error.to_string())?;
            sqlx::query_as(GAPS).fetch_one(&mut connection).await.map_err(|error| error.to_string())?
        }
        None => {
            let connection = open(home)?;
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            connection.query_row(GAPS, [], read).map_err(|error| error.to_string())?
        }
    };
    match (events == last, gaps) {
        (true, 0) => Ok(events as usize),
        (false, _) => Err(format!("{events} events, but the last position is {last}")),
        (_, gaps) => Err(format!("{gaps} organizations' sequences have a gap")),
    }
}

fn open(home: &Home) -> Result<rusqlite::Connection> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    rusqlite::Connection::open_with_flags(home.sqlite_file()?, flags).map_err(|error| error.to_string())
}

/// Reads every event row once, in order, and does nothing with it.
pub async fn read_all(home: &Home) -> Result<Measured> {
    const READ: &str = "SELECT position, stream_id, version, type, org_id, org_seq, recorded_at, meta, data, leaf_hash
        FROM events WHERE position > $1 ORDER BY position LIMIT $2";
    type Row = (i64, String, i64, String, String, i64, i64, String, String, Vec<u8>);
    let began = Instant::now();
    let mut count = 0;
    let mut bytes = 0;
    match &home.database_url {
        Some(url) => {
            let mut connection = PgConnection::connect(url).await.map_err(|error| error.to_string())?;
            let mut position = 0;
            loop {
                let rows: Vec<Row> = sqlx::query_as(READ)
                    .bind(position)
                    .bind(PAGE)
                    .fetch_all(&mut connection)
                    .await
                    .map_err(|error| error.to_string())?;
                let Some(last) = rows.last() else { break };
                position = last.0;
                count += rows.len();
                bytes += rows.iter().map(|row| row.8.len()).sum::<usize>();
            }
        }
        None => {
            let text = |error: rusqlite::Error| error.to_string();
            let connection = open(home)?;
            let mut statement = connection.prepare(READ).map_err(text)?;
            let mut rows = statement.query((0, i64::MAX)).map_err(text)?;
            while let Some(row) = rows.next().map_err(text)? {
                for column in [1, 3, 4, 7, 8] {
                    bytes += row.get::<_, String>(column).map_err(text)?.len();
                }
                count += 1;
            }
        }
    }
    let mut measured = Measured::value(began.elapsed().as_secs_f64());
    measured.count = count;
    Ok(measured.note(format!("{count} events, {:.0} MiB of data", bytes as f64 / 1024.0 / 1024.0)))
}

//! Schema migrations: numbered SQL files, applied once each, in order, never edited after that.

use super::{
    Error,
    connection::Connection,
    dialect::Engine,
    value::{Row, Value},
};
use crate::trust::secret_key::hex;
use sha2::{Digest, Sha256};

struct Migration {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal),* $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        }),*]
    };
}

const MIGRATIONS: &[Migration] = migrations![
    1 "0001_event_store", 2 "0002_read_models", 3 "0003_sessions", 4 "0004_heartbeats", 5 "0005_files", 6 "0006_events",
    7 "0007_webhooks", 8 "0008_mail", 9 "0009_acme", 10 "0010_organization",
];

/// The advisory lock of whoever migrates; any number that nobody else uses.
const LOCK: i64 = 0x7265_6c61_795f_6d67;

/// Brings the schema up to date and answers how many migrations that took.
///
/// # Errors
/// [`Error::Schema`] when an applied migration differs from ours or is unknown to us; [`Error::Database`].
pub async fn migrate(connection: &mut Connection) -> Result<usize, Error> {
    connection.transaction(apply).await
}

async fn apply(connection: &mut Connection) -> Result<usize, Error> {
    if connection.engine() == Engine::Postgres {
        // Several nodes may start at once; one migrates, the others wait for it. Even `IF NOT EXISTS` fails when two
        // make the same table at once, so the lock must come first.
        connection.query("SELECT 1 FROM pg_advisory_xact_lock($1)", vec![LOCK.into()]).await?;
    }
    connection
        .batch(
            "CREATE TABLE IF NOT EXISTS schema_migrations
                 (version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)",
        )
        .await?;
    let engine = connection.engine();
    let applied = applied(engine, &connection.query(APPLIED, vec![]).await?)?;
    let mut count = 0;
    for migration in MIGRATIONS.iter().skip(applied) {
        let sql = text(engine, migration);
        connection.batch(sql).await?;
        let row: Vec<Value> = vec![migration.version.into(), migration.name.into(), checksum(sql).into()];
        connection.execute("INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)", row).await?;
        count += 1;
    }
    Ok(count)
}

/// What was applied, for [`pending`].
pub const APPLIED: &str = "SELECT version, name, checksum FROM schema_migrations ORDER BY version";

/// How many migrations are missing where the answer to [`APPLIED`] is `rows`.
///
/// # Errors
/// As [`migrate`].
pub fn pending(engine: Engine, rows: &[Row]) -> Result<usize, Error> {
    Ok(MIGRATIONS.len() - applied(engine, rows)?)
}

fn applied(engine: Engine, rows: &[Row]) -> Result<usize, Error> {
    for (i, row) in rows.iter().enumerate() {
        let name = row[1].text();
        let Some(ours) = MIGRATIONS.get(i) else {
            return Err(Error::Schema(format!("the database has migration {name}, which this version does not know")));
        };
        if row[0].int() != ours.version || row[2].text() != checksum(text(engine, ours)) {
            return Err(Error::Schema(format!("migration {name} differs from the one that was applied")));
        }
    }
    Ok(rows.len())
}

fn text(engine: Engine, migration: &Migration) -> &'static str {
    match engine {
        Engine::Sqlite => migration.sqlite,
        Engine::Postgres => migration.postgres,
    }
}

fn checksum(sql: &str) -> String {
    hex(&Sha256::digest(sql.as_bytes()))
}

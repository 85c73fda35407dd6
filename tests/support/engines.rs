//! A fresh store on either engine, so that each guarantee is tested once and holds on both.
#![allow(dead_code, reason = "shared by tests that each use a part of it")]

use std::{path::PathBuf, sync::Arc};

use chrono::DateTime;
use interview_relay::{
    clock::{Clock, ManualClock},
    store::{Location, Store, Value},
    trust::keys::Keys,
};
use sqlx::{AssertSqlSafe, Column, Connection, PgConnection, Row, TypeInfo};
use tempfile::TempDir;

use super::{MASTER_KEY, postgres::TestDatabase};

/// Connections for queries per store: few, because many tests share one PostgreSQL.
const READERS: u32 = 4;

enum Database {
    Sqlite(TempDir),
    Postgres(Box<TestDatabase>),
}

/// A database with its schema, and a store on it.
pub struct Engine {
    /// The store, of the first node.
    pub store: Store,
    /// The master key that all nodes share.
    pub keys: Arc<Keys>,
    /// The clock that all nodes share; it stands still.
    pub clock: Clock,
    /// Its hands.
    pub hands: ManualClock,
    // Last, so that the store has let go of the database when it is removed.
    database: Database,
}

impl Engine {
    /// On a new SQLite file.
    pub async fn sqlite(_name: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("relay-sqlite.").tempdir().expect("make a folder");
        Self::open(Database::Sqlite(folder)).await
    }

    /// On a new PostgreSQL database of the server of `DATABASE_URL`.
    pub async fn postgres(name: &str) -> Self {
        let migrate = |url| async move {
            Store::migrate(Location::Postgres(url)).await.expect("migrate the template");
        };
        Self::open(Database::Postgres(Box::new(TestDatabase::create(name, migrate).await))).await
    }

    async fn open(database: Database) -> Self {
        super::ring();
        let keys = Arc::new(Keys::new(MASTER_KEY.into()));
        let start = DateTime::from_timestamp(1_780_000_000, 0).expect("a valid time");
        let (clock, hands) = Clock::manual(start);
        let store = Store::open(location(&database), keys.clone(), clock.clone(), READERS).await.expect("open");
        Self { store, keys, clock, hands, database }
    }

    /// Where the database is.
    pub fn location(&self) -> Location {
        location(&self.database)
    }

    /// Another store on the same database, as another node has it.
    pub async fn node(&self) -> Store {
        Store::open(self.location(), self.keys.clone(), self.clock.clone(), READERS).await.expect("open")
    }

    /// The database file.
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        match self.location() {
            Location::Sqlite(path) => Some(path),
            Location::Postgres(_) => None,
        }
    }

    /// Runs a statement past the store, on a connection of its own, and answers its rows.
    pub async fn sql(&self, sql: &str) -> Vec<Vec<Value>> {
        match self.location() {
            Location::Sqlite(path) => sqlite_rows(&path, sql),
            Location::Postgres(url) => postgres_rows(&url, sql).await,
        }
    }

    /// The names of all tables, sorted.
    pub async fn tables(&self) -> Vec<String> {
        let sql = match self.location() {
            Location::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            Location::Postgres(_) => {
                "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'"
            }
        };
        let mut tables: Vec<_> = self.sql(sql).await.iter().map(|row| row[0].text().to_owned()).collect();
        tables.sort();
        tables
    }

    /// Keeps every store from writing, until [`Held::release`].
    pub async fn hold_writes(&self) -> Held {
        match self.location() {
            Location::Sqlite(path) => {
                let connection = rusqlite::Connection::open(path).expect("open the file");
                connection.execute_batch("BEGIN IMMEDIATE").expect("take the write lock");
                Held::Sqlite(connection)
            }
            Location::Postgres(url) => {
                let mut connection = PgConnection::connect(&url).await.expect("connect");
                let sql = "BEGIN; SELECT position FROM log_head FOR UPDATE";
                sqlx::raw_sql(sql).execute(&mut connection).await.expect("lock the head");
                Held::Postgres(connection)
            }
        }
    }

    /// The only number that a statement answers.
    pub async fn number(&self, sql: &str) -> i64 {
        match self.sql(sql).await.as_slice() {
            [row] => row[0].int(),
            rows => panic!("{sql}: {} rows", rows.len()),
        }
    }
}

/// A lock that keeps stores from writing.
pub enum Held {
    /// The file's write lock.
    Sqlite(rusqlite::Connection),
    /// The log's head.
    Postgres(PgConnection),
}

impl Held {
    /// Lets them go on.
    pub async fn release(self) {
        match self {
            Self::Sqlite(connection) => connection.execute_batch("ROLLBACK").expect("roll back"),
            Self::Postgres(mut connection) => {
                sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.expect("roll back");
            }
        }
    }
}

fn location(database: &Database) -> Location {
    match database {
        Database::Sqlite(folder) => Location::Sqlite(folder.path().join("relay.db")),
        Database::Postgres(database) => Location::Postgres(database.url.clone()),
    }
}

/// Runs a statement on an SQLite file, past the store.
pub fn sqlite_rows(path: &PathBuf, sql: &str) -> Vec<Vec<Value>> {
    use rusqlite::types::Value as Sqlite;
    let connection = rusqlite::Connection::open(path).expect("open the file");
    connection.busy_timeout(std::time::Duration::from_secs(30)).expect("set the timeout");
    let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let width = statement.column_count();
    let mut rows = statement.query([]).expect("query");
    let mut answer = Vec::new();
    while let Some(row) = rows.next().unwrap_or_else(|error| panic!("{sql}: {error}")) {
        let value = |i| match row.get::<_, Sqlite>(i).expect("a value") {
            Sqlite::Null => Value::Null,
            Sqlite::Integer(number) => Value::Int(number),
            Sqlite::Text(text) => Value::Text(text),
            Sqlite::Blob(bytes) => Value::Bytes(bytes),
            Sqlite::Real(number) => panic!("{sql}: {number} is not an integer"),
        };
        answer.push((0..width).map(value).collect());
    }
    answer
}

/// Runs a statement on a PostgreSQL database, whichever it is.
pub async fn postgres_rows(url: &str, sql: &str) -> Vec<Vec<Value>> {
    let mut connection = PgConnection::connect(url).await.expect("connect");
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let value = |row: &sqlx::postgres::PgRow, i: usize| -> Value {
        match row.column(i).type_info().name() {
            "INT8" => row.get::<Option<i64>, _>(i).into(),
            "INT4" => row.get::<Option<i32>, _>(i).map(i64::from).into(),
            "BYTEA" => row.get::<Option<Vec<u8>>, _>(i).into(),
            _ => row.get::<Option<String>, _>(i).into(),
        }
    };
    let answer = rows.iter().map(|row| (0..row.len()).map(|i| value(row, i)).collect()).collect();
    connection.close().await.expect("close");
    answer
}

/// Each function becomes a module with two tests, `sqlite` and `postgres`.
macro_rules! on_both_engines {
    ($($(#[$attribute:meta])* async fn $name:ident($engine:ident: Engine) $body:block)*) => {$(
        $(#[$attribute])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn contract($engine: $crate::support::engines::Engine) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                contract($crate::support::engines::Engine::sqlite(stringify!($name)).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                contract($crate::support::engines::Engine::postgres(stringify!($name)).await).await;
            }
        }
    )*};
}
pub(crate) use on_both_engines;

//! Where the database is, and how connections to it are opened.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use sqlx::{
    Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{Error, checkpoints::Checkpoints, connection::Connection, dialect::Engine, sqlite};

/// Where the data lives.
#[derive(Clone, Debug)]
pub enum Location {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A `postgres://` URL.
    Postgres(String),
}

/// How PostgreSQL is to plan what a connection is asked. SQLite plans everything once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plans {
    /// Each time anew for the parameters at hand, with whatever means. A plan for any parameters, made on an empty table, once scanned
    /// sequentially ever after.
    Free,
    /// The same, but always with an index. Of a new campaign with many rows the statistics know nothing yet, and each page of its
    /// lists would be sorted out of all of them.
    Lists,
    /// Once, and always with indexes, for rows that are looked up by their keys with the same few statements again and again: to
    /// plan them takes longer than to run them, and on tables that are still small, a large batch of keys would become a scan.
    Lookups,
}

impl Plans {
    fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Free => &[("plan_cache_mode", "force_custom_plan")],
            Self::Lists => {
                &[("plan_cache_mode", "force_custom_plan"), ("enable_seqscan", "off"), ("enable_bitmapscan", "off")]
            }
            Self::Lookups => &[
                ("plan_cache_mode", "force_generic_plan"),
                ("enable_seqscan", "off"),
                ("enable_bitmapscan", "off"),
                ("enable_hashjoin", "off"),
                ("enable_mergejoin", "off"),
            ],
        }
    }
}

/// How long to wait for a connection to PostgreSQL.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens connections of each kind.
pub struct Opener {
    location: Location,
}

impl Opener {
    /// Prepares for a location. Nothing is opened yet.
    ///
    /// # Errors
    /// When the URL cannot be parsed.
    pub fn new(location: Location) -> Result<Self, Error> {
        if let Location::Postgres(url) = &location {
            options(url)?;
        }
        Ok(Self { location })
    }

    /// What the data lives in.
    pub fn engine(&self) -> Engine {
        match self.location {
            Location::Sqlite(_) => Engine::Sqlite,
            Location::Postgres(_) => Engine::Postgres,
        }
    }

    /// A connection of the caller's own, which may write.
    ///
    /// # Errors
    /// [`Error::Database`] and [`Error::Unavailable`] when the database cannot be opened.
    pub async fn writer(&self) -> Result<Connection, Error> {
        self.open(sqlite::open_writer, Plans::Free).await
    }

    /// A connection for whoever commits: its statements look rows up by their keys, in batches.
    ///
    /// # Errors
    /// As [`Self::writer`].
    pub async fn committer(&self) -> Result<Connection, Error> {
        self.open(sqlite::open_writer, Plans::Lookups).await
    }

    /// A connection for reading.
    ///
    /// # Errors
    /// As [`Self::writer`].
    pub async fn reader(&self, plans: Plans) -> Result<Connection, Error> {
        self.open(sqlite::open_reader, plans).await
    }

    async fn open(
        &self,
        file: fn(&Path) -> Result<rusqlite::Connection, Error>,
        plans: Plans,
    ) -> Result<Connection, Error> {
        match &self.location {
            Location::Sqlite(path) => Ok(Connection::Sqlite(file(path)?)),
            Location::Postgres(url) => {
                let options = options(url)?.options(plans.settings().iter().copied());
                let connection = tokio::time::timeout(PATIENCE, PgConnection::connect_with(&options)).await;
                let connection = connection.map_err(|_| Error::Unavailable("PostgreSQL does not answer".into()))?;
                Ok(Connection::Postgres(Box::new(connection?)))
            }
        }
    }

    /// On SQLite, what keeps the log beside the database short.
    ///
    /// # Errors
    /// [`Error::Database`] when the database cannot be opened.
    pub fn checkpoints(&self) -> Result<Option<Checkpoints>, Error> {
        match &self.location {
            Location::Sqlite(path) => Checkpoints::start(sqlite::open_writer(path)?).map(Some),
            Location::Postgres(_) => Ok(None),
        }
    }

    /// On PostgreSQL, a pool of the one connection that listens for as long as the process runs.
    ///
    /// # Errors
    /// When the URL cannot be parsed.
    pub fn pool_for_listening(&self) -> Result<Option<PgPool>, Error> {
        match &self.location {
            Location::Sqlite(_) => Ok(None),
            Location::Postgres(url) => {
                Ok(Some(PgPoolOptions::new().max_connections(1).connect_lazy_with(options(url)?)))
            }
        }
    }
}

/// A transaction that a lost client left open ends by itself.
fn options(url: &str) -> Result<PgConnectOptions, Error> {
    Ok(PgConnectOptions::from_str(url)?.application_name("interview-relay").options([
        ("idle_in_transaction_session_timeout", "60s"),
        ("synchronous_commit", "on"),
        ("client_min_messages", "warning"),
        ("jit", "off"),
    ]))
}

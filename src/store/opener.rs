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
        self.open(sqlite::open_writer).await
    }

    /// A connection for whoever commits: its statements look rows up by their keys, in batches, the same few again and again.
    /// So on PostgreSQL they are planned once, and always with the indexes: planning them anew for each batch costs about as
    /// much as running them, and on tables that are still small, lookups of a large batch would become scans.
    ///
    /// # Errors
    /// As [`Self::writer`].
    pub async fn committer(&self) -> Result<Connection, Error> {
        let mut connection = self.writer().await?;
        if connection.engine() == Engine::Postgres {
            connection
                .batch(
                    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; \
                     SET enable_mergejoin = off",
                )
                .await?;
        }
        Ok(connection)
    }

    /// A connection for reading.
    ///
    /// # Errors
    /// As [`Self::writer`].
    pub async fn reader(&self) -> Result<Connection, Error> {
        self.open(sqlite::open_reader).await
    }

    async fn open(&self, file: fn(&Path) -> Result<rusqlite::Connection, Error>) -> Result<Connection, Error> {
        match &self.location {
            Location::Sqlite(path) => Ok(Connection::Sqlite(file(path)?)),
            Location::Postgres(url) => {
                let options = options(url)?;
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

/// Plans are made for the parameters that are given: a plan for any, made on an empty table, once scanned sequentially ever
/// after. A transaction that a lost client left open ends by itself.
fn options(url: &str) -> Result<PgConnectOptions, Error> {
    Ok(PgConnectOptions::from_str(url)?.application_name("interview-relay").options([
        ("idle_in_transaction_session_timeout", "60s"),
        ("synchronous_commit", "on"),
        ("client_min_messages", "warning"),
        ("jit", "off"),
        ("plan_cache_mode", "force_custom_plan"),
    ]))
}

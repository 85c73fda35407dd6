//! Where the database is, and how connections to it are opened.

use std::{path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::Semaphore;

use super::{
    Error,
    checkpoints::Checkpoints,
    connection::Connection,
    dialect::Engine,
    sqlite,
    value::{Row, Value},
};

/// Where the data lives.
#[derive(Clone, Debug)]
pub enum Location {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A `postgres://` URL.
    Postgres(String),
}

/// SQLite connections for reading, at most: more would only be opened and closed, and prepare their statements anew.
const SQLITE_READERS: usize = 8;

/// Opens connections of each kind.
pub struct Opener {
    location: Location,
    pool: Option<PgPool>,
    readers: parking_lot::Mutex<Vec<rusqlite::Connection>>,
    /// Whoever reads from SQLite holds one of [`SQLITE_READERS`] permits.
    reading: Arc<Semaphore>,
}

impl Opener {
    /// Prepares for a location. PostgreSQL gets a pool of `readers` connections; nothing is opened yet.
    ///
    /// # Errors
    /// When the URL cannot be parsed.
    pub fn new(location: Location, readers: u32) -> Result<Self, Error> {
        let pool = match &location {
            Location::Sqlite(_) => None,
            Location::Postgres(url) => Some(
                PgPoolOptions::new()
                    .max_connections(readers)
                    .acquire_timeout(Duration::from_secs(5))
                    .test_before_acquire(false)
                    .connect_lazy_with(options(url)?),
            ),
        };
        let reading = Arc::new(Semaphore::new(SQLITE_READERS));
        Ok(Self { location, pool, readers: parking_lot::Mutex::default(), reading })
    }

    /// Where the data lives.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// A connection of the caller's own, which may write.
    ///
    /// # Errors
    /// [`Error::Database`] when the database cannot be opened.
    pub async fn writer(&self) -> Result<Connection, Error> {
        match &self.location {
            Location::Sqlite(path) => Ok(Connection::Sqlite(sqlite::open_writer(path)?)),
            Location::Postgres(url) => {
                Ok(Connection::Postgres(Box::new(PgConnection::connect_with(&options(url)?).await?)))
            }
        }
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

    /// A connection for reading: of the pool on PostgreSQL, kept for re-use by [`Self::give_back`] on SQLite.
    ///
    /// # Errors
    /// [`Error::Database`] when the database cannot be opened.
    pub async fn reader(&self) -> Result<Connection, Error> {
        match (&self.location, &self.pool) {
            (_, Some(pool)) => Ok(Connection::Pooled(pool.acquire().await?)),
            (Location::Sqlite(path), None) => Ok(Connection::Sqlite(match self.readers.lock().pop() {
                Some(connection) => connection,
                None => sqlite::open_reader(path)?,
            })),
            (Location::Postgres(_), None) => Err(Error::Unavailable("no pool".into())),
        }
    }

    /// Runs one reading statement. SQLite reads on a thread that may block.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unavailable`].
    pub async fn query(self: &Arc<Self>, sql: String, parameters: Vec<Value>) -> Result<Vec<Row>, Error> {
        let closed = |_| Error::Unavailable("no more is read".into());
        let permit = match &self.location {
            Location::Sqlite(_) => Some(Arc::clone(&self.reading).acquire_owned().await.map_err(closed)?),
            // The pool counts its own.
            Location::Postgres(_) => None,
        };
        if let Some(pool) = &self.pool {
            return read(pool, sql, parameters).await;
        }
        let mut connection = self.reader().await?;
        let opener = Arc::clone(self);
        let read = move || {
            let rows = futures_executor::block_on(connection.query(&sql, parameters));
            opener.give_back(connection);
            // Not before: a caller that goes away does not stop the reading.
            drop(permit);
            rows
        };
        tokio::task::spawn_blocking(read).await.map_err(|error| Error::Unavailable(error.to_string()))?
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

    /// The pool of connections for reading, on PostgreSQL.
    pub fn pool(&self) -> Option<&PgPool> {
        self.pool.as_ref()
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

    /// Keeps an SQLite reader for the next one who needs it.
    pub fn give_back(&self, connection: Connection) {
        if let Connection::Sqlite(connection) = connection {
            let mut readers = self.readers.lock();
            if readers.len() < SQLITE_READERS {
                readers.push(connection);
            }
        }
    }
}

/// Reads once more as long as it is no fault of the statement: a restart of PostgreSQL has ended every connection of the
/// pool, or the exchange of tables at the end of a rebuild was in the way. A new connection that cannot be had is the end.
async fn read(pool: &PgPool, sql: String, parameters: Vec<Value>) -> Result<Vec<Row>, Error> {
    for _ in 0..pool.options().get_max_connections() {
        let mut connection = Connection::Pooled(pool.acquire().await?);
        match connection.query(&sql, parameters.clone()).await {
            Err(Error::Unavailable(_)) => {}
            result => return result,
        }
    }
    Connection::Pooled(pool.acquire().await?).query(&sql, parameters).await
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

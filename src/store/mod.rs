//! The event store: the only place with SQL.
//!
//! One [`Store`] is opened per process. Commands hand it [`Submission`]s, which it commits in groups; queries read the
//! read models; durable subscribers follow the log. SQLite and PostgreSQL give the same guarantees (`docs/architecture.md`)
//! and run the same statements; where they cannot, `dialect` has both.

mod acme;
mod api_keys;
mod batch;
mod checkpoints;
mod committer;
mod connection;
mod deliveries;
mod delivery_log;
mod dialect;
mod documents;
mod endpoints;
mod follow;
mod heartbeats;
mod keys;
mod log;
mod mails;
mod migrate;
mod opener;
mod readers;
mod rebuild;
mod replays;
mod rows;
mod signals;
mod sqlite;
mod submission;
mod subscriptions;
mod uploads;
mod value;
mod write;

use std::sync::Arc;

pub use self::{
    api_keys::{KeyLookup, StoredKey},
    deliveries::{Attempt, Delivery, DeliveryStatus, Source},
    delivery_log::{DeliveryFilter, DeliveryPage, LoggedAttempt, Tried},
    documents::{Cursor, Document, Filter, Page, PageQuery, Sort},
    endpoints::{Batch as DeliveryBatch, Claimed, EndpointUpdate, NEVER, News, Standing, Written},
    follow::Follower,
    keys::SubjectKey,
    log::{Extent, Opened, Slice, StoredRecord},
    mails::{MailRate, QueuedMail, finished_mail},
    opener::Location,
    rebuild::{Difference, Report},
    replays::Replay,
    submission::{Guard, NewSubject, Outcome, Reply, RowChange, RowData, StoredEvent, Submission},
    subscriptions::{Effects, Lease, Parked, Timer},
    uploads::end_of_upload,
    value::{Kind, Row, Value},
    write::{Mode, TableWrite},
};

use self::{
    committer::Committer,
    dialect::Engine,
    follow::Followers,
    keys::KeyCache,
    opener::{Opener, Plans},
    readers::Readers,
};
use crate::{clock::Clock, trust::keys::Keys};

/// Why the store could not do something.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The database refuses what is to be written, for what it is; nothing was written, and trying again is no use.
    #[error("refused: {0}")]
    Refused(String),
    /// The database failed or was lost. Whether a commit that was under way took effect is not known.
    #[error("database: {0}")]
    Database(String),
    /// The database cannot be reached or wants to be asked again, or the writer has stopped.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Too many submissions are waiting.
    #[error("too many commands are waiting to be written")]
    Overloaded,
    /// The schema is not one that this version can work with.
    #[error("schema: {0}")]
    Schema(String),
    /// Stored data does not say what it must.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// The lease on a subscription has passed to another node.
    #[error("the lease on subscription {0} was lost")]
    LeaseLost(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => Self::Unavailable(error.to_string()),
            // SQLSTATE: the server has ended the connection (it stops, or was told to), or the statement, to undo a deadlock.
            sqlx::Error::Database(ref cause)
                if cause.code().is_some_and(|code| code.starts_with("57P0") || code == "40P01") =>
            {
                Self::Unavailable(error.to_string())
            }
            // SQLSTATE classes: data exceptions, integrity violations, faulty statements, limits exceeded.
            sqlx::Error::Database(ref cause)
                if cause
                    .code()
                    .is_some_and(|code| ["21", "22", "23", "42", "54"].iter().any(|class| code.starts_with(class))) =>
            {
                Self::Refused(error.to_string())
            }
            error => Self::Database(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{ConstraintViolation, TooBig, TypeMismatch};
        match error.sqlite_error_code() {
            Some(ConstraintViolation | TooBig | TypeMismatch) => Self::Refused(error.to_string()),
            _ => Self::Database(error.to_string()),
        }
    }
}

impl From<aggregates::DecodeError> for Error {
    fn from(error: aggregates::DecodeError) -> Self {
        Self::Corrupt(error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(aggregates::what_is_wrong(&error))
    }
}

/// The event store of one process.
#[derive(Clone)]
pub struct Store {
    opener: Arc<Opener>,
    lookups: Arc<Readers>,
    lists: Arc<Readers>,
    committer: Committer,
    aside: Arc<tokio::sync::OnceCell<Committer>>,
    clock: Clock,
    keys: Arc<Keys>,
    key_cache: Arc<KeyCache>,
    followers: Arc<Followers>,
}

impl Store {
    /// Brings the schema up to date and starts the writer. To PostgreSQL, `readers` connections at most look rows up by their
    /// keys, and half as many read lists.
    ///
    /// # Errors
    /// When the database cannot be opened or its schema is a newer one.
    pub async fn open(location: Location, keys: Arc<Keys>, clock: Clock, readers: u32) -> Result<Self, Error> {
        let opener = Arc::new(Opener::new(location)?);
        let lookups = Readers::new(opener.clone(), readers, Plans::Lookups);
        let lists = match opener.engine() {
            Engine::Sqlite => lookups.clone(),
            Engine::Postgres => Readers::new(opener.clone(), readers.div_ceil(2), Plans::Lists),
        };
        migrate::migrate(&mut opener.writer().await?).await?;
        let committer = Committer::start(opener.clone(), clock.clone()).await?;
        tokio::spawn(follow::announce(lookups.clone(), committer.head()));
        Ok(Self {
            opener,
            lookups,
            lists,
            committer,
            aside: Arc::default(),
            clock,
            keys,
            key_cache: Arc::default(),
            followers: Arc::default(),
        })
    }

    /// Applies what is missing of the schema and answers how many migrations that took.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn migrate(location: Location) -> Result<usize, Error> {
        migrate::migrate(&mut Opener::new(location)?.writer().await?).await
    }

    /// Commits a submission; see [`Outcome`] for what can become of it.
    ///
    /// # Errors
    /// [`Error::Overloaded`]; [`Error::Database`] and [`Error::Unavailable`] when the outcome is not known.
    pub async fn commit(&self, submission: Submission) -> Result<Outcome, Error> {
        self.committer.commit(submission).await
    }

    /// Follows the position of the last event that this node has written.
    pub fn head(&self) -> tokio::sync::watch::Receiver<i64> {
        self.committer.head()
    }

    /// Whether the database answers and has our schema.
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn ready(&self) -> Result<(), Error> {
        let missing = migrate::pending(self.engine(), &self.query(migrate::APPLIED.to_owned(), Vec::new()).await?)?;
        if missing > 0 { Err(Error::Schema(format!("{missing} migrations are missing"))) } else { Ok(()) }
    }

    /// The writer for what need not wait for commands, and should not make them wait: on PostgreSQL one of its own; SQLite
    /// has a single one.
    async fn aside(&self) -> Result<&Committer, Error> {
        match self.engine() {
            Engine::Sqlite => Ok(&self.committer),
            Engine::Postgres => {
                self.aside.get_or_try_init(|| Committer::start(self.opener.clone(), self.clock.clone())).await
            }
        }
    }

    /// Which engine is in use, in the words of its makers.
    pub fn engine_name(&self) -> &'static str {
        match self.engine() {
            Engine::Sqlite => "SQLite",
            Engine::Postgres => "PostgreSQL",
        }
    }

    /// The keys of the installation.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    fn engine(&self) -> Engine {
        self.opener.engine()
    }

    /// Runs one statement that looks rows up by their keys.
    async fn query(&self, sql: String, parameters: Vec<Value>) -> Result<Vec<Row>, Error> {
        self.lookups.query(sql, parameters).await
    }

    /// Runs one statement that reads a page of a list, or counts what is in it.
    async fn query_list(&self, sql: String, parameters: Vec<Value>) -> Result<Vec<Row>, Error> {
        self.lists.query(sql, parameters).await
    }
}

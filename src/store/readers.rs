//! Connections for reading, kept from one use to the next.
//!
//! The pool of sqlx asks a connection that is returned whether it still lives, which is as many round trips again as there are
//! reads. Here, whoever meets a dead one goes on with a new one.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::{
    Error,
    connection::Connection,
    dialect::Engine,
    opener::{Opener, Plans},
    value::{Row, Value},
};

/// SQLite connections, at most: more would only be opened and closed, and prepare their statements anew.
const SQLITE_READERS: u32 = 8;
/// How long a read waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// A connection that nobody has used for so long is closed. Whatever stands between here and PostgreSQL may have forgotten it
/// without telling, and a question to it would wait for minutes.
const IDLE: Duration = Duration::from_mins(5);

/// The connections.
pub struct Readers {
    opener: Arc<Opener>,
    plans: Plans,
    turns: Arc<Semaphore>,
    /// Those that nobody uses, with the time of their last use, the latest last.
    idle: Mutex<VecDeque<(Instant, Connection)>>,
}

impl Readers {
    /// Prepares to read on `most` connections to PostgreSQL at once; on those to SQLite this has no influence. Nothing is opened yet.
    pub fn new(opener: Arc<Opener>, most: u32, plans: Plans) -> Arc<Self> {
        let most = match opener.engine() {
            Engine::Sqlite => SQLITE_READERS,
            Engine::Postgres => most,
        };
        let turns = Arc::new(Semaphore::new(most as usize));
        Arc::new(Self { opener, plans, turns, idle: Mutex::default() })
    }

    /// Where connections come from.
    pub fn opener(&self) -> &Opener {
        &self.opener
    }

    /// Runs one reading statement. SQLite reads on a thread that may block.
    ///
    /// # Errors
    /// [`Error::Database`]; [`Error::Unavailable`], also when too many others read.
    pub async fn query(self: &Arc<Self>, sql: String, parameters: Vec<Value>) -> Result<Vec<Row>, Error> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Error::Unavailable("too many read at once".into()));
        };
        if self.opener.engine() == Engine::Postgres {
            return self.read(&sql, parameters).await;
        }
        let readers = Arc::clone(self);
        let read = move || {
            let rows = futures_executor::block_on(readers.read(&sql, parameters));
            // Not before: a caller that goes away does not stop the reading.
            drop(turn);
            rows
        };
        tokio::task::spawn_blocking(read).await.map_err(|error| Error::Unavailable(error.to_string()))?
    }

    /// Reads once more, on a new connection, if it is no fault of the statement: a restart of PostgreSQL has ended all that there
    /// are, or the exchange of tables at the end of a rebuild was in the way.
    async fn read(&self, sql: &str, parameters: Vec<Value>) -> Result<Vec<Row>, Error> {
        let connection = match self.take() {
            Some(connection) => connection,
            None => self.opener.reader(self.plans).await?,
        };
        match self.read_on(connection, sql, parameters.clone()).await {
            Err(Error::Unavailable(_)) => self.read_on(self.opener.reader(self.plans).await?, sql, parameters).await,
            result => result,
        }
    }

    async fn read_on(&self, mut connection: Connection, sql: &str, parameters: Vec<Value>) -> Result<Vec<Row>, Error> {
        let rows = connection.query(sql, parameters).await?;
        self.idle.lock().push_back((Instant::now(), connection));
        Ok(rows)
    }

    /// The one that was used last; closes those that were not used for long.
    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock();
        while idle.front().is_some_and(|(since, _)| since.elapsed() > IDLE) {
            idle.pop_front();
        }
        idle.pop_back().map(|(_, connection)| connection)
    }
}

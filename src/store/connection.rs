//! One connection to either engine, with the few things that the store needs from it.
//!
//! The SQLite half never waits for anything but the disk, so its futures are ready at the first poll; code above this
//! module is written once, as async functions, and runs on the SQLite writer's own thread as well as on the runtime.

use sqlx::{AssertSqlSafe, Column, Executor, PgConnection, Row as _, TypeInfo, postgres::PgArguments};

use super::{
    Error,
    dialect::{self, Assumption, Engine},
    value::{Kind, Row, Value},
    write::TableWrite,
};

/// A connection.
pub enum Connection {
    /// An SQLite connection of ours alone.
    Sqlite(rusqlite::Connection),
    /// A PostgreSQL connection of ours alone.
    Postgres(Box<PgConnection>),
}

impl Connection {
    /// Which engine it speaks to.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs a statement with parameters `$1`, `$2`, … and answers all its rows.
    ///
    /// # Errors
    /// [`Error::Database`] when the engine refuses or cannot be reached.
    pub async fn query(&mut self, sql: &str, parameters: Vec<Value>) -> Result<Vec<Row>, Error> {
        match self {
            Self::Sqlite(connection) => super::sqlite::query(connection, sql, &parameters),
            Self::Postgres(connection) => postgres_query(connection, sql, parameters).await,
        }
    }

    /// Runs a statement and answers how many rows it changed.
    ///
    /// # Errors
    /// [`Error::Database`] when the engine refuses or cannot be reached.
    pub async fn execute(&mut self, sql: &str, parameters: Vec<Value>) -> Result<u64, Error> {
        match self {
            Self::Sqlite(connection) => super::sqlite::execute(connection, sql, &parameters),
            Self::Postgres(_) => {
                let query = bind_all(sql, parameters)?;
                Ok(self.postgres()?.execute(query).await?.rows_affected())
            }
        }
    }

    /// Runs several statements without parameters.
    ///
    /// # Errors
    /// [`Error::Database`] when the engine refuses or cannot be reached.
    pub async fn batch(&mut self, sql: &str) -> Result<(), Error> {
        if let Self::Sqlite(connection) = self {
            return Ok(connection.execute_batch(sql)?);
        }
        self.postgres()?.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await?;
        Ok(())
    }

    /// Writes rows, inside of the transaction that is open or else each table on its own.
    ///
    /// # Errors
    /// [`Error::Database`] when the engine refuses or cannot be reached.
    pub async fn write(&mut self, writes: &[TableWrite]) -> Result<(), Error> {
        if let Self::Sqlite(connection) = self {
            return writes.iter().try_for_each(|write| super::sqlite::write(connection, write));
        }
        if writes.iter().any(|write| !write.rows.is_empty()) {
            let query = bind_arrays(sqlx::query(AssertSqlSafe(dialect::unguarded(writes))), writes)?;
            self.postgres()?.execute(query).await?;
        }
        Ok(())
    }

    /// PostgreSQL only: writes rows and moves the log's head in one statement, if batch `seen` still is the last and all
    /// that is assumed is true.
    ///
    /// # Errors
    /// [`Error::Database`] when the engine refuses or cannot be reached.
    pub async fn write_after_batch(
        &mut self,
        seen: i64,
        new: i64,
        assumptions: &[Assumption],
        writes: &[TableWrite],
    ) -> Result<bool, Error> {
        let mut query = sqlx::query(AssertSqlSafe(dialect::head_guarded(assumptions, writes))).bind(seen).bind(new);
        for assumption in assumptions {
            query = match assumption {
                Assumption::Versions(names, numbers)
                | Assumption::Counters(names, numbers)
                | Assumption::Signals(names, numbers) => query.bind(names.clone()).bind(numbers.clone()),
                Assumption::NewSubjects(lookups) => query.bind(lookups.clone()),
                Assumption::Unanswered(lookups, now) => query.bind(lookups.clone()).bind(*now),
            };
        }
        let query = bind_arrays(query, writes)?;
        Ok(self.postgres()?.fetch_optional(query).await?.is_some())
    }

    /// Runs `work` in a transaction: what it wrote is durable when this ends well, and undone when it fails.
    ///
    /// # Errors
    /// What `work` fails with; [`Error::Database`] when the engine refuses or cannot be reached.
    pub async fn transaction<T>(&mut self, work: impl AsyncFnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.transaction_from(self.engine().begin(), work).await
    }

    /// The same with the head of the log locked against other writers from the beginning.
    ///
    /// # Errors
    /// As [`Self::transaction`].
    pub async fn transaction_on_head<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.transaction_from(self.engine().begin_on_head(), work).await
    }

    async fn transaction_from<T>(
        &mut self,
        begin: &str,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.batch(begin).await?;
        match work(self).await {
            Ok(done) => self.commit().await.map(|()| done),
            Err(error) => {
                // The first error is the one to tell; a connection that cannot roll back is dropped by its owner.
                _ = self.rollback().await;
                Err(error)
            }
        }
    }

    /// Ends the transaction that is open; what it wrote is durable.
    ///
    /// # Errors
    /// [`Error::Database`] when the engine refuses or cannot be reached.
    pub async fn commit(&mut self) -> Result<(), Error> {
        self.batch("COMMIT").await
    }

    /// Undoes the transaction that is open.
    ///
    /// # Errors
    /// [`Error::Database`] when the engine refuses or cannot be reached.
    pub async fn rollback(&mut self) -> Result<(), Error> {
        self.batch("ROLLBACK").await
    }

    fn postgres(&mut self) -> Result<&mut PgConnection, Error> {
        match self {
            Self::Sqlite(_) => Err(Error::Corrupt("a PostgreSQL statement on an SQLite connection".into())),
            Self::Postgres(connection) => Ok(connection),
        }
    }
}

type PgQuery<'a> = sqlx::query::Query<'a, sqlx::Postgres, PgArguments>;

fn bind_all<'a>(sql: &str, parameters: Vec<Value>) -> Result<PgQuery<'a>, Error> {
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    for parameter in parameters {
        query = match parameter {
            Value::Null => query.bind(None::<String>),
            Value::Int(number) => query.bind(number),
            Value::Text(text) => query.bind(text),
            Value::Bytes(bytes) => query.bind(bytes),
            Value::Texts(texts) => query.bind(texts),
        };
    }
    Ok(query)
}

fn bind_arrays<'a>(mut query: PgQuery<'a>, writes: &[TableWrite]) -> Result<PgQuery<'a>, Error> {
    for write in writes {
        for (i, (_, kind)) in write.columns.iter().enumerate() {
            let values = write.rows.iter().map(|row| &row[i]);
            query = match kind {
                Kind::Int => query.bind(
                    values.map(|value| if let Value::Int(n) = value { Some(*n) } else { None }).collect::<Vec<_>>(),
                ),
                Kind::Text => query.bind(
                    values
                        .map(|value| if let Value::Text(text) = value { Some(text.clone()) } else { None })
                        .collect::<Vec<_>>(),
                ),
                Kind::Bytes => query.bind(
                    values
                        .map(|value| if let Value::Bytes(bytes) = value { Some(bytes.clone()) } else { None })
                        .collect::<Vec<_>>(),
                ),
            };
        }
    }
    Ok(query)
}

async fn postgres_query(connection: &mut PgConnection, sql: &str, parameters: Vec<Value>) -> Result<Vec<Row>, Error> {
    let rows = connection.fetch_all(bind_all(sql, parameters)?).await?;
    rows.iter().map(decode).collect()
}

fn decode(row: &sqlx::postgres::PgRow) -> Result<Row, Error> {
    row.columns()
        .iter()
        .enumerate()
        .map(|(i, column)| {
            Ok(match column.type_info().name() {
                "INT8" => row.try_get::<Option<i64>, _>(i)?.into(),
                "INT4" => row.try_get::<Option<i32>, _>(i)?.map(i64::from).into(),
                "BOOL" => row.try_get::<Option<bool>, _>(i)?.map(i64::from).into(),
                "BYTEA" => row.try_get::<Option<Vec<u8>>, _>(i)?.into(),
                _ => row.try_get::<Option<String>, _>(i)?.into(),
            })
        })
        .collect()
}

//! SQLite: how connections are opened, and how values reach it.

use std::{path::Path, time::Duration};

use rusqlite::{
    Connection, OpenFlags, ToSql,
    types::{ToSqlOutput, ValueRef},
};

use super::{
    Error, dialect,
    value::{Row, Value},
    write::TableWrite,
};

/// How long a writer waits for another process (an administrator's command) to finish its transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens the database for writing, and makes it if it is not there.
///
/// `synchronous = FULL` makes a commit durable before it is answered; WAL lets readers go on meanwhile. The log is brought into
/// the database by [`super::checkpoints::Checkpoints`], and from 16,000 pages on by the writer's own commits.
///
/// # Errors
/// [`Error::Unavailable`] when the file cannot be made, [`Error::Database`] when it is no database.
pub fn open_writer(path: &Path) -> Result<Connection, Error> {
    if !path.exists() {
        make(path).map_err(|error| Error::Unavailable(format!("{}: {error}", path.display())))?;
    }
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    configure(&connection, 64)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 16000;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    Ok(connection)
}

/// Makes an empty database, unless somebody else has just done so. It is its owner's alone, and so are the files that SQLite
/// makes beside it.
///
/// It is put in its place when it is complete. Turning a new database to WAL where others open it at the same time fails for
/// some of them, without waiting. And the file must never be opened but by SQLite: whoever closes it takes away the locks
/// that the process has on it (<https://sqlite.org/howtocorrupt.html>, section 2.2).
fn make(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let new = tempfile::Builder::new().prefix("new.").suffix(".db").tempfile_in(folder)?.into_temp_path();
    drop(open_writer(&new)?);
    match new.persist_noclobber(path) {
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error.into()),
        Ok(()) => Ok(std::fs::File::open(folder)?.sync_all()?),
    }
}

/// Opens the database for reading.
///
/// # Errors
/// [`Error::Database`] when it is not there, or no database.
pub fn open_reader(path: &Path) -> Result<Connection, Error> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    configure(&connection, 8)?;
    Ok(connection)
}

fn configure(connection: &Connection, cache_megabytes: u32) -> Result<(), Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.execute_batch(&format!("PRAGMA cache_size = -{}; PRAGMA foreign_keys = ON;", cache_megabytes * 1024))?;
    Ok(())
}

/// How much of the log a checkpoint brings into the database.
#[derive(Clone, Copy, Debug)]
pub(super) enum Checkpoint {
    /// Nothing: it only looks.
    Look,
    /// As much as nobody stands in the way of.
    Passive,
}

/// Runs a checkpoint, and answers how many pages of the log are not in the database.
pub(super) fn checkpoint(connection: &Connection, mode: Checkpoint) -> Result<i64, Error> {
    let sql = match mode {
        Checkpoint::Look => "PRAGMA wal_checkpoint(NOOP)",
        Checkpoint::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
    };
    let (log, done) = connection
        .prepare_cached(sql)?
        .query_row([], |row| Ok((row.get::<_, i64>("log")?, row.get::<_, i64>("checkpointed")?)))?;
    Ok(log - done)
}

pub(super) fn query(connection: &Connection, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, parameters)?;
    let width = statement.column_count();
    let mut rows = statement.raw_query();
    let mut answer = Vec::new();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(width);
        for i in 0..width {
            values.push(match row.get_ref(i)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Int(number),
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
                ValueRef::Real(_) => return Err(Error::Corrupt("a floating-point column".into())),
            });
        }
        answer.push(values);
    }
    Ok(answer)
}

pub(super) fn execute(connection: &Connection, sql: &str, parameters: &[Value]) -> Result<u64, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, parameters)?;
    Ok(statement.raw_execute()? as u64)
}

pub(super) fn write(connection: &Connection, write: &TableWrite) -> Result<(), Error> {
    let mut statement = connection.prepare_cached(&dialect::row_statement(write))?;
    for row in &write.rows {
        for (i, value) in row.iter().enumerate() {
            statement.raw_bind_parameter(i + 1, value)?;
        }
        statement.raw_execute()?;
    }
    Ok(())
}

/// Binds by name, because SQLite numbers `$1`, `$2`, … by first appearance.
fn bind(statement: &mut rusqlite::CachedStatement<'_>, parameters: &[Value]) -> Result<(), Error> {
    for (i, value) in parameters.iter().enumerate() {
        if let Some(index) = statement.parameter_index(&format!("${}", i + 1))? {
            statement.raw_bind_parameter(index, value)?;
        }
    }
    Ok(())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Int(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::Texts(texts) => ToSqlOutput::Owned(rusqlite::types::Value::Text(
                serde_json::to_string(texts).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?,
            )),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A killed process loses nothing either way; a machine that loses its power does, unless this holds.
    #[test]
    fn a_commit_waits_for_the_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = open_writer(&folder.path().join("relay.db")).expect("open");
        let pragma =
            |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).expect("a number");
        assert_eq!(pragma("synchronous"), 2);
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).expect("a mode");
        assert_eq!(mode, "wal");
    }

    /// Other programs' SQLite removes the log of a database that nobody seems to have open.
    #[test]
    fn whoever_opens_it_again_leaves_the_locks_alone() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("relay.db");
        let first = open_writer(&path).expect("open");
        let suffix = format!(":{} ", std::fs::metadata(&path).expect("there").ino());
        let locked = || {
            let locks = std::fs::read_to_string("/proc/locks").expect("Linux");
            locks.lines().any(|line| line.contains("POSIX") && line.contains(&suffix))
        };
        assert!(locked(), "as long as it is open");
        drop((open_writer(&path).expect("open"), open_reader(&path).expect("open")));
        assert!(locked(), "still");
        drop(first);
        assert!(!locked());
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 1, "nothing else is left");
    }
}

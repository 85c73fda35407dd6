//! Every place where SQLite and PostgreSQL differ in text. What is not here is the same SQL for both.

use std::fmt::Write;

use super::{
    value::Kind,
    write::{Mode, TableWrite},
};

/// Which of the two engines speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, embedded.
    Sqlite,
    /// PostgreSQL 15 or newer.
    Postgres,
}

impl Engine {
    /// The condition that a column equals one of the texts of parameter `n` (a [`super::Value::Texts`]).
    pub fn any(self, column: &str, n: usize) -> String {
        match self {
            Self::Sqlite => format!("{column} IN (SELECT value FROM json_each(${n}))"),
            Self::Postgres => format!("{column} = ANY(${n}::text[])"),
        }
    }

    /// An explicitly typed NULL, which PostgreSQL wants in the first branch of a UNION.
    pub fn null(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Sqlite, _) => "NULL",
            (Self::Postgres, Kind::Text) => "NULL::text",
            (Self::Postgres, Kind::Int) => "NULL::bigint",
            (Self::Postgres, Kind::Bytes) => "NULL::bytea",
        }
    }

    /// Starts a transaction that is going to write. SQLite must take the write lock at once: a lock taken later can
    /// fail without waiting when the snapshot has become stale.
    pub fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Starts a transaction that is going to write, with the head of the log locked against other writers, in one round trip.
    pub fn begin_on_head(self) -> &'static str {
        match self {
            Self::Sqlite => self.begin(),
            Self::Postgres => "BEGIN; SELECT position FROM log_head FOR UPDATE",
        }
    }

    /// Starts a transaction that sees one state of the database throughout.
    pub fn begin_snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        }
    }
}

impl Engine {
    /// Keeps everybody else off a table until the transaction ends; SQLite's write transaction does so for writers, and
    /// its readers see their own snapshot.
    pub fn lock_table(self, table: &str) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")),
        }
    }

    /// The rows of a JSON array of objects in parameter `n`, as the table `u` with these columns.
    pub fn records(self, columns: &[(&str, Kind)], n: usize) -> String {
        match self {
            Self::Sqlite => {
                let picked: Vec<_> =
                    columns.iter().map(|(name, _)| format!("json_extract(value, '$.{name}') AS {name}")).collect();
                format!("(SELECT {} FROM json_each(${n})) AS u", picked.join(", "))
            }
            Self::Postgres => {
                let typed: Vec<_> = columns
                    .iter()
                    .map(|(name, kind)| match kind {
                        Kind::Int => format!("{name} bigint"),
                        Kind::Text => format!("{name} text"),
                        Kind::Bytes => format!("{name} bytea"),
                    })
                    .collect();
                format!("json_to_recordset(${n}::json) AS u({})", typed.join(", "))
            }
        }
    }

    /// Locks the rows that a subquery finds and leaves out those that another node has locked; SQLite has one writer.
    pub fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// SQLite: name and text of a table's definition and of its indexes'; PostgreSQL can copy a table itself.
    pub fn table_definitions(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => Some(
                "SELECT name, sql FROM sqlite_master WHERE tbl_name = $1 AND sql IS NOT NULL ORDER BY type DESC, name",
            ),
            Self::Postgres => None,
        }
    }
}

/// SQLite: the statement that is run once per row of a write.
pub fn row_statement(write: &TableWrite) -> String {
    let table = &write.table;
    if write.mode == Mode::Delete {
        return format!("DELETE FROM {table} WHERE {} = $1", write.columns[0].0);
    }
    if write.mode == Mode::Raise {
        let (key, number) = (write.columns[0].0, write.columns[1].0);
        // Numbered with a question mark: SQLite counts `$2` as the first parameter where it appears first.
        return format!("UPDATE {table} SET {number} = ?2 WHERE {key} = ?1 AND {number} < ?2");
    }
    if write.mode == Mode::Increase {
        let (key, number) = (write.columns[0].0, write.columns[1].0);
        return format!("UPDATE {table} SET {number} = {number} + ?2 WHERE {key} = ?1");
    }
    let names = names(write);
    let places = (1..=write.columns.len()).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
    format!("INSERT INTO {table} ({names}) VALUES ({places}){}", conflict(write))
}

/// PostgreSQL: what is taken for true, and checked by the statement that relies on it. Each takes two parameters, or one if
/// it holds only one thing.
#[derive(Clone, Debug)]
pub enum Assumption {
    /// These streams are at these versions.
    Versions(Vec<String>, Vec<i64>),
    /// These counters have these values.
    Counters(Vec<String>, Vec<i64>),
    /// These webhook endpoints have had so many signals.
    Signals(Vec<String>, Vec<i64>),
    /// There are no data subjects with these lookups.
    NewSubjects(Vec<String>),
    /// No answers are remembered under these lookups at this time.
    Unanswered(Vec<String>, i64),
}

impl Assumption {
    /// The condition, whose parameters start at number `n`, and the number of the first one after them.
    fn condition(&self, n: usize) -> (String, usize) {
        let m = n + 1;
        let numbers = |found: &str| {
            format!(
                "NOT EXISTS (SELECT 1 FROM UNNEST(${n}::text[], ${m}::bigint[]) AS g(name, number) \
                 WHERE g.number <> COALESCE(({found} = g.name), 0))"
            )
        };
        match self {
            Self::Versions(..) => (numbers("SELECT MAX(e.version) FROM events e WHERE e.stream_id"), n + 2),
            Self::Counters(..) => (numbers("SELECT c.n FROM counters c WHERE c.scope"), n + 2),
            Self::Signals(..) => (numbers("SELECT w.signals FROM webhook_endpoints w WHERE w.webhook_id"), n + 2),
            Self::NewSubjects(_) => {
                (format!("NOT EXISTS (SELECT 1 FROM subjects WHERE lookup = ANY(${n}::text[]))"), n + 1)
            }
            Self::Unanswered(..) => {
                let found = format!("SELECT 1 FROM idempotency WHERE lookup = ANY(${n}::text[]) AND expires_at > ${m}");
                (format!("NOT EXISTS ({found})"), n + 2)
            }
        }
    }
}

/// PostgreSQL: all writes and the move of the log's head as one statement and so one round trip.
///
/// Parameters `$1` and `$2` are the batch that was seen and the new head, then come those of the assumptions. Nothing is
/// written unless these hold and no other batch was written since; the answer has one row if so. Then comes one array
/// parameter per column of each write.
pub fn head_guarded(assumptions: &[Assumption], writes: &[TableWrite]) -> String {
    let mut sql = "WITH head AS (UPDATE log_head SET position = $2, batch = batch + 1 WHERE batch = $1".to_owned();
    let mut parameter = 3;
    for assumption in assumptions {
        let (condition, next) = assumption.condition(parameter);
        sql += " AND ";
        sql += &condition;
        parameter = next;
    }
    sql += " RETURNING position)";
    append_ctes(&mut sql, writes, parameter, ", head");
    sql + " SELECT position FROM head"
}

/// PostgreSQL: writes as one statement, without a guard. Parameters are one array per column of each write.
pub fn unguarded(writes: &[TableWrite]) -> String {
    let mut sql = "WITH nothing AS (SELECT 1)".to_owned();
    append_ctes(&mut sql, writes, 1, "");
    sql + " SELECT 1"
}

fn append_ctes(sql: &mut String, writes: &[TableWrite], first_parameter: usize, guard: &str) {
    let mut parameter = first_parameter;
    for (i, write) in writes.iter().enumerate() {
        let arrays = write
            .columns
            .iter()
            .map(|(_, kind)| {
                let cast = match kind {
                    Kind::Text => "text[]",
                    Kind::Int => "bigint[]",
                    Kind::Bytes => "bytea[]",
                };
                let text = format!("${parameter}::{cast}");
                parameter += 1;
                text
            })
            .collect::<Vec<_>>()
            .join(", ");
        let names = names(write);
        let table = &write.table;
        // Writing to a String cannot fail.
        let key = write.columns[0].0;
        let _ = match write.mode {
            Mode::Delete => write!(
                sql,
                ", w{i} AS (DELETE FROM {table} t USING UNNEST({arrays}) AS u({names}){guard} WHERE t.{key} = u.{key})"
            ),
            Mode::Raise => {
                let number = write.columns[1].0;
                write!(
                    sql,
                    ", w{i} AS (UPDATE {table} t SET {number} = u.{number} FROM UNNEST({arrays}) AS u({names}){guard} \
                     WHERE t.{key} = u.{key} AND t.{number} < u.{number})"
                )
            }
            Mode::Increase => {
                let number = write.columns[1].0;
                write!(
                    sql,
                    ", w{i} AS (UPDATE {table} t SET {number} = t.{number} + u.{number} \
                     FROM UNNEST({arrays}) AS u({names}){guard} WHERE t.{key} = u.{key})"
                )
            }
            _ => {
                let picked = write.columns.iter().map(|(name, _)| format!("u.{name}")).collect::<Vec<_>>().join(", ");
                write!(
                    sql,
                    ", w{i} AS (INSERT INTO {table} ({names}) SELECT {picked} FROM UNNEST({arrays}) AS u({names}){guard}{})",
                    // The comma join above needs a WHERE before ON CONFLICT in SQLite only; PostgreSQL parses it as it is.
                    conflict(write)
                )
            }
        };
    }
}

fn names(write: &TableWrite) -> String {
    write.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn conflict(write: &TableWrite) -> String {
    let key = write.columns[0].0;
    match write.mode {
        Mode::Insert | Mode::Raise | Mode::Increase | Mode::Delete => String::new(),
        Mode::InsertNew => format!(" ON CONFLICT ({key}) DO NOTHING"),
        Mode::Upsert => {
            let set = write.columns[1..]
                .iter()
                .map(|(name, _)| format!("{name} = excluded.{name}"))
                .collect::<Vec<_>>()
                .join(", ");
            format!(" ON CONFLICT ({key}) DO UPDATE SET {set}")
        }
        Mode::AtLeast => {
            let number = write.columns[1].0;
            let name = write.table.rsplit('.').next().unwrap_or(&write.table);
            format!(
                " ON CONFLICT ({key}) DO UPDATE SET {number} = excluded.{number} WHERE {name}.{number} < excluded.{number}"
            )
        }
        Mode::Add => {
            let number = write.columns[1].0;
            let name = write.table.rsplit('.').next().unwrap_or(&write.table);
            format!(" ON CONFLICT ({key}) DO UPDATE SET {number} = {name}.{number} + excluded.{number}")
        }
    }
}

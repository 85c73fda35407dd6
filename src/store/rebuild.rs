//! Read models from the log (design, guarantee 7): `verify` replays into scratch tables and compares, `rebuild` replays
//! into fresh tables beside the live ones, under traffic, compares and swaps.

use std::collections::{BTreeMap, HashMap, HashSet};

use projections::{Column, ErasedModel};

use super::{
    Error, Store,
    connection::Connection,
    log::Opened,
    rows,
    submission::{RowChange, RowData},
    subscriptions::{self, Effects, Lease},
    value::Value,
};

/// Events replayed in one step.
const STEP: i64 = 2_000;
/// Rows kept in memory while replaying, so that a stream's next event need not read its row back.
const KEPT_ROWS: usize = 20_000;
/// Behind by less than this many events, a rebuild stops the writers and finishes.
const NEAR: i64 = 500;
/// The name under which the right to rebuild is kept.
const REBUILD: &str = "projections-rebuild";
/// Differences told per table.
const TOLD: usize = 20;

/// A row that is not what the log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: String,
    /// The row's id, or the counter's name.
    pub id: String,
    /// What is wrong with it.
    pub what: &'static str,
}

/// What a verification or rebuild found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Position up to which the log was replayed.
    pub position: i64,
    /// Rows compared.
    pub rows: i64,
    /// Rows and counters that were not what the log says, a few per table.
    pub differences: Vec<Difference>,
}

/// Folds events into rows of the tables with a suffix.
struct Replay {
    suffix: &'static str,
    position: i64,
    rows: HashMap<String, Option<Box<dyn ErasedModel>>>,
}

impl Replay {
    fn new(suffix: &'static str) -> Self {
        Self { suffix, position: 0, rows: HashMap::new() }
    }

    /// Folds one page of events and writes what came of it.
    async fn step(&mut self, connection: &mut Connection, page: &Opened) -> Result<(), Error> {
        self.read_back(connection, page).await?;
        let mut versions: BTreeMap<String, (&'static str, i64)> = BTreeMap::new();
        let mut deltas: HashMap<String, i64> = HashMap::new();
        for record in &page.records {
            self.position = record.position;
            let prefix = prefix(&record.stream);
            let Some(table) = projections::table(prefix) else { continue };
            let row = self.rows.remove(&record.stream).flatten();
            let before = row.as_ref().map(|row| row.groups()).unwrap_or_default();
            let mut open = |label: &'static str, sealed: &str| page.open(record, label, sealed);
            let (name, schema, data) = (&record.name, record.schema, &record.data);
            let row = projections::fold_stored(prefix, row, name, schema, data, &mut open, &record.recorded())?;
            let after = row.as_ref().map(|row| row.groups()).unwrap_or_default();
            for (scope, delta) in projections::group_changes(&before, &after) {
                *deltas.entry(scope).or_insert(0) += delta;
            }
            versions.insert(record.stream.clone(), (table.table, record.version));
            self.rows.insert(record.stream.clone(), row);
        }
        let mut changes = Vec::with_capacity(versions.len());
        for (id, (table, version)) in versions {
            let row = match self.rows.get(&id).and_then(Option::as_ref) {
                Some(row) => Some(RowData::of(row.as_ref(), version)?),
                None => None,
            };
            changes.push(RowChange { table, id, row });
        }
        let mut writes = rows::writes(self.suffix, changes);
        writes.extend(rows::counter_write(&format!("counters{}", self.suffix), deltas));
        connection.write(&writes).await?;
        if self.rows.len() > KEPT_ROWS {
            self.rows.clear();
        }
        Ok(())
    }

    /// Loads the rows that the page's events go on from and that are not in memory.
    async fn read_back(&mut self, connection: &mut Connection, page: &Opened) -> Result<(), Error> {
        let mut missing: HashMap<&'static str, HashSet<&str>> = HashMap::new();
        for record in &page.records {
            if record.version > 1
                && !self.rows.contains_key(&record.stream)
                && let Some(table) = projections::table(prefix(&record.stream))
            {
                missing.entry(table.prefix).or_default().insert(&record.stream);
            }
        }
        for (prefix, ids) in missing {
            let Some(info) = projections::table(prefix) else { continue };
            let names = rows::columns(info.table).iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            let any = connection.engine().any("id", 1);
            let sql = format!("SELECT {names} FROM {}{} WHERE {any}", info.table, self.suffix);
            let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
            for row in connection.query(&sql, vec![ids.into()]).await? {
                let organization =
                    row[1].text().parse().map_err(|_| Error::Corrupt(format!("a row of {}", info.table)))?;
                let columns: Vec<Column> = row[4..].iter().zip(info.columns).map(column).collect();
                let model = projections::restore(prefix, organization, row[3].text(), &columns)?;
                self.rows.insert(row[0].text().to_owned(), Some(model));
            }
        }
        Ok(())
    }
}

fn column((value, definition): (&Value, &projections::ColumnDef)) -> Column {
    match (definition.kind, value) {
        (projections::ColumnKind::Text, Value::Text(text)) => Column::Text(Some(text.clone())),
        (projections::ColumnKind::Text, _) => Column::Text(None),
        (projections::ColumnKind::Int, Value::Int(number)) => Column::Int(Some(*number)),
        (projections::ColumnKind::Int, _) => Column::Int(None),
    }
}

fn prefix(stream: &str) -> &str {
    stream.split('_').next().unwrap_or_default()
}

/// The tables in the order in which queries lock them (a page: counters, then rows; a key: keys, then organizations), so
/// that an exchange and a query do not wait for each other.
fn table_names() -> impl Iterator<Item = &'static str> {
    ["counters"].into_iter().chain(projections::tables().iter().rev().map(|info| info.table))
}

impl Store {
    /// Replays the log into scratch tables and compares them with the live ones, in one snapshot of the database:
    /// writers go on meanwhile, and what they write is not part of it.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Corrupt`].
    pub async fn verify_projections(&self) -> Result<Report, Error> {
        let mut connection = self.opener.writer().await?;
        connection.batch(connection.engine().begin_snapshot()).await?;
        let head = head(&mut connection).await?;
        for table in table_names() {
            let key = if table == "counters" { "scope" } else { "id" };
            connection
                .batch(&format!(
                    "CREATE TEMPORARY TABLE {table}__replay AS SELECT * FROM {table} WHERE 1 = 0; \
                     CREATE UNIQUE INDEX {table}__replay_key ON {table}__replay ({key});"
                ))
                .await?;
        }
        let mut replay = Replay::new("__replay");
        while replay.position < head {
            let page = self.page(&mut connection, replay.position, head, STEP).await?;
            if page.records.is_empty() {
                return Err(Error::Corrupt(format!("the log has no event after position {}", replay.position)));
            }
            replay.step(&mut connection, &page).await?;
        }
        let report = compare(&mut connection, "__replay", head).await?;
        connection.rollback().await?;
        Ok(report)
    }

    /// Replays the log into fresh tables while writers go on, then stops them for a moment, replays the rest, and puts
    /// the fresh tables in the place of the live ones. The report tells what was wrong with those. There is one set of fresh
    /// tables: a rebuild that starts while another runs takes them over, and the other one fails.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Corrupt`], [`Error::LeaseLost`] when another rebuild was started: then the live tables
    /// are as they were.
    pub async fn rebuild_projections(&self) -> Result<Report, Error> {
        const SUFFIX: &str = "__next";
        let mut connection = self.opener.writer().await?;
        let lease = connection
            .transaction(async |connection| {
                let lease = take_over(connection).await?;
                for table in table_names() {
                    connection.batch(&format!("DROP TABLE IF EXISTS {table}{SUFFIX}")).await?;
                    for sql in copy_table(connection, table, SUFFIX).await? {
                        connection.batch(&sql).await?;
                    }
                }
                Ok(lease)
            })
            .await?;
        let mut replay = Replay::new(SUFFIX);
        loop {
            let head = head(&mut connection).await?;
            if head - replay.position < NEAR {
                break;
            }
            let page = self.page(&mut connection, replay.position, head, STEP).await?;
            connection
                .transaction(async |connection| {
                    fence(connection, &lease).await?;
                    replay.step(connection, &page).await
                })
                .await?;
        }
        connection
            .transaction(async |connection| {
                fence(connection, &lease).await?;
                self.finish_rebuild(connection, replay).await
            })
            .await
    }

    async fn finish_rebuild(&self, connection: &mut Connection, mut replay: Replay) -> Result<Report, Error> {
        let suffix = replay.suffix;
        // This stops the writers, who all take the head first; readers go on until the tables are exchanged.
        if let Some(sql) = connection.engine().lock_table("log_head") {
            connection.batch(&sql).await?;
        }
        let head = head(connection).await?;
        while replay.position < head {
            let page = self.page(connection, replay.position, head, STEP).await?;
            if page.records.is_empty() {
                return Err(Error::Corrupt(format!("the log has no event after position {}", replay.position)));
            }
            replay.step(connection, &page).await?;
        }
        let report = compare(connection, suffix, head).await?;
        for table in table_names() {
            connection.batch(&format!("DROP TABLE {table}; ALTER TABLE {table}{suffix} RENAME TO {table};")).await?;
        }
        Ok(report)
    }
}

/// The right to write the fresh tables, which nobody else has from here on.
async fn take_over(connection: &mut Connection) -> Result<Lease, Error> {
    let sql = "INSERT INTO subscriptions (name, position, epoch, owner, leased_until) VALUES ($1, 0, 1, '', 0) \
               ON CONFLICT (name) DO UPDATE SET position = 0, epoch = subscriptions.epoch + 1 RETURNING epoch";
    let rows = connection.query(sql, vec![REBUILD.into()]).await?;
    let epoch = rows.first().map_or(0, |row| row[0].int());
    Ok(Lease { name: REBUILD.to_owned(), epoch, position: 0 })
}

/// Goes on only under the right, which then cannot pass to another before the transaction ends.
async fn fence(connection: &mut Connection, lease: &Lease) -> Result<(), Error> {
    subscriptions::apply_locked(connection, &Effects::new(lease, 0)).await
}

async fn head(connection: &mut Connection) -> Result<i64, Error> {
    let rows = connection.query("SELECT position FROM log_head", Vec::new()).await?;
    Ok(rows.first().map_or(0, |row| row[0].int()))
}

/// Compares the live tables with the replayed ones, row by row over their keys.
async fn compare(connection: &mut Connection, suffix: &str, position: i64) -> Result<Report, Error> {
    let mut report = Report { position, ..Report::default() };
    let limit = TOLD;
    for info in projections::tables() {
        let table = info.table;
        let same = rows::columns(table)
            .iter()
            .skip(1)
            .map(|(name, _)| format!("a.{name} IS NOT DISTINCT FROM b.{name}"))
            .collect::<Vec<_>>()
            .join(" AND ");
        let wrong = format!(
            "SELECT a.id, CASE WHEN b.id IS NULL THEN 1 ELSE 0 END FROM {table} a LEFT JOIN {table}{suffix} b \
             ON b.id = a.id WHERE b.id IS NULL OR NOT ({same}) LIMIT {limit}"
        );
        for row in connection.query(&wrong, Vec::new()).await? {
            let what = if row[1].int() == 1 { "is not in the log" } else { "differs from the log" };
            report.differences.push(Difference { table: table.to_owned(), id: row[0].text().to_owned(), what });
        }
        let missing = format!(
            "SELECT b.id FROM {table}{suffix} b LEFT JOIN {table} a ON a.id = b.id WHERE a.id IS NULL LIMIT {limit}"
        );
        for row in connection.query(&missing, Vec::new()).await? {
            let what = "is missing";
            report.differences.push(Difference { table: table.to_owned(), id: row[0].text().to_owned(), what });
        }
        let rows = connection.query(&format!("SELECT COUNT(*) FROM {table}{suffix}"), Vec::new()).await?;
        report.rows += rows.first().map_or(0, |row| row[0].int());
    }
    // A counter that came back to 0 and one that was never written mean the same.
    let counters = format!(
        "SELECT scope FROM (SELECT scope, n FROM counters WHERE n <> 0 UNION ALL \
         SELECT scope, -n FROM counters{suffix} WHERE n <> 0) c GROUP BY scope HAVING SUM(n) <> 0 LIMIT {limit}"
    );
    for row in connection.query(&counters, Vec::new()).await? {
        let (id, what) = (row[0].text().to_owned(), "differs from the log");
        report.differences.push(Difference { table: "counters".to_owned(), id, what });
    }
    Ok(report)
}

/// Statements that make an empty copy of a table with its indexes.
async fn copy_table(connection: &mut Connection, table: &str, suffix: &str) -> Result<Vec<String>, Error> {
    let Some(catalogue) = connection.engine().table_definitions() else {
        return Ok(vec![format!("CREATE TABLE {table}{suffix} (LIKE {table} INCLUDING ALL)")]);
    };
    let mut statements = Vec::new();
    for row in connection.query(catalogue, vec![table.into()]).await? {
        let (name, sql) = (row[0].text(), row[1].text());
        let Some(body) = sql.find('(').map(|start| &sql[start..]) else { continue };
        if name == table {
            statements.push(format!("CREATE TABLE {table}{suffix} {body}"));
            continue;
        }
        // An index keeps its name when its table is renamed, so the names take turns between two rebuilds.
        let other = name.strip_suffix("__b").map_or_else(|| format!("{name}__b"), str::to_owned);
        let unique = if sql.starts_with("CREATE UNIQUE") { "UNIQUE " } else { "" };
        statements.push(format!("CREATE {unique}INDEX {other} ON {table}{suffix} {body}"));
    }
    Ok(statements)
}

//! Read-model rows and counters as writes; the same for live commits and for rebuilds.

use std::collections::HashMap;

use projections::ColumnKind;

use super::{
    submission::RowChange,
    value::{Kind, Value},
    write::{Mode, TableWrite},
};

/// The columns that every read-model table has before its own.
pub const COMMON: [(&str, Kind); 4] =
    [("id", Kind::Text), ("org_id", Kind::Text), ("version", Kind::Int), ("doc", Kind::Text)];

/// Name and type of all columns of a read model's table.
pub fn columns(table: &str) -> Vec<(&'static str, Kind)> {
    let own = projections::tables().iter().find(|info| info.table == table).map_or(&[][..], |info| info.columns);
    COMMON
        .into_iter()
        .chain(own.iter().map(|column| {
            let kind = match column.kind {
                ColumnKind::Text => Kind::Text,
                ColumnKind::Int => Kind::Int,
            };
            (column.name, kind)
        }))
        .collect()
}

/// Turns changed rows, at most one per id, into writes for tables whose names carry `suffix`.
pub fn writes(suffix: &str, changes: Vec<RowChange>) -> Vec<TableWrite> {
    let mut writes: Vec<TableWrite> = Vec::new();
    let mut places: HashMap<(&'static str, bool), usize> = HashMap::new();
    for change in changes {
        let deletes = change.row.is_none();
        let place = *places.entry((change.table, deletes)).or_insert_with(|| {
            let name = format!("{}{suffix}", change.table);
            writes.push(if deletes {
                TableWrite::new(name, Mode::Delete, &COMMON[..1])
            } else {
                TableWrite::new(name, Mode::Upsert, &columns(change.table))
            });
            writes.len() - 1
        });
        let mut row: Vec<Value> = vec![change.id.into()];
        if let Some(data) = change.row {
            row.extend([data.organization.into(), data.version.into(), data.document.into()]);
            row.extend(data.columns.into_iter().map(Value::from));
        }
        writes[place].rows.push(row);
    }
    writes
}

/// Counter deltas as a write, in the order of their names.
pub fn counter_write(table: &str, counters: HashMap<String, i64>) -> Option<TableWrite> {
    let mut deltas: Vec<_> = counters.into_iter().filter(|(_, delta)| *delta != 0).collect();
    deltas.sort_unstable();
    let mut write = TableWrite::new(table, Mode::Add, &[("scope", Kind::Text), ("n", Kind::Int)]);
    write.rows = deltas.into_iter().map(|(scope, delta)| vec![scope.into(), delta.into()]).collect();
    (!write.rows.is_empty()).then_some(write)
}

//! Multi-row writes, the unit in which everything is written.

use super::value::{Kind, Row};

/// What happens to rows whose key (the first column) exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It is an error.
    Insert,
    /// They are left out.
    InsertNew,
    /// They are replaced.
    Upsert,
    /// The second column, a number, is added to theirs.
    Add,
    /// The same, but keys that do not exist are left out.
    Increase,
    /// Their second column, a number, is raised to this one if it is lower.
    AtLeast,
    /// The same, but keys that do not exist are left out.
    Raise,
    /// They are deleted; there is only the key column.
    Delete,
}

/// Rows for one table. No key may occur twice.
#[derive(Clone, Debug)]
pub struct TableWrite {
    /// The table's name.
    pub table: String,
    /// Names and types of the columns; the key comes first.
    pub columns: Vec<(&'static str, Kind)>,
    /// What to do with existing rows.
    pub mode: Mode,
    /// The rows, with a value per column.
    pub rows: Vec<Row>,
}

impl TableWrite {
    /// An empty write.
    pub fn new(table: impl Into<String>, mode: Mode, columns: &[(&'static str, Kind)]) -> Self {
        Self { table: table.into(), columns: columns.to_vec(), mode, rows: Vec::new() }
    }
}

//! The columns of a stored row, typed the way both database engines type them.

use aggregates::id::Id;
use serde::de::Error as _;

/// A value that a row is filtered or sorted by, or that keeps state which the document does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// Text, compared byte by byte.
    Text(Option<String>),
    /// A whole number; times are microseconds since 1970.
    Int(Option<i64>),
}

impl Column {
    /// A text that is always there.
    pub fn text(value: impl Into<String>) -> Self {
        Self::Text(Some(value.into()))
    }

    /// The text of an id, or null.
    pub(crate) fn id(value: Option<impl Id>) -> Self {
        Self::Text(value.map(|id| id.to_string()))
    }

    /// A number that is always there.
    pub fn int(value: impl Into<i64>) -> Self {
        Self::Int(Some(value.into()))
    }

    /// The kind of column that the value belongs in.
    pub fn kind(&self) -> ColumnKind {
        match self {
            Self::Text(_) => ColumnKind::Text,
            Self::Int(_) => ColumnKind::Int,
        }
    }
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// `TEXT`.
    Text,
    /// `BIGINT`.
    Int,
}

/// A column of a read model's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnDef {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnKind,
}

impl ColumnDef {
    /// A column of text.
    pub const fn text(name: &'static str) -> Self {
        Self { name, kind: ColumnKind::Text }
    }

    /// A column of whole numbers.
    pub const fn int(name: &'static str) -> Self {
        Self { name, kind: ColumnKind::Int }
    }
}

/// The columns of a stored row, read by name.
pub(crate) struct Stored<'a> {
    definitions: &'static [ColumnDef],
    values: &'a [Column],
}

impl<'a> Stored<'a> {
    pub(crate) fn new(definitions: &'static [ColumnDef], values: &'a [Column]) -> Self {
        Self { definitions, values }
    }

    fn value(&self, name: &str) -> Option<&'a Column> {
        let index = self.definitions.iter().position(|column| column.name == name)?;
        self.values.get(index)
    }

    pub(crate) fn text(&self, name: &str) -> serde_json::Result<Option<&'a str>> {
        match self.value(name) {
            Some(Column::Text(text)) => Ok(text.as_deref()),
            _ => Err(serde_json::Error::custom(format_args!("the stored row has no text column {name}"))),
        }
    }

    pub(crate) fn int(&self, name: &str) -> serde_json::Result<Option<i64>> {
        match self.value(name) {
            Some(Column::Int(int)) => Ok(*int),
            _ => Err(serde_json::Error::custom(format_args!("the stored row has no number column {name}"))),
        }
    }

    /// What a text column that is never null holds.
    pub(crate) fn present_text(&self, name: &str) -> serde_json::Result<&'a str> {
        self.text(name)?.ok_or_else(|| is_null(name))
    }

    /// What a number column that is never null holds.
    pub(crate) fn present_int(&self, name: &str) -> serde_json::Result<i64> {
        self.int(name)?.ok_or_else(|| is_null(name))
    }
}

fn is_null(name: &str) -> serde_json::Error {
    serde_json::Error::custom(format_args!("column {name} of the stored row is null"))
}

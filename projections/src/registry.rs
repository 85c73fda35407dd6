//! All read models in one list, for code that treats them alike: migrations, rebuilds, verification.

use std::any::Any;

use aggregates::{DecodeError, Event, id::OrganizationId};
use serde::de::Error as _;

use crate::{
    ApiKey, Campaign, Column, ColumnDef, EmailTemplate, File, Invite, Member, Organization, Project, ReadModel,
    Recorded, Script, Session, Webhook,
};

/// Opens the ciphertext of the personal field with the given label; `None` when its key has been destroyed.
pub type Open<'a> = dyn FnMut(&'static str, &str) -> Option<Vec<u8>> + 'a;

/// A row as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The table that it is in.
    pub table: &'static str,
    /// Its key: the stream's id.
    pub id: String,
    /// Its organization.
    pub organization: OrganizationId,
    /// The version of its stream that it shows.
    pub version: u64,
    /// The document.
    pub document: String,
    /// The columns, in the order of [`TableInfo::columns`].
    pub columns: Vec<Column>,
    /// The counter scopes that it counts in.
    pub groups: Vec<(String, i64)>,
}

/// A [`ReadModel`] whose type has been forgotten.
pub trait ErasedModel: Send + Sync {
    /// The row to store for it, which shows the given version of its stream.
    ///
    /// # Errors
    /// See [`ReadModel::document`].
    fn row(&self, version: u64) -> serde_json::Result<Row>;

    /// See [`ReadModel::groups`].
    fn groups(&self) -> Vec<(String, i64)>;

    /// The document alone; see [`ReadModel::document`].
    ///
    /// # Errors
    /// As there.
    fn shown(&self) -> serde_json::Result<String>;

    /// For getting its type back.
    fn as_any(&self) -> &dyn Any;

    /// For getting its type back.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<M: ReadModel> ErasedModel for M {
    fn row(&self, version: u64) -> serde_json::Result<Row> {
        Ok(Row {
            table: M::TABLE,
            id: self.id(),
            organization: self.organization(),
            version,
            document: self.document()?,
            columns: self.columns(),
            groups: ReadModel::groups(self),
        })
    }

    fn groups(&self) -> Vec<(String, i64)> {
        ReadModel::groups(self)
    }

    fn shown(&self) -> serde_json::Result<String> {
        self.document()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// An event as it stands in the log.
struct Stored<'a> {
    name: &'a str,
    schema: u16,
    payload: &'a str,
}

type Erased = Box<dyn ErasedModel>;
type Fold = fn(Option<Erased>, Stored<'_>, &mut Open<'_>, &Recorded) -> Result<Option<Erased>, DecodeError>;

/// A read model's table, and how its rows come about.
#[derive(Clone, Copy, Debug)]
pub struct TableInfo {
    /// The prefix of the streams that it is folded from.
    pub prefix: &'static str,
    /// The table's name.
    pub table: &'static str,
    /// The columns after the implicit `id`, `org_id`, `version` and `doc`.
    pub columns: &'static [ColumnDef],
    /// Names and schemas of the events that it is folded from.
    pub events: fn() -> &'static [(&'static str, u16)],
    fold: Fold,
    restore: fn(OrganizationId, &str, &[Column]) -> serde_json::Result<Erased>,
}

impl TableInfo {
    const fn of<M: ReadModel>() -> Self {
        Self {
            prefix: M::PREFIX,
            table: M::TABLE,
            columns: M::COLUMNS,
            events: M::Event::types,
            fold: fold::<M>,
            restore: restore_as::<M>,
        }
    }
}

static TABLES: [TableInfo; 11] = [
    TableInfo::of::<Organization>(),
    TableInfo::of::<ApiKey>(),
    TableInfo::of::<Project>(),
    TableInfo::of::<Script>(),
    TableInfo::of::<Campaign>(),
    TableInfo::of::<Invite>(),
    TableInfo::of::<Session>(),
    TableInfo::of::<File>(),
    TableInfo::of::<Webhook>(),
    TableInfo::of::<EmailTemplate>(),
    TableInfo::of::<Member>(),
];

/// All read models.
pub fn tables() -> &'static [TableInfo] {
    &TABLES
}

/// The read model of the streams with this prefix (`inv`), if they have one.
pub fn table(prefix: &str) -> Option<&'static TableInfo> {
    TABLES.iter().find(|table| table.prefix == prefix)
}

/// Opens the personal fields of an event that was read from the log.
///
/// # Errors
/// [`DecodeError::Payload`] when what was sealed is not of the field's type.
pub fn open_personal<E: Event>(event: &mut E, open: &mut Open<'_>) -> Result<(), DecodeError> {
    let name = event.name();
    for (label, field) in event.personal() {
        field.open(&mut |sealed| open(label, sealed)).map_err(|source| DecodeError::Payload { name, source })?;
    }
    Ok(())
}

/// Folds one stored event into the row of its stream, whose id has the given prefix.
///
/// `name`, `schema` and `payload` are what the log keeps, personal fields still sealed; `open` opens them. Streams without a read model have no rows.
///
/// # Errors
/// When the event cannot be decoded, or belongs to another aggregate than the row.
pub fn fold_stored(
    prefix: &str,
    row: Option<Box<dyn ErasedModel>>,
    name: &str,
    schema: u16,
    payload: &str,
    open: &mut Open<'_>,
    recorded: &Recorded,
) -> Result<Option<Box<dyn ErasedModel>>, DecodeError> {
    match table(prefix) {
        Some(table) => (table.fold)(row, Stored { name, schema, payload }, open, recorded),
        None => Ok(None),
    }
}

/// Reads a stored row back; see [`ReadModel::restore`].
///
/// # Errors
/// When there is no such read model, or the row was not written by this version of it.
pub fn restore(
    prefix: &str,
    organization: OrganizationId,
    document: &str,
    columns: &[Column],
) -> serde_json::Result<Box<dyn ErasedModel>> {
    let table = table(prefix)
        .ok_or_else(|| serde_json::Error::custom(format_args!("streams with the prefix {prefix} have no rows")))?;
    (table.restore)(organization, document, columns)
}

fn fold<M: ReadModel>(
    row: Option<Erased>,
    stored: Stored<'_>,
    open: &mut Open<'_>,
    recorded: &Recorded,
) -> Result<Option<Erased>, DecodeError> {
    let foreign = |_| DecodeError::UnknownType(stored.name.to_owned());
    let row = row.map(|row| row.into_any().downcast::<M>()).transpose().map_err(foreign)?;
    let mut event = M::Event::decode(stored.name, stored.schema, stored.payload)?;
    open_personal(&mut event, open)?;
    Ok(M::fold(row.map(|row| *row), &event, recorded).map(|row| Box::new(row) as Erased))
}

fn restore_as<M: ReadModel>(
    organization: OrganizationId,
    document: &str,
    columns: &[Column],
) -> serde_json::Result<Erased> {
    M::restore(organization, document, columns).map(|row| Box::new(row) as Erased)
}

//! Reading the log: one stream, or all of it in order.

use std::collections::HashMap;

use aggregates::id::SubjectId;

use super::{Error, Store, connection::Connection, value::Row};
use crate::trust::{keys::Key, seal};

const COLUMNS: &str = "e.position, e.event_id, e.org_id, e.org_seq, e.stream_id, e.version, e.type, e.schema, \
                       e.recorded_at, e.subject_id, e.meta, e.data, s.wrapped_key";

/// An event as it is stored: personal fields are ciphertext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Place in the log, from 1, without gaps.
    pub position: i64,
    /// `evt_…`.
    pub event_id: String,
    /// The organization.
    pub organization: String,
    /// Place in the organization's log, from 1, without gaps.
    pub org_seq: i64,
    /// The aggregate's id.
    pub stream: String,
    /// Version of the stream after this event, from 1.
    pub version: i64,
    /// The event's name.
    pub name: String,
    /// Schema version of the payload.
    pub schema: u16,
    /// Microseconds since 1970.
    pub recorded_at: i64,
    /// The data subject that it speaks of.
    pub subject: Option<String>,
    /// Who did it, as JSON.
    pub meta: String,
    /// The payload as JSON.
    pub data: String,
    wrapped_key: Option<Vec<u8>>,
}

impl StoredRecord {
    fn from_row(row: Row) -> Result<Self, Error> {
        let damaged = || Error::Corrupt("an event row".into());
        let [position, event_id, organization, org_seq, stream, version, name, schema, at, subject, meta, data, key] =
            <[super::Value; 13]>::try_from(row).map_err(|_| damaged())?;
        Ok(Self {
            position: position.int(),
            event_id: event_id.into_text().ok_or_else(damaged)?,
            organization: organization.into_text().ok_or_else(damaged)?,
            org_seq: org_seq.int(),
            stream: stream.into_text().ok_or_else(damaged)?,
            version: version.int(),
            name: name.into_text().ok_or_else(damaged)?,
            schema: u16::try_from(schema.int()).map_err(|_| damaged())?,
            recorded_at: at.int(),
            subject: subject.into_text(),
            meta: meta.into_text().ok_or_else(damaged)?,
            data: data.into_text().ok_or_else(damaged)?,
            wrapped_key: key.into_bytes(),
        })
    }
}

impl StoredRecord {
    /// What a fold is told of the event.
    pub fn recorded(&self) -> projections::Recorded {
        projections::Recorded {
            at: chrono::DateTime::from_timestamp_micros(self.recorded_at).unwrap_or_default(),
            version: self.version.unsigned_abs(),
            subject: self.subject.as_deref().and_then(|subject| subject.parse().ok()),
        }
    }
}

/// Stored events together with the keys that open their personal fields.
#[derive(Default)]
pub struct Opened {
    /// The events.
    pub records: Vec<StoredRecord>,
    keys: HashMap<String, Key>,
}

impl Opened {
    /// Whether the personal fields of an event can be opened.
    pub fn has_key(&self, record: &StoredRecord) -> bool {
        record.subject.as_ref().is_some_and(|subject| self.keys.contains_key(subject))
    }

    /// Opens one personal field of an event; `None` when its subject was erased.
    pub fn open(&self, record: &StoredRecord, field: &str, sealed: &str) -> Option<Vec<u8>> {
        seal::open_field(self.keys.get(record.subject.as_deref()?)?, &record.event_id, field, sealed)
    }
}

/// Which part of the log is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent<'a> {
    /// All of it; its places are positions.
    Everything,
    /// What one organization did; its places are the organization's sequence numbers.
    Organization(&'a str),
}

impl Extent<'_> {
    /// The place of an event.
    pub fn place(self, record: &StoredRecord) -> i64 {
        match self {
            Self::Everything => record.position,
            Self::Organization(_) => record.org_seq,
        }
    }
}

/// The events of some types within a piece of the log.
pub struct Slice {
    /// The events, in order.
    pub opened: Opened,
    /// Everything up to this place has been looked at.
    pub upto: i64,
    /// The last place of the log.
    pub head: i64,
}

/// Events that one slice looks at, at most, whatever their types: a filter that nothing passes comes to an end too.
const WINDOW: i64 = 10_000;

impl Store {
    /// Up to `limit` events of these types after a place. The end of the log is asked for first, which costs a subscriber
    /// that is up to date one row.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Corrupt`].
    pub async fn slice(&self, extent: Extent<'_>, after: i64, types: &[&str], limit: i64) -> Result<Slice, Error> {
        let (head, place, mut condition, mut parameters): (_, _, _, Vec<super::Value>) = match extent {
            Extent::Everything => (self.last_position().await?, "e.position", String::new(), Vec::new()),
            Extent::Organization(id) => {
                let condition = "e.org_id = $1 AND ".to_owned();
                (self.last_sequence(id).await?, "e.org_seq", condition, vec![id.into()])
            }
        };
        if head <= after || types.is_empty() {
            return Ok(Slice { opened: Opened::default(), upto: head.max(after), head });
        }
        let upto = head.min(after + WINDOW);
        let n = parameters.len();
        let any = self.engine().any("e.type", n + 1);
        condition += &format!("{place} > ${} AND {place} <= ${} AND {any}", n + 2, n + 3);
        let types: Vec<String> = types.iter().map(|name| (*name).to_owned()).collect();
        parameters.extend([types.into(), after.into(), upto.into(), limit.into()]);
        let sql = format!("{} WHERE {condition} ORDER BY {place} LIMIT ${}", select(), n + 4);
        let opened = self.opened(self.query(sql, parameters).await?).await?;
        let full = i64::try_from(opened.records.len()).is_ok_and(|found| found >= limit);
        let upto = opened.records.last().filter(|_| full).map_or(upto, |last| extent.place(last));
        Ok(Slice { opened, upto, head })
    }

    /// The last sequence number of an organization; 0 when it has no event.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn last_sequence(&self, organization: &str) -> Result<i64, Error> {
        let sql = "SELECT seq FROM org_heads WHERE org_id = $1".to_owned();
        let rows = self.query(sql, vec![organization.into()]).await?;
        Ok(rows.first().map_or(0, |row| row[0].int()))
    }

    /// The sequence number of an organization's event.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sequence_of(&self, organization: &str, event_id: &str) -> Result<Option<i64>, Error> {
        let sql = "SELECT org_seq FROM events WHERE event_id = $1 AND org_id = $2".to_owned();
        let rows = self.query(sql, vec![event_id.into(), organization.into()]).await?;
        Ok(rows.first().map(|row| row[0].int()))
    }

    /// Events by their ids, in the order of the log; unknown ones are left out.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Corrupt`].
    pub async fn events_by_id(&self, ids: Vec<String>) -> Result<Opened, Error> {
        let sql = format!("{} WHERE {} ORDER BY e.position", select(), self.engine().any("e.event_id", 1));
        self.opened(self.query(sql, vec![ids.into()]).await?).await
    }

    /// The events of streams up to a position, each stream's oldest first.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Corrupt`].
    pub async fn streams(&self, ids: Vec<String>, upto: i64) -> Result<Opened, Error> {
        let any = self.engine().any("e.stream_id", 1);
        let sql = format!("{} WHERE {any} AND e.position <= $2 ORDER BY e.stream_id, e.version", select());
        self.opened(self.query(sql, vec![ids.into(), upto.into()]).await?).await
    }

    /// All events of one stream, oldest first; empty when there is no such stream.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Corrupt`].
    pub async fn stream(&self, id: &str) -> Result<Opened, Error> {
        let sql = format!("{} WHERE e.stream_id = $1 ORDER BY e.version", select());
        let rows = self.query(sql, vec![id.into()]).await?;
        self.opened(rows).await
    }

    /// The versions of streams, as they are now; a stream that does not exist is left out.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn versions(&self, ids: Vec<String>) -> Result<HashMap<String, i64>, Error> {
        let any = self.engine().any("stream_id", 1);
        let sql = format!("SELECT stream_id, MAX(version) FROM events WHERE {any} GROUP BY stream_id");
        let rows = self.query(sql, vec![ids.into()]).await?;
        Ok(rows.into_iter().map(|row| (row[0].text().to_owned(), row[1].int())).collect())
    }

    /// Whether a stream is still at a version, and these subjects, who are in it, still have their keys.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn is_current(&self, stream: &str, version: i64, subjects: &[SubjectId]) -> Result<bool, Error> {
        let known = self.engine().any("id", 2);
        let sql = format!(
            "SELECT (SELECT MAX(version) FROM events WHERE stream_id = $1), (SELECT COUNT(*) FROM subjects WHERE {known})"
        );
        let ids: Vec<String> = subjects.iter().map(SubjectId::to_string).collect();
        let rows = self.query(sql, vec![stream.into(), ids.into()]).await?;
        let found = |row: &Row| row[0].int() == version && usize::try_from(row[1].int()) == Ok(subjects.len());
        Ok(rows.first().is_some_and(found))
    }

    /// Up to `limit` events after a position, in order.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Corrupt`].
    pub async fn events_after(&self, position: i64, limit: i64) -> Result<Vec<StoredRecord>, Error> {
        let rows = self.query(page_sql(), vec![position.into(), i64::MAX.into(), limit.into()]).await?;
        rows.into_iter().map(StoredRecord::from_row).collect()
    }

    /// Position of the last event; 0 when there is none.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn last_position(&self) -> Result<i64, Error> {
        let rows = self.query("SELECT position FROM log_head".to_owned(), Vec::new()).await?;
        Ok(rows.first().map_or(0, |row| row[0].int()))
    }

    /// A page of the log on a given connection, with keys; for replays.
    pub(super) async fn page(
        &self,
        connection: &mut Connection,
        after: i64,
        up_to: i64,
        limit: i64,
    ) -> Result<Opened, Error> {
        let rows = connection.query(&page_sql(), vec![after.into(), up_to.into(), limit.into()]).await?;
        self.opened(rows).await
    }

    async fn opened(&self, rows: Vec<Row>) -> Result<Opened, Error> {
        let records = rows.into_iter().map(StoredRecord::from_row).collect::<Result<Vec<_>, _>>()?;
        let mut wrapped = HashMap::new();
        for record in &records {
            if let (Some(subject), Some(key)) = (&record.subject, &record.wrapped_key) {
                wrapped.entry(subject.clone()).or_insert_with(|| (record.organization.clone(), key.clone()));
            }
        }
        Ok(Opened { keys: self.unwrap_subjects(wrapped).await?, records })
    }
}

fn select() -> String {
    format!("SELECT {COLUMNS} FROM events e LEFT JOIN subjects s ON s.id = e.subject_id")
}

fn page_sql() -> String {
    format!("{} WHERE e.position > $1 AND e.position <= $2 ORDER BY e.position LIMIT $3", select())
}

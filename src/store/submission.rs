//! What a command asks the store to commit, and what it is told.

use projections::Column;

use super::write::TableWrite;

/// A condition that must still hold when a submission commits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Guard {
    /// The stream is at this version; 0 means that it does not exist.
    Stream {
        /// The aggregate's id.
        id: String,
        /// The version that the command has seen.
        version: i64,
    },
    /// The counter has this value.
    Counter {
        /// The counter's name.
        scope: String,
        /// The value that the command has seen.
        n: i64,
    },
    /// The webhook endpoint has had so many signals.
    Signals {
        /// The endpoint's id.
        webhook: String,
        /// The number that the command has seen.
        n: i64,
    },
}

/// An event ready to be stored: personal fields sealed, place in its stream known.
#[derive(Clone, Debug)]
pub struct StoredEvent {
    /// `evt_…`.
    pub event_id: String,
    /// The aggregate's id.
    pub stream: String,
    /// Version of the stream after this event, from 1.
    pub version: i64,
    /// The event's name, as `invite.created`.
    pub name: &'static str,
    /// Schema version of the payload.
    pub schema: i64,
    /// Microseconds since 1970.
    pub recorded_at: i64,
    /// The data subject that it speaks of.
    pub subject: Option<String>,
    /// Who did it, as JSON without personal data.
    pub meta: String,
    /// The payload as JSON.
    pub data: String,
}

/// A data subject that the command believes to be new.
#[derive(Clone, Debug)]
pub struct NewSubject {
    /// `sub_…`.
    pub id: String,
    /// See [`crate::trust::keys::Keys::subject_lookup`].
    pub lookup: String,
    /// The subject's key, wrapped by the organization's.
    pub wrapped_key: Vec<u8>,
}

/// The answer to remember for an Idempotency-Key (contract 11).
#[derive(Clone, Debug)]
pub struct Reply {
    /// A time-ordered id.
    pub id: String,
    /// Hash of organization and key.
    pub lookup: String,
    /// Microseconds since 1970.
    pub expires_at: i64,
    /// Fingerprint and answer, sealed.
    pub sealed: Vec<u8>,
}

/// The new state of one read-model row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// The read model's table.
    pub table: &'static str,
    /// The aggregate's id.
    pub id: String,
    /// `None` deletes the row.
    pub row: Option<RowData>,
}

/// What a read-model row holds besides its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowData {
    /// The organization that it belongs to.
    pub organization: String,
    /// Version of the stream that it was folded from.
    pub version: i64,
    /// The API's representation.
    pub document: String,
    /// In the order of the model's column definitions.
    pub columns: Vec<Column>,
}

/// Everything that one command changes; it takes effect as a whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Submission {
    /// The organization whose log it goes to.
    pub organization: String,
    /// What must still hold.
    pub guards: Vec<Guard>,
    /// The events, of one or more streams.
    pub events: Vec<StoredEvent>,
    /// The read-model rows after these events.
    pub rows: Vec<RowChange>,
    /// What is added to counters.
    pub counters: Vec<(String, i64)>,
    /// Data subjects that appear for the first time.
    pub subjects: Vec<NewSubject>,
    /// The answer to remember.
    pub reply: Option<Reply>,
    /// Rows for tables of other mechanisms.
    pub writes: Vec<TableWrite>,
}

/// What became of a submission.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is durable.
    Committed {
        /// Position of the log's last event at that moment.
        head: i64,
    },
    /// Guards failed; the names of the streams and counters that have moved on.
    Stale(Vec<String>),
    /// Data subjects exist already: lookup, id and wrapped key of each.
    SubjectsExist(Vec<(String, String, Vec<u8>)>),
    /// The Idempotency-Key has been answered before: the sealed reply.
    AlreadyAnswered(Vec<u8>),
    /// The Idempotency-Key belongs to a submission of the same batch.
    InProgress,
}

impl Submission {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.reply.is_none() && self.writes.is_empty()
    }
}

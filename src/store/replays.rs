//! Replays: pieces of the log that are sent to a webhook endpoint once more.

use serde_json::json;

use super::{
    Error, Store,
    deliveries::optional,
    value::{Kind, Value},
    write::{Mode, TableWrite},
};

/// A second cursor: a piece of the log that is sent to an endpoint once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// `rpl_…`
    pub id: String,
    /// The endpoint.
    pub webhook: String,
    /// Its organization.
    pub organization: String,
    /// Patterns of event types, where it has its own.
    pub event_types: Option<Vec<String>>,
    /// Only what was recorded at or after this time, µs since 1970.
    pub since: Option<i64>,
    /// Only what was recorded before this time, µs since 1970.
    pub until: Option<i64>,
    /// Everything up to here is dealt with.
    pub sequence: i64,
    /// The last place that belongs to it.
    pub upto: i64,
    /// Whether it has come to its end.
    pub done: bool,
    /// When it goes on, µs since 1970.
    pub next_at: i64,
    /// When it was asked for, µs since 1970.
    pub created_at: i64,
}

const REPLAY_COLUMNS: [(&str, Kind); 11] = [
    ("id", Kind::Text),
    ("webhook_id", Kind::Text),
    ("org_id", Kind::Text),
    ("event_types", Kind::Text),
    ("since", Kind::Int),
    ("until", Kind::Int),
    ("sequence", Kind::Int),
    ("upto", Kind::Int),
    ("status", Kind::Text),
    ("next_at", Kind::Int),
    ("created_at", Kind::Int),
];

impl Replay {
    fn from_row(row: &[Value]) -> Result<Self, Error> {
        let text = |i: usize| row.get(i).map_or("", Value::text).to_owned();
        let number = |i: usize| row.get(i).map_or(0, Value::int);
        let types = text(3);
        Ok(Self {
            id: text(0),
            webhook: text(1),
            organization: text(2),
            event_types: if types.is_empty() { None } else { Some(serde_json::from_str(&types)?) },
            since: row.get(4).and_then(optional),
            until: row.get(5).and_then(optional),
            sequence: number(6),
            upto: number(7),
            done: text(8) == "done",
            next_at: number(9),
            created_at: number(10),
        })
    }

    /// Replays as a write.
    pub fn write<'a>(replays: impl IntoIterator<Item = &'a Self>) -> TableWrite {
        let mut write = TableWrite::new("webhook_replays", Mode::Upsert, &REPLAY_COLUMNS);
        let row = |replay: &Self| {
            vec![
                replay.id.as_str().into(),
                replay.webhook.as_str().into(),
                replay.organization.as_str().into(),
                replay.event_types.as_ref().map(|types| json!(types).to_string()).into(),
                replay.since.into(),
                replay.until.into(),
                replay.sequence.into(),
                replay.upto.into(),
                if replay.done { "done" } else { "running" }.into(),
                replay.next_at.into(),
                replay.created_at.into(),
            ]
        };
        write.rows = replays.into_iter().map(row).collect();
        write
    }
}

impl Store {
    /// The oldest replay of an endpoint that is not done.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn next_replay(&self, webhook: &str) -> Result<Option<Replay>, Error> {
        let names = REPLAY_COLUMNS.map(|(name, _)| name).join(", ");
        let sql = format!(
            "SELECT {names} FROM webhook_replays WHERE webhook_id = $1 AND status = 'running' ORDER BY id LIMIT 1"
        );
        let rows = self.query(sql, vec![webhook.into()]).await?;
        rows.first().map(|row| Replay::from_row(row)).transpose()
    }

    /// How many replays of an endpoint are not done.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn running_replays(&self, webhook: &str) -> Result<i64, Error> {
        let sql = "SELECT COUNT(*) FROM webhook_replays WHERE webhook_id = $1 AND status = 'running'".to_owned();
        let rows = self.query(sql, vec![webhook.into()]).await?;
        Ok(rows.first().map_or(0, |row| row[0].int()))
    }
}

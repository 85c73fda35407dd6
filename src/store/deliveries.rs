//! Deliveries of webhooks and their attempts: a delivery has a row from its first attempt on, until it is swept.

use super::{
    Error, Store,
    value::{Kind, Row, Value},
    write::{Mode, TableWrite},
};

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It will be tried again.
    Pending,
    /// It arrived.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryStatus {
    /// Every status with its name.
    pub const NAMES: [(&'static str, Self); 3] =
        [("pending", Self::Pending), ("delivered", Self::Delivered), ("failed", Self::Failed)];

    /// The name, in the database as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    fn named(name: &str) -> Result<Self, Error> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, status)| *status);
        found.ok_or_else(|| Error::Corrupt(format!("a delivery that is {name}")))
    }
}

/// Why an event is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// It happened.
    Live,
    /// A replay reached it.
    Replay,
    /// It was asked for by itself.
    Redelivery,
    /// It is a test.
    Test,
}

impl Source {
    /// The name, in the database as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Replay => "replay",
            Self::Redelivery => "redelivery",
            Self::Test => "test",
        }
    }

    fn named(name: &str) -> Result<Self, Error> {
        let all = [Self::Live, Self::Replay, Self::Redelivery, Self::Test];
        let found = all.into_iter().find(|source| source.as_str() == name);
        found.ok_or_else(|| Error::Corrupt(format!("a delivery because of {name}")))
    }
}

/// An event on its way to an endpoint, from its first attempt on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// `dlv_…`
    pub id: String,
    /// The endpoint.
    pub webhook: String,
    /// The organization of both.
    pub organization: String,
    /// The event.
    pub event_id: String,
    /// The event's public type.
    pub event_type: String,
    /// The event's place in its organization's log.
    pub sequence: i64,
    /// Why it is sent.
    pub source: Source,
    /// The replay that it belongs to; empty without one.
    pub replay: String,
    /// How it stands.
    pub status: DeliveryStatus,
    /// Attempts so far.
    pub attempts: i64,
    /// When the next one is due, µs since 1970.
    pub next_attempt_at: Option<i64>,
    /// The status that the last attempt was answered with.
    pub http_status: Option<i64>,
    /// Why the last attempt failed, if it did.
    pub reason: Option<String>,
    /// When it began, µs since 1970.
    pub created_at: i64,
    /// When it came to an end, µs since 1970.
    pub finished_at: Option<i64>,
}

pub(super) const DELIVERY_COLUMNS: [(&str, Kind); 15] = [
    ("id", Kind::Text),
    ("webhook_id", Kind::Text),
    ("org_id", Kind::Text),
    ("event_id", Kind::Text),
    ("type", Kind::Text),
    ("sequence", Kind::Int),
    ("source", Kind::Text),
    ("replay_id", Kind::Text),
    ("status", Kind::Text),
    ("attempts", Kind::Int),
    ("next_attempt_at", Kind::Int),
    ("http_status", Kind::Int),
    ("reason", Kind::Text),
    ("created_at", Kind::Int),
    ("finished_at", Kind::Int),
];

pub(super) fn optional(value: &Value) -> Option<i64> {
    (*value != Value::Null).then(|| value.int())
}

impl Delivery {
    pub(super) fn from_row(row: &[Value]) -> Result<Self, Error> {
        let text = |i: usize| row.get(i).map_or("", Value::text).to_owned();
        let number = |i: usize| row.get(i).map_or(0, Value::int);
        let maybe = |i: usize| row.get(i).and_then(optional);
        Ok(Self {
            id: text(0),
            webhook: text(1),
            organization: text(2),
            event_id: text(3),
            event_type: text(4),
            sequence: number(5),
            source: Source::named(&text(6))?,
            replay: text(7),
            status: DeliveryStatus::named(&text(8))?,
            attempts: number(9),
            next_attempt_at: maybe(10),
            http_status: maybe(11),
            reason: row.get(12).cloned().and_then(Value::into_text),
            created_at: number(13),
            finished_at: maybe(14),
        })
    }

    fn row(&self) -> Row {
        vec![
            self.id.as_str().into(),
            self.webhook.as_str().into(),
            self.organization.as_str().into(),
            self.event_id.as_str().into(),
            self.event_type.as_str().into(),
            self.sequence.into(),
            self.source.as_str().into(),
            self.replay.as_str().into(),
            self.status.as_str().into(),
            self.attempts.into(),
            self.next_attempt_at.into(),
            self.http_status.into(),
            self.reason.as_deref().into(),
            self.created_at.into(),
            self.finished_at.into(),
        ]
    }

    /// Deliveries as a write; no id may occur twice.
    pub fn write<'a>(deliveries: impl IntoIterator<Item = &'a Self>) -> TableWrite {
        let mut write = TableWrite::new("webhook_deliveries", Mode::Upsert, &DELIVERY_COLUMNS);
        write.rows = deliveries.into_iter().map(Self::row).collect();
        write
    }
}

/// One attempt of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The delivery.
    pub delivery: String,
    /// The endpoint.
    pub webhook: String,
    /// Counted from 1.
    pub number: i64,
    /// When it began, µs since 1970.
    pub at: i64,
    /// What it was answered with.
    pub http_status: Option<i64>,
    /// Why it failed, if it did.
    pub reason: Option<String>,
    /// How long it took, in µs.
    pub latency: i64,
    /// Headers and the beginning of the answer, sealed.
    pub sealed: Vec<u8>,
}

impl Attempt {
    /// The key of an attempt; it sorts by number within the delivery.
    pub fn id(delivery: &str, number: i64) -> String {
        format!("{delivery}/{number:03}")
    }

    /// Attempts as a write.
    pub fn write<'a>(attempts: impl IntoIterator<Item = &'a Self>) -> TableWrite {
        let columns = [
            ("id", Kind::Text),
            ("webhook_id", Kind::Text),
            ("number", Kind::Int),
            ("at", Kind::Int),
            ("http_status", Kind::Int),
            ("reason", Kind::Text),
            ("latency", Kind::Int),
            ("sealed", Kind::Bytes),
        ];
        let mut write = TableWrite::new("webhook_attempts", Mode::InsertNew, &columns);
        let row = |attempt: &Self| {
            vec![
                Self::id(&attempt.delivery, attempt.number).into(),
                attempt.webhook.as_str().into(),
                attempt.number.into(),
                attempt.at.into(),
                attempt.http_status.into(),
                attempt.reason.as_deref().into(),
                attempt.latency.into(),
                attempt.sealed.clone().into(),
            ]
        };
        write.rows = attempts.into_iter().map(row).collect();
        write
    }
}

impl Store {
    /// What is to be tried again of an endpoint, the earliest first, up to `loaded`.
    pub(super) async fn pending_deliveries(&self, webhook: &str, loaded: usize) -> Result<Vec<Delivery>, Error> {
        let sql = format!(
            "SELECT {} FROM webhook_deliveries WHERE webhook_id = $1 AND status = 'pending' \
             ORDER BY next_attempt_at, id LIMIT $2",
            delivery_columns()
        );
        let limit = i64::try_from(loaded).unwrap_or(i64::MAX);
        let rows = self.query(sql, vec![webhook.into(), limit.into()]).await?;
        rows.iter().map(|row| Delivery::from_row(row)).collect()
    }

    /// Deletes up to `limit` finished deliveries whose id is below a bound, with their attempts, and finished replays;
    /// answers how many deliveries. Ids sort by time.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sweep_deliveries(&self, below: &str, before: i64, limit: i64) -> Result<usize, Error> {
        let replays = "DELETE FROM webhook_replays WHERE id IN (SELECT r.id FROM webhook_replays r \
                       LEFT JOIN webhook_endpoints e ON e.webhook_id = r.webhook_id WHERE r.created_at < $1 \
                       AND (e.webhook_id IS NULL OR r.status = 'done') LIMIT $2) RETURNING id";
        self.aside().await?.statement(replays, vec![before.into(), limit.into()]).await?;
        // A finished delivery in front of its endpoint's place is what keeps the event from being sent twice.
        let old = "SELECT d.id, d.attempts FROM webhook_deliveries d \
                   LEFT JOIN webhook_endpoints e ON e.webhook_id = d.webhook_id WHERE d.id < $1 \
                   AND (e.webhook_id IS NULL OR (d.status <> 'pending' \
                   AND (d.source <> 'live' OR d.sequence <= e.sequence))) ORDER BY d.id LIMIT $2";
        let rows = self.query(old.to_owned(), vec![below.into(), limit.into()]).await?;
        self.remove_deliveries(rows).await
    }

    /// Deletes the oldest finished deliveries of an endpoint, up to 1,000, if it has more than `keep`; answers how many.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn trim_deliveries(&self, webhook: &str, keep: i64) -> Result<usize, Error> {
        let sql = "SELECT d.id, d.attempts FROM (SELECT id, attempts, status, source, sequence FROM webhook_deliveries \
                   WHERE webhook_id = $1 ORDER BY id DESC LIMIT 1000 OFFSET $2) d \
                   JOIN webhook_endpoints e ON e.webhook_id = $1 \
                   WHERE d.status <> 'pending' AND (d.source <> 'live' OR d.sequence <= e.sequence)";
        let rows = self.query(sql.to_owned(), vec![webhook.into(), keep.into()]).await?;
        self.remove_deliveries(rows).await
    }

    /// The attempts go first: a delivery without them can be removed later, but they could not be found without it.
    async fn remove_deliveries(&self, rows: Vec<Row>) -> Result<usize, Error> {
        if rows.is_empty() {
            return Ok(0);
        }
        let attempts: Vec<String> =
            rows.iter().flat_map(|row| (1..=row[1].int()).map(|number| Attempt::id(row[0].text(), number))).collect();
        let deliveries: Vec<String> = rows.iter().map(|row| row[0].text().to_owned()).collect();
        let aside = self.aside().await?;
        for (table, ids) in [("webhook_attempts", attempts), ("webhook_deliveries", deliveries)] {
            let sql = format!("DELETE FROM {table} WHERE {}", self.engine().any("id", 1));
            aside.statement(sql, vec![ids.into()]).await?;
        }
        Ok(rows.len())
    }
}

pub(super) fn delivery_columns() -> String {
    DELIVERY_COLUMNS.map(|(name, _)| name).join(", ")
}

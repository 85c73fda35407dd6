//! What the webhook pipeline keeps: which node serves which endpoint, how far each endpoint is, and what is to be tried again.
//!
//! The log is the queue. An endpoint has one row with a place in its organization's log; a delivery has a row from its
//! first attempt on. Endpoints are claimed by nodes with a lease and an epoch, and every write of a node names the epoch
//! under which it works: a node that has lost an endpoint writes nothing more about it.

use std::collections::{HashMap, HashSet};

use serde_json::json;

use super::{
    Document, Error, Store,
    connection::Connection,
    signals::begins_anew,
    value::{Kind, Row, Value},
    write::{Mode, TableWrite},
};

/// A time that never comes.
pub const NEVER: i64 = i64::MAX;

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

/// An endpoint that a node has taken, with everything that it needs to go on where the one before stopped.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The endpoint.
    pub webhook: String,
    /// Names this claim in every write.
    pub epoch: i64,
    /// How many signals it has had.
    pub signals: i64,
    /// Everything up to here is dealt with, except what `tried` and `in_flight` of the node say.
    pub sequence: i64,
    /// No first attempt before this time.
    pub first_at: i64,
    /// Since when every attempt has failed.
    pub failing_since: Option<i64>,
    /// Places behind `sequence` that have a delivery already, by replay (empty: live).
    pub tried: HashMap<String, HashSet<i64>>,
    /// What is to be tried again, the earliest first, up to the number that was asked for.
    pub pending: Vec<Delivery>,
    /// The oldest replay that is not done.
    pub replay: Option<Replay>,
    /// The endpoint's read-model row.
    pub document: Document,
}

/// What a node has found out about an endpoint.
#[derive(Clone, Debug, Default)]
pub struct EndpointUpdate {
    /// The endpoint.
    pub webhook: String,
    /// The claim under which the node worked.
    pub epoch: i64,
    /// How many signals the node knew when it took the endpoint. Only this write counts them as seen: whoever dies before
    /// it leaves them to the next.
    pub signals: i64,
    /// Everything up to here is dealt with.
    pub sequence: i64,
    /// No first attempt before this time.
    pub first_at: i64,
    /// When something is due, other than new events.
    pub wake_at: i64,
    /// Since when every attempt has failed.
    pub failing_since: Option<i64>,
    /// When it was last served.
    pub served_at: i64,
    /// Whether another node may take it at once.
    pub release: bool,
    /// Deliveries as they are now.
    pub deliveries: Vec<Delivery>,
    /// Attempts that were made.
    pub attempts: Vec<Attempt>,
    /// The replay as it is now.
    pub replay: Option<Replay>,
}

/// What a node writes in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// At most one update for each endpoint.
    pub updates: Vec<EndpointUpdate>,
    /// For tests: the transaction breaks off in the middle.
    pub break_off: bool,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Endpoints whose claim still holds, the only ones about which anything was written.
    pub accepted: Vec<String>,
    /// Endpoints whose results the database does not take.
    pub refused: Vec<String>,
}

/// Where an endpoint that a node holds stands in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The endpoint.
    pub webhook: String,
    /// The present claim.
    pub epoch: i64,
    /// How many signals it has had.
    pub signals: i64,
    /// The version of its read-model row; 0 once it is deleted.
    pub version: i64,
}

/// What is new in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// The last position.
    pub position: i64,
    /// Organizations with new events, and the last place in each one's log.
    pub organizations: Vec<(String, i64)>,
}

impl News {
    /// Nothing new behind a position.
    pub fn at(position: i64) -> Self {
        Self { position, organizations: Vec::new() }
    }
}

/// Writes a batch; answers the endpoints whose claim still holds. Nothing is written about the others.
pub(super) async fn apply(connection: &mut Connection, batch: &Batch) -> Result<Vec<String>, Error> {
    connection.transaction(async |connection| apply_begun(connection, batch).await).await
}

async fn apply_begun(connection: &mut Connection, batch: &Batch) -> Result<Vec<String>, Error> {
    let columns = [
        ("webhook_id", Kind::Text),
        ("epoch", Kind::Int),
        ("seen", Kind::Int),
        ("sequence", Kind::Int),
        ("first_at", Kind::Int),
        ("wake_at", Kind::Int),
        ("failing_since", Kind::Int),
        ("served_at", Kind::Int),
        ("released", Kind::Int),
    ];
    let updates: Vec<_> = batch
        .updates
        .iter()
        .map(|update| {
            json!({
                "webhook_id": update.webhook, "epoch": update.epoch, "seen": update.signals,
                "sequence": update.sequence, "first_at": update.first_at, "wake_at": update.wake_at,
                "failing_since": update.failing_since, "served_at": update.served_at,
                "released": i64::from(update.release),
            })
        })
        .collect();
    // The rows stay locked until the commit, so that no claim can pass to another node in between.
    let sql = format!(
        "UPDATE webhook_endpoints SET seen = u.seen, sequence = u.sequence, first_at = u.first_at, \
         wake_at = u.wake_at, failing_since = u.failing_since, served_at = u.served_at, \
         owner = CASE WHEN u.released = 1 THEN '' ELSE webhook_endpoints.owner END, \
         leased_until = CASE WHEN u.released = 1 THEN 0 ELSE webhook_endpoints.leased_until END \
         FROM {} WHERE webhook_endpoints.webhook_id = u.webhook_id AND webhook_endpoints.epoch = u.epoch \
         RETURNING webhook_endpoints.webhook_id",
        connection.engine().records(&columns, 1)
    );
    let rows = connection.query(&sql, vec![json!(updates).to_string().into()]).await?;
    let ours: HashSet<String> = rows.into_iter().filter_map(|row| row.into_iter().next()?.into_text()).collect();
    if batch.break_off {
        return Err(Error::Database("broken off by a test".to_owned()));
    }
    let accepted = || batch.updates.iter().filter(|update| ours.contains(&update.webhook));
    let mut writes = vec![
        Delivery::write(accepted().flat_map(|update| &update.deliveries)),
        Attempt::write(accepted().flat_map(|update| &update.attempts)),
        Replay::write(accepted().flat_map(|update| &update.replay)),
    ];
    writes.retain(|write| !write.rows.is_empty());
    connection.write(&writes).await?;
    Ok(ours.into_iter().collect())
}

impl Store {
    /// Which organizations have new events behind a position.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn news(&self, after: i64) -> Result<News, Error> {
        const MANY: i64 = 20_000;
        let position = self.last_position().await?;
        if position <= after {
            return Ok(News::at(after));
        }
        let (sql, parameters) = if position - after > MANY {
            ("SELECT org_id, seq FROM org_heads".to_owned(), Vec::new())
        } else {
            let sql = "SELECT org_id, MAX(org_seq) FROM events WHERE position > $1 AND position <= $2 GROUP BY org_id";
            (sql.to_owned(), vec![after.into(), position.into()])
        };
        let rows = self.query(sql, parameters).await?;
        let organizations = rows.into_iter().map(|row| (row[0].text().to_owned(), row[1].int())).collect();
        Ok(News { position, organizations })
    }

    /// Endpoints that nobody serves although there is something to do, those first that have waited longest. With
    /// organizations given, only theirs.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn endpoints_to_serve(
        &self,
        organizations: Option<Vec<String>>,
        now: i64,
        limit: i64,
    ) -> Result<Vec<String>, Error> {
        let mut parameters: Vec<Value> = vec![now.into(), limit.into()];
        let mut of = String::new();
        if let Some(organizations) = organizations {
            of = format!(" AND {}", self.engine().any("e.org_id", 3));
            parameters.push(organizations.into());
        }
        let sql = format!(
            "SELECT e.webhook_id FROM webhook_endpoints e JOIN webhooks w ON w.id = e.webhook_id \
             JOIN org_heads h ON h.org_id = e.org_id \
             WHERE w.status = 'enabled' AND e.leased_until <= $1 AND (e.signals <> e.seen OR e.wake_at <= $1 \
             OR (h.seq > e.sequence AND e.first_at <= $1)){of} ORDER BY e.served_at, e.webhook_id LIMIT $2"
        );
        let rows = self.query(sql, parameters).await?;
        Ok(rows.into_iter().filter_map(|row| row.into_iter().next()?.into_text()).collect())
    }

    /// Takes endpoints, those of them that nobody serves at `now`, until `until`, each with up to `loaded` deliveries that
    /// are to be tried again.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn claim_endpoints(
        &self,
        ids: Vec<String>,
        owner: &str,
        (now, until): (i64, i64),
        loaded: usize,
    ) -> Result<Vec<Claimed>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (any, locked) = (self.engine().any("webhook_id", 4), self.engine().skip_locked());
        let anew = begins_anew("");
        let sql = format!(
            "UPDATE webhook_endpoints SET owner = $1, leased_until = $2, epoch = epoch + 1, \
             failing_since = CASE WHEN {anew} THEN NULL ELSE failing_since END, \
             first_at = CASE WHEN {anew} THEN 0 ELSE first_at END WHERE webhook_id IN \
             (SELECT webhook_id FROM webhook_endpoints WHERE leased_until <= $3 AND {any}{locked}) \
             RETURNING webhook_id, epoch, signals, sequence, first_at, failing_since"
        );
        let parameters = vec![owner.into(), until.into(), now.into(), ids.into()];
        let rows = self.aside().await?.statement(sql, parameters).await?;
        let mut taken: HashMap<String, Row> = HashMap::new();
        for row in rows {
            taken.insert(row[0].text().to_owned(), row);
        }
        self.load_claimed(taken, loaded).await
    }

    async fn load_claimed(&self, taken: HashMap<String, Row>, loaded: usize) -> Result<Vec<Claimed>, Error> {
        let ids: Vec<String> = taken.keys().cloned().collect();
        let mut documents = self.documents_of_any("webhooks", ids.clone()).await?;
        let unset: Vec<String> =
            taken.iter().filter(|(_, row)| row[3].int() < 0).map(|(webhook, _)| webhook.clone()).collect();
        let created = if unset.is_empty() { HashMap::new() } else { self.creations(unset).await? };
        let mut claimed = Vec::with_capacity(taken.len());
        for (webhook, row) in taken {
            // Deleted in this very moment: the claim is of no use, and nobody needs it.
            let Some(document) = documents.remove(&webhook) else { continue };
            let sequence = if row[3].int() < 0 { created.get(&webhook).copied().unwrap_or(0) } else { row[3].int() };
            let replay = self.next_replay(&webhook).await?;
            let mut tried = self.tried(&webhook, "", sequence).await?;
            if let Some(replay) = &replay {
                tried.extend(self.tried(&webhook, &replay.id, replay.sequence).await?);
            }
            claimed.push(Claimed {
                epoch: row[1].int(),
                signals: row[2].int(),
                sequence,
                first_at: row[4].int(),
                failing_since: optional(&row[5]),
                tried,
                pending: self.pending_deliveries(&webhook, loaded).await?,
                replay,
                document,
                webhook,
            });
        }
        Ok(claimed)
    }

    /// Where in its organization's log each stream begins.
    async fn creations(&self, streams: Vec<String>) -> Result<HashMap<String, i64>, Error> {
        let any = self.engine().any("stream_id", 1);
        let sql = format!("SELECT stream_id, org_seq FROM events WHERE version = 1 AND {any}");
        let rows = self.query(sql, vec![streams.into()]).await?;
        Ok(rows.into_iter().map(|row| (row[0].text().to_owned(), row[1].int())).collect())
    }

    async fn tried(&self, webhook: &str, replay: &str, after: i64) -> Result<HashMap<String, HashSet<i64>>, Error> {
        let sql = "SELECT sequence FROM webhook_deliveries WHERE webhook_id = $1 AND sequence > $2 \
                   AND replay_id = $3 AND source IN ('live', 'replay')";
        let rows = self.query(sql.to_owned(), vec![webhook.into(), after.into(), replay.into()]).await?;
        Ok(HashMap::from([(replay.to_owned(), rows.iter().map(|row| row[0].int()).collect())]))
    }

    async fn pending_deliveries(&self, webhook: &str, loaded: usize) -> Result<Vec<Delivery>, Error> {
        let sql = format!(
            "SELECT {} FROM webhook_deliveries WHERE webhook_id = $1 AND status = 'pending' \
             ORDER BY next_attempt_at, id LIMIT $2",
            delivery_columns()
        );
        let limit = i64::try_from(loaded).unwrap_or(i64::MAX);
        let rows = self.query(sql, vec![webhook.into(), limit.into()]).await?;
        rows.iter().map(|row| Delivery::from_row(row)).collect()
    }

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

    /// Keeps what a node holds until another time. Nobody else has taken it, or else it is no longer the node's.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn renew_endpoints(&self, owner: &str, until: i64) -> Result<(), Error> {
        let sql = "UPDATE webhook_endpoints SET leased_until = $1 WHERE owner = $2";
        self.aside().await?.statement(sql, vec![until.into(), owner.into()]).await.map(drop)
    }

    /// Gives back what a node holds according to the database but not to its own memory.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn abandon_endpoints(&self, owner: &str, ids: Vec<String>) -> Result<(), Error> {
        let any = self.engine().any("webhook_id", 2);
        let sql = format!("UPDATE webhook_endpoints SET owner = '', leased_until = 0 WHERE owner = $1 AND {any}");
        self.aside().await?.statement(sql, vec![owner.into(), ids.into()]).await.map(drop)
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

    /// How everything that a node holds stands.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn endpoints_of(&self, owner: &str) -> Result<Vec<Standing>, Error> {
        let sql = "SELECT e.webhook_id, e.epoch, e.signals, COALESCE(w.version, 0) FROM webhook_endpoints e \
                   LEFT JOIN webhooks w ON w.id = e.webhook_id WHERE e.owner = $1";
        let rows = self.query(sql.to_owned(), vec![owner.into()]).await?;
        let standing = |row: Row| Standing {
            webhook: row[0].text().to_owned(),
            epoch: row[1].int(),
            signals: row[2].int(),
            version: row[3].int(),
        };
        Ok(rows.into_iter().map(standing).collect())
    }

    /// Writes what a node did.
    ///
    /// # Errors
    /// [`Error::Database`]: whether it took effect is not known, and it may be written again.
    pub async fn record_deliveries(&self, batch: Batch) -> Result<Written, Error> {
        self.aside().await?.deliveries(batch).await
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

    /// Documents by their ids, whoever they belong to.
    async fn documents_of_any(
        &self,
        table: &'static str,
        ids: Vec<String>,
    ) -> Result<HashMap<String, Document>, Error> {
        let documents = self.documents_by_id(table, ids).await?;
        Ok(documents.into_iter().map(|document| (document.id.clone(), document)).collect())
    }
}

pub(super) fn delivery_columns() -> String {
    DELIVERY_COLUMNS.map(|(name, _)| name).join(", ")
}

//! What the webhook pipeline keeps of endpoints: which node serves which one, and how far each is.
//!
//! The log is the queue. An endpoint has one row with a place in its organization's log; a delivery has a row from its
//! first attempt on. Endpoints are claimed by nodes with a lease and an epoch, and every write of a node names the epoch
//! under which it works: a node that has lost an endpoint writes nothing more about it.

use std::collections::{HashMap, HashSet};

use serde_json::json;

use super::{
    Document, Error, Store,
    connection::Connection,
    deliveries::{Attempt, Delivery, optional},
    replays::Replay,
    signals::begins_anew,
    value::{Kind, Row, Value},
};

/// A time that never comes.
pub const NEVER: i64 = i64::MAX;

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

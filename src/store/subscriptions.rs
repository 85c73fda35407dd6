//! Durable subscribers (design, guarantee 8): a checkpoint in the transaction of the subscriber's own writes, a lease
//! that lets one node run it, and a fencing epoch that makes a node which lost its lease write nothing.

use super::{
    Error, Store,
    connection::Connection,
    value::{Kind, Value},
    write::{Mode, TableWrite},
};

/// The right to run a subscription until some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The subscription.
    pub name: String,
    /// Grows each time that the lease passes to another owner.
    pub epoch: i64,
    /// The last position that has been dealt with.
    pub position: i64,
}

/// Something that a subscriber failed on repeatedly and went past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// A time-ordered id.
    pub id: String,
    /// The event's position in the log; 0 for a timer.
    pub position: i64,
    /// What went wrong the last time.
    pub error: String,
}

/// Something that is due at a time. There is one of each kind and aggregate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// Microseconds since 1970.
    pub due_at: i64,
    /// What is to be done: `invite.expire`.
    pub kind: String,
    /// The organization that it concerns.
    pub organization: String,
    /// The aggregate that it is to be done with.
    pub stream: String,
}

impl Timer {
    fn id(&self) -> String {
        id_of(&self.kind, &self.stream)
    }
}

fn id_of(kind: &str, stream: &str) -> String {
    format!("{kind}/{stream}")
}

/// What a subscriber writes after it has dealt with events up to a position.
#[derive(Clone, Debug)]
pub struct Effects {
    /// The lease under which it works.
    pub lease: Lease,
    /// The new checkpoint.
    pub position: i64,
    /// Its own rows.
    pub writes: Vec<TableWrite>,
}

impl Effects {
    /// Moves the checkpoint and nothing else.
    pub fn new(lease: &Lease, position: i64) -> Self {
        Self { lease: lease.clone(), position, writes: Vec::new() }
    }

    /// Sets a timer. One of the same kind and aggregate that was set before is superseded.
    pub fn set_timer(&mut self, timer: Timer) {
        let columns = [
            ("id", Kind::Text),
            ("due_at", Kind::Int),
            ("kind", Kind::Text),
            ("org_id", Kind::Text),
            ("stream_id", Kind::Text),
        ];
        let id = timer.id();
        let Timer { due_at, kind, organization, stream } = timer;
        let row = vec![id.into(), due_at.into(), kind.into(), organization.into(), stream.into()];
        self.add(row, || TableWrite::new("timers", Mode::Upsert, &columns));
    }

    /// Removes the timer of a kind and an aggregate, if there is one.
    pub fn clear_timer(&mut self, kind: &str, stream: &str) {
        self.add(vec![id_of(kind, stream).into()], || TableWrite::new("timers", Mode::Delete, &[("id", Kind::Text)]));
    }

    /// Removes timers that have done their work.
    pub fn clear_timers(&mut self, timers: &[Timer]) {
        for timer in timers {
            self.clear_timer(&timer.kind, &timer.stream);
        }
    }

    /// Puts an event aside that keeps failing; `now` is in µs since 1970.
    pub fn park(&mut self, parked: Parked, now: i64) {
        let columns = [
            ("id", Kind::Text),
            ("subscription", Kind::Text),
            ("position", Kind::Int),
            ("error", Kind::Text),
            ("parked_at", Kind::Int),
        ];
        let Parked { id, position, error } = parked;
        let row = vec![id.into(), self.lease.name.as_str().into(), position.into(), error.into(), now.into()];
        self.add(row, || TableWrite::new("parked", Mode::InsertNew, &columns));
    }

    /// Adds a row to the write of its table. All of them take effect at once, so no key may stand in two of them, nor twice
    /// in one: what was said last about it holds.
    pub(super) fn add(&mut self, row: Vec<Value>, empty: impl FnOnce() -> TableWrite) {
        let write = empty();
        for other in self.writes.iter_mut().filter(|other| other.table == write.table) {
            other.rows.retain(|other| other[0] != row[0]);
        }
        let same = self.writes.iter_mut().find(|other| other.table == write.table && other.mode == write.mode);
        match same {
            Some(same) => same.rows.push(row),
            None => self.writes.push(TableWrite { rows: vec![row], ..write }),
        }
    }
}

/// Moves the checkpoint and writes the effects in one transaction, if the lease is still the subscriber's.
pub(super) async fn apply(connection: &mut Connection, effects: &Effects) -> Result<(), Error> {
    connection.transaction(async |connection| apply_locked(connection, effects).await).await
}

/// The same within a transaction of the caller's.
pub(super) async fn apply_locked(connection: &mut Connection, effects: &Effects) -> Result<(), Error> {
    let Lease { name, epoch, .. } = &effects.lease;
    // The row stays locked until the commit, so the lease cannot pass to another node in between.
    let moved = connection
        .execute(
            "UPDATE subscriptions SET position = $1 WHERE name = $2 AND epoch = $3",
            vec![effects.position.into(), name.as_str().into(), (*epoch).into()],
        )
        .await?;
    if moved != 1 {
        return Err(Error::LeaseLost(name.clone()));
    }
    connection.write(&effects.writes).await
}

impl Store {
    /// Gives back every lease whose owner's name begins with `place`, on subscriptions and on webhook endpoints: for a
    /// process that has taken the place of one that is gone. Should that one be alive after all, its epoch is over as soon
    /// as somebody takes the lease.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn release_place(&self, place: &str) -> Result<(), Error> {
        for table in ["subscriptions", "webhook_endpoints"] {
            let sql = format!("UPDATE {table} SET owner = '', leased_until = 0 WHERE owner LIKE $1");
            self.committer.statement(sql, vec![format!("{place}%").into()]).await?;
        }
        Ok(())
    }

    /// Takes or renews the lease on a subscription, unless another owner holds it. Times are µs since 1970.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn lease(&self, name: &str, owner: &str, now: i64, until: i64) -> Result<Option<Lease>, Error> {
        let sql = "INSERT INTO subscriptions (name, position, epoch, owner, leased_until) VALUES ($1, 0, 1, $2, $3) \
                   ON CONFLICT (name) DO UPDATE SET \
                   epoch = CASE WHEN subscriptions.owner = excluded.owner THEN subscriptions.epoch \
                                ELSE subscriptions.epoch + 1 END, \
                   owner = excluded.owner, leased_until = excluded.leased_until \
                   WHERE subscriptions.owner = excluded.owner OR subscriptions.leased_until <= $4 \
                   RETURNING epoch, position";
        let rows = self.committer.statement(sql, vec![name.into(), owner.into(), until.into(), now.into()]).await?;
        Ok(rows.first().map(|row| Lease { name: name.to_owned(), epoch: row[0].int(), position: row[1].int() }))
    }

    /// Lets go of a lease, so that another node need not wait for its end.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn release(&self, lease: &Lease) -> Result<(), Error> {
        let sql = "UPDATE subscriptions SET leased_until = 0 WHERE name = $1 AND epoch = $2";
        self.committer.statement(sql, vec![lease.name.as_str().into(), lease.epoch.into()]).await.map(drop)
    }

    /// Commits a subscriber's effects together with its checkpoint.
    ///
    /// # Errors
    /// [`Error::LeaseLost`]: nothing was written. [`Error::Database`].
    pub async fn apply(&self, effects: Effects) -> Result<(), Error> {
        self.committer.apply(effects).await
    }

    /// Up to `limit` timers of a kind that are due at `now`, the earliest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn due_timers(&self, kind: &str, now: i64, limit: i64) -> Result<Vec<Timer>, Error> {
        let sql = "SELECT due_at, kind, org_id, stream_id FROM timers WHERE kind = $1 AND due_at <= $2 \
                   ORDER BY due_at, id LIMIT $3"
            .to_owned();
        let rows = self.query(sql, vec![kind.into(), now.into(), limit.into()]).await?;
        let timer = |row: Vec<Value>| Timer {
            due_at: row[0].int(),
            kind: row[1].text().to_owned(),
            organization: row[2].text().to_owned(),
            stream: row[3].text().to_owned(),
        };
        Ok(rows.into_iter().map(timer).collect())
    }

    /// What a subscription has put aside.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn parked(&self, subscription: &str) -> Result<Vec<Parked>, Error> {
        let sql = "SELECT id, position, error FROM parked WHERE subscription = $1 ORDER BY id".to_owned();
        let rows = self.query(sql, vec![subscription.into()]).await?;
        let parked = |row: Vec<Value>| Parked {
            id: row[0].text().to_owned(),
            position: row[1].int(),
            error: row[2].text().to_owned(),
        };
        Ok(rows.into_iter().map(parked).collect())
    }

    /// Notes when API keys were last used (µs since 1970).
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn note_key_uses(&self, uses: Vec<(String, i64)>) -> Result<(), Error> {
        for (key, at) in uses {
            let sql = "INSERT INTO api_key_uses (key_id, used_at) VALUES ($1, $2) \
                       ON CONFLICT (key_id) DO UPDATE SET used_at = excluded.used_at \
                       WHERE api_key_uses.used_at < excluded.used_at";
            self.committer.statement(sql, vec![key.into(), at.into()]).await?;
        }
        Ok(())
    }

    /// The sealed reply to an Idempotency-Key that is still valid at `now`.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn reply(&self, lookup: &str, now: i64) -> Result<Option<Vec<u8>>, Error> {
        let sql = "SELECT reply FROM idempotency WHERE lookup = $1 AND expires_at > $2".to_owned();
        let rows = self.query(sql, vec![lookup.into(), now.into()]).await?;
        Ok(rows.into_iter().flatten().next().and_then(Value::into_bytes))
    }

    /// Deletes those of the `limit` oldest stored replies whose time is over at `now`; answers how many.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sweep_replies(&self, now: i64, limit: i64) -> Result<usize, Error> {
        // Replies expire in the order of their ids, so only the oldest are looked at, and not every one there is.
        let sql = "DELETE FROM idempotency WHERE id IN (SELECT oldest.id FROM \
                   (SELECT id, expires_at FROM idempotency ORDER BY id LIMIT $2) oldest WHERE oldest.expires_at <= $1) \
                   RETURNING id";
        Ok(self.committer.statement(sql, vec![now.into(), limit.into()]).await?.len())
    }
}

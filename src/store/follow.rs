//! Waking who follows the log, as soon as something is committed on any node.
//!
//! What a node commits itself wakes its followers at once. Of other nodes' commits on PostgreSQL it hears through
//! `NOTIFY`, which a node sends from one of its reading connections *after* its commits, at most once per [`QUIET`], and
//! without waiting for the disk: sent within the commit it would put every batch through PostgreSQL's one notification
//! lock, and here the batch pays nothing. A notification can therefore be lost, with the node that was about to send it
//! or with the connection (or be kept back by a connection pooler), so all nodes also look for themselves now and then;
//! on SQLite, where other processes are administration commands, looking is all there is.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use sqlx::postgres::PgListener;
use tokio::{sync::watch, time::MissedTickBehavior};

use super::{Error, Store, dialect::Engine, readers::Readers};

/// The channel of our notifications. Each database has its own.
const CHANNEL: &str = "interview_relay_log";
/// The shortest time between two notifications of a node.
const QUIET: Duration = Duration::from_millis(10);
/// How often a node looks for itself where notifications come.
const LOOK: Duration = Duration::from_secs(1);
/// How often it looks where none come. One row of a file that is in memory costs some microseconds.
const LOOK_SQLITE: Duration = Duration::from_millis(100);

/// Hears of commits. Made by [`Store::follow`].
#[derive(Clone, Debug)]
pub struct Follower(watch::Receiver<i64>);

impl Follower {
    /// Returns once something may have been committed since it last returned, or since the follower was made. Whoever
    /// reads the log to its end after that misses nothing by waiting here again.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            // The store is gone, and nothing will be committed through it any more.
            std::future::pending().await
        }
    }
}

/// The followers of one store.
#[derive(Default)]
pub struct Followers(OnceLock<watch::Receiver<i64>>);

impl Store {
    /// Starts to follow the log; see [`Follower::changed`].
    pub fn follow(&self) -> Follower {
        let start = || {
            let (sender, receiver) = watch::channel(0);
            tokio::spawn(watch_out(self.lookups.clone(), self.committer.head(), sender));
            receiver
        };
        let mut receiver = self.followers.0.get_or_init(start).clone();
        receiver.mark_unchanged();
        Follower(receiver)
    }
}

/// Wakes the followers until there are none and the store is gone.
async fn watch_out(readers: Arc<Readers>, mut own: watch::Receiver<i64>, followers: watch::Sender<i64>) {
    let mut look = tokio::time::interval(match readers.opener().engine() {
        Engine::Sqlite => LOOK_SQLITE,
        Engine::Postgres => LOOK,
    });
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ears = tokio::spawn(listen(readers.clone(), followers.clone()));
    loop {
        let head = tokio::select! {
            () = followers.closed() => break,
            changed = own.changed() => match changed {
                Ok(()) => *own.borrow_and_update(),
                Err(_) => break,
            },
            _ = look.tick() => match last_position(&readers).await {
                Ok(head) => head,
                // Whoever reads the log will find out, and say so.
                Err(_) => continue,
            },
        };
        advance(&followers, head);
    }
    ears.abort();
}

fn advance(followers: &watch::Sender<i64>, head: i64) {
    followers.send_if_modified(|last| {
        let moved = head > *last;
        *last = head.max(*last);
        moved
    });
}

async fn last_position(readers: &Arc<Readers>) -> Result<i64, Error> {
    let rows = readers.query("SELECT position FROM log_head".to_owned(), Vec::new()).await?;
    Ok(rows.first().map_or(0, |row| row[0].int()))
}

/// Listens to other nodes, on a connection of its own.
async fn listen(readers: Arc<Readers>, followers: watch::Sender<i64>) {
    let Ok(Some(pool)) = readers.opener().pool_for_listening() else { return };
    loop {
        if let Err(error) = hear(&pool, &followers).await {
            tracing::debug!(%error, "not listening to other nodes right now");
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn hear(pool: &sqlx::PgPool, followers: &watch::Sender<i64>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        let notification = listener.recv().await?;
        if let Ok(head) = notification.payload().parse() {
            advance(followers, head);
        }
    }
}

/// Tells other nodes what this one commits, as long as its writer runs.
pub async fn announce(readers: Arc<Readers>, mut own: watch::Receiver<i64>) {
    if readers.opener().engine() == Engine::Sqlite {
        return;
    }
    while own.changed().await.is_ok() {
        let head = own.borrow_and_update().to_string();
        // A transaction that notifies commits like one that writes; but nothing depends on this one.
        let sql = "SELECT 1 FROM set_config('synchronous_commit', 'off', true), pg_notify($1, $2)";
        if let Err(error) = readers.query(sql.to_owned(), vec![CHANNEL.into(), head.into()]).await {
            tracing::debug!(%error, "other nodes were not told of a commit and will see for themselves");
        }
        tokio::time::sleep(QUIET).await;
    }
}

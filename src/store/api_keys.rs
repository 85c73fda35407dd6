//! Who an API key belongs to, asked anew for every request so that a revocation works at once on every node.
//!
//! One query is under way at a time; requests that arrive meanwhile share the next one. So each answer rests on a read
//! that began after its request arrived, and a thousand requests a second cost a few queries.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::{mpsc, oneshot};

use super::{Error, Store, value::Value};

/// Requests waiting for the next query, at most.
const WAITING: usize = 8192;
/// Keys asked for in one query, at most.
const PER_QUERY: usize = 512;

/// What the store knows of an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// `key_…`.
    pub id: String,
    /// `org_…`.
    pub organization: String,
    /// The key's document; it lists the scopes.
    pub document: String,
    /// Microseconds since 1970.
    pub expires_at: Option<i64>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// The plan of the organization.
    pub plan: String,
}

type Question = (String, oneshot::Sender<Result<Option<Arc<StoredKey>>, Error>>);

/// Looks API keys up by their hash.
#[derive(Clone)]
pub struct KeyLookup {
    questions: mpsc::Sender<Question>,
}

impl KeyLookup {
    /// Starts looking up.
    pub fn start(store: Store) -> Self {
        let (questions, mut waiting) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while waiting.recv_many(&mut batch, PER_QUERY).await > 0 {
                answer(&store, std::mem::take(&mut batch)).await;
            }
        });
        Self { questions }
    }

    /// The key with this hash (see [`crate::trust::secret_key::hash`]), if there is one.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when too many requests wait; [`Error::Database`].
    pub async fn find(&self, hash: String) -> Result<Option<Arc<StoredKey>>, Error> {
        let (sender, answer) = oneshot::channel();
        self.questions.try_send((hash, sender)).map_err(|_| Error::Overloaded)?;
        answer.await.map_err(|_| Error::Unavailable("key lookup has stopped".into()))?
    }
}

async fn answer(store: &Store, batch: Vec<Question>) {
    let mut hashes: Vec<String> = batch.iter().map(|(hash, _)| hash.clone()).collect();
    hashes.sort_unstable();
    hashes.dedup();
    let found = store.keys_by_hash(hashes).await;
    for (hash, sender) in batch {
        let answer = found.as_ref().map(|keys| keys.get(&hash).cloned()).map_err(Clone::clone);
        // A request that was given up needs no answer.
        _ = sender.send(answer);
    }
}

impl Store {
    /// When keys were last used (µs since 1970), by id; one that never was is left out.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn key_uses(&self, ids: Vec<String>) -> Result<HashMap<String, i64>, Error> {
        let sql = format!("SELECT key_id, used_at FROM api_key_uses WHERE {}", self.engine().any("key_id", 1));
        let rows = self.query(sql, vec![ids.into()]).await?;
        Ok(rows.into_iter().map(|row| (row[0].text().to_owned(), row[1].int())).collect())
    }

    async fn keys_by_hash(&self, hashes: Vec<String>) -> Result<HashMap<String, Arc<StoredKey>>, Error> {
        let sql = format!(
            "SELECT k.key_hash, k.id, k.org_id, k.doc, k.expires_at, k.revoked_at, o.plan \
             FROM api_keys k JOIN organizations o ON o.id = k.org_id WHERE {}",
            self.engine().any("k.key_hash", 1)
        );
        let rows = self.query(sql, vec![hashes.into()]).await?;
        let key = |row: Vec<Value>| {
            let stored = StoredKey {
                id: row[1].text().to_owned(),
                organization: row[2].text().to_owned(),
                document: row[3].text().to_owned(),
                expires_at: (row[4] != Value::Null).then(|| row[4].int()),
                revoked: row[5] != Value::Null,
                plan: row[6].text().to_owned(),
            };
            (row[0].text().to_owned(), Arc::new(stored))
        };
        Ok(rows.into_iter().map(key).collect())
    }
}

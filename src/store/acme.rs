//! What nodes share to order certificates: small values by name, sealed.

use super::{Error, Store, value::Value};
use crate::trust::seal;

impl Store {
    /// A value, opened.
    ///
    /// # Errors
    /// [`Error::Database`]. [`Error::Corrupt`] when it was sealed under another master key.
    pub async fn acme(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let sql = "SELECT value FROM acme WHERE name = $1".to_owned();
        let rows = self.query(sql, vec![name.into()]).await?;
        let Some(sealed) = rows.into_iter().flatten().next().and_then(Value::into_bytes) else { return Ok(None) };
        let opened = seal::open(self.keys.certificates(), name.as_bytes(), &sealed);
        opened.map(Some).ok_or_else(|| Error::Corrupt(format!("acme: {name} cannot be opened")))
    }

    /// Keeps a value in the place of what was there.
    ///
    /// # Errors
    /// [`Error::Database`] and others of the writer.
    pub async fn keep_acme(&self, name: &str, value: &[u8], now: i64) -> Result<(), Error> {
        let sql = "INSERT INTO acme (name, value, updated_at) VALUES ($1, $2, $3) \
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at \
                   RETURNING name";
        let sealed = seal::seal(self.keys.certificates(), name.as_bytes(), value);
        self.committer.statement(sql, vec![name.into(), sealed.into(), now.into()]).await.map(drop)
    }

    /// Forgets a value.
    ///
    /// # Errors
    /// [`Error::Database`] and others of the writer.
    pub async fn forget_acme(&self, name: &str) -> Result<(), Error> {
        let sql = "DELETE FROM acme WHERE name = $1 RETURNING name";
        self.committer.statement(sql, vec![name.into()]).await.map(drop)
    }

    /// Forgets answers to challenges that were kept before a time (µs since 1970).
    ///
    /// # Errors
    /// [`Error::Database`] and others of the writer.
    pub async fn forget_challenges(&self, before: i64) -> Result<(), Error> {
        let sql = "DELETE FROM acme WHERE name LIKE 'challenge/%' AND updated_at < $1 RETURNING name";
        self.committer.statement(sql, vec![before.into()]).await.map(drop)
    }
}

//! Uploads that have begun to write to the file store and are not in the log yet.

use super::{
    Error, Store, TableWrite,
    value::{Kind, Value},
    write::Mode,
};

impl Store {
    /// Notes that bytes are about to be written under a key, or, with `parts`, under which name its parts can be removed.
    ///
    /// # Errors
    /// [`Error::Database`] and others of the writer.
    pub async fn note_upload(&self, key: &str, parts: Option<&str>, now: i64) -> Result<(), Error> {
        let sql = "INSERT INTO uploads (storage_key, parts, started_at) VALUES ($1, $2, $3) \
                   ON CONFLICT (storage_key) DO UPDATE SET parts = excluded.parts RETURNING storage_key";
        let row = vec![key.into(), parts.unwrap_or_default().into(), now.into()];
        self.committer.statement(sql, row).await.map(drop)
    }

    /// Forgets an upload whose bytes have been removed.
    ///
    /// # Errors
    /// [`Error::Database`] and others of the writer.
    pub async fn forget_upload(&self, key: &str) -> Result<(), Error> {
        let sql = "DELETE FROM uploads WHERE storage_key = $1 RETURNING storage_key";
        self.committer.statement(sql, vec![key.into()]).await.map(drop)
    }

    /// Keys of uploads that began before a time, with the names of their parts, in the order of keys.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn dead_uploads(
        &self,
        before: i64,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(String, Option<String>)>, Error> {
        let sql = "SELECT storage_key, parts FROM uploads WHERE started_at < $1 AND storage_key > $2 \
                   ORDER BY storage_key LIMIT $3";
        let rows = self.query(sql.to_owned(), vec![before.into(), after.into(), limit.into()]).await?;
        let upload = |mut row: Vec<Value>| {
            (row[0].text().to_owned(), row.swap_remove(1).into_text().filter(|parts| !parts.is_empty()))
        };
        Ok(rows.into_iter().map(upload).collect())
    }
}

/// What ends an upload within the transaction that appends the file's event.
pub fn end_of_upload(key: &str) -> TableWrite {
    let mut write = TableWrite::new("uploads", Mode::Delete, &[("storage_key", Kind::Text)]);
    write.rows.push(vec![key.into()]);
    write
}

//! When open sessions were last heard of (contract 25). These are no events: a table keeps the last time of each.

use std::collections::HashMap;

use super::{
    Effects, Error, Store, Submission,
    value::Kind,
    write::{Mode, TableWrite},
};

const TABLE: &str = "heartbeats";
const COLUMNS: [(&str, Kind); 2] = [("session_id", Kind::Text), ("seen_at", Kind::Int)];
/// Rows written in one statement, so that commands never wait long for the writer.
const ROWS: usize = 1_000;

impl Effects {
    /// Begins to keep track of a session that was heard of at `at` (µs since 1970).
    pub fn open_heartbeat(&mut self, session: &str, at: i64) {
        self.add(vec![session.into(), at.into()], || TableWrite::new(TABLE, Mode::AtLeast, &COLUMNS));
    }

    /// Ends that.
    pub fn close_heartbeat(&mut self, session: &str) {
        self.add(vec![session.into()], || TableWrite::new(TABLE, Mode::Delete, &COLUMNS[..1]));
    }
}

impl Store {
    /// Notes when sessions were heard of (µs since 1970), each at most once in `seen`. A time never moves back, whichever
    /// node saw it, and a session that is not kept track of any more is left out.
    ///
    /// # Errors
    /// As [`Store::commit`]; then some may have been noted.
    pub async fn note_heartbeats(&self, seen: &[(String, i64)]) -> Result<(), Error> {
        for part in seen.chunks(ROWS) {
            let rows = part.iter().map(|(session, at)| vec![session.as_str().into(), (*at).into()]).collect();
            let write = TableWrite { rows, ..TableWrite::new(TABLE, Mode::Raise, &COLUMNS) };
            self.commit(Submission { writes: vec![write], ..Submission::default() }).await?;
        }
        Ok(())
    }

    /// When these sessions were last heard of (µs since 1970), as far as nodes have noted it.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn heartbeats(&self, sessions: Vec<String>) -> Result<HashMap<String, i64>, Error> {
        let any = self.engine().any("session_id", 1);
        let sql = format!("SELECT session_id, seen_at FROM {TABLE} WHERE {any}");
        let rows = self.query(sql, vec![sessions.into()]).await?;
        Ok(rows.into_iter().map(|row| (row[0].text().to_owned(), row[1].int())).collect())
    }
}

//! Mails that are to be sent. Rows come with the checkpoint of the subscriber that reads the log, and go with the event that
//! says what became of a mail.

use super::{
    Effects, Error, Store,
    value::{Kind, Row, Value},
    write::{Mode, TableWrite},
};

const TABLE: &str = "mails";
const COLUMNS: [(&str, Kind); 6] = [
    ("id", Kind::Text),
    ("kind", Kind::Text),
    ("org_id", Kind::Text),
    ("stream_id", Kind::Text),
    ("attempts", Kind::Int),
    ("due_at", Kind::Int),
];
const RATE: [(&str, Kind); 3] = [("id", Kind::Text), ("minute", Kind::Int), ("n", Kind::Int)];
/// The only row of the table that counts attempts.
const RATE_ROW: &str = "all";

/// A mail that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedMail {
    /// The event that asks for it (`evt_…`).
    pub id: String,
    /// What kind of mail it is: `invite`.
    pub kind: String,
    /// The organization that it is sent for.
    pub organization: String,
    /// The aggregate that asks for it.
    pub stream: String,
    /// How often sending it was begun.
    pub attempts: i64,
    /// When it may be tried next, in µs since 1970.
    pub due_at: i64,
}

/// How many attempts were begun in a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailRate {
    /// The minute, counted from 1970.
    pub minute: i64,
    /// The attempts.
    pub n: i64,
}

impl QueuedMail {
    fn into_row(self) -> Row {
        let Self { id, kind, organization, stream, attempts, due_at } = self;
        vec![id.into(), kind.into(), organization.into(), stream.into(), attempts.into(), due_at.into()]
    }

    fn from_row(row: &Row) -> Self {
        let text = |i: usize| row[i].text().to_owned();
        Self {
            id: text(0),
            kind: text(1),
            organization: text(2),
            stream: text(3),
            attempts: row[4].int(),
            due_at: row[5].int(),
        }
    }
}

/// The write that takes a mail off the queue, to be committed with the event that says what became of it.
pub fn finished_mail(id: &str) -> TableWrite {
    let mut write = TableWrite::new(TABLE, Mode::Delete, &COLUMNS[..1]);
    write.rows.push(vec![id.into()]);
    write
}

impl Effects {
    /// Queues a mail, unless it is queued already.
    pub fn queue_mail(&mut self, mail: QueuedMail) {
        self.add(mail.into_row(), || TableWrite::new(TABLE, Mode::InsertNew, &COLUMNS));
    }

    /// Writes down how often mails were tried and when they may be tried next.
    pub fn reschedule_mail(&mut self, mail: QueuedMail) {
        self.add(mail.into_row(), || TableWrite::new(TABLE, Mode::Upsert, &COLUMNS));
    }

    /// Takes a mail off the queue.
    pub fn finish_mail(&mut self, id: &str) {
        self.add(vec![id.into()], || TableWrite::new(TABLE, Mode::Delete, &COLUMNS[..1]));
    }

    /// Writes down how many attempts were begun.
    pub fn note_mail_rate(&mut self, rate: MailRate) {
        let row = vec![RATE_ROW.into(), rate.minute.into(), rate.n.into()];
        self.add(row, || TableWrite::new("mail_rate", Mode::Upsert, &RATE));
    }
}

impl Store {
    /// Up to `limit` mails that are due at `now` (µs since 1970), the longest due first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn due_mails(&self, now: i64, limit: i64) -> Result<Vec<QueuedMail>, Error> {
        let sql = "SELECT id, kind, org_id, stream_id, attempts, due_at FROM mails WHERE due_at <= $1 \
                   ORDER BY due_at, id LIMIT $2";
        let rows = self.query(sql.to_owned(), vec![now.into(), limit.into()]).await?;
        Ok(rows.iter().map(QueuedMail::from_row).collect())
    }

    /// How many mails are queued, counted up to `limit`.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn queued_mails(&self, limit: i64) -> Result<i64, Error> {
        let sql = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM mails LIMIT $1) t".to_owned();
        let rows = self.query(sql, vec![limit.into()]).await?;
        Ok(rows.first().and_then(|row| row.first()).map_or(0, Value::int))
    }

    /// How many attempts were begun in the last minute in which there were any.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn mail_rate(&self) -> Result<MailRate, Error> {
        let sql = "SELECT minute, n FROM mail_rate WHERE id = $1".to_owned();
        let rows = self.query(sql, vec![RATE_ROW.into()]).await?;
        Ok(rows.first().map(|row| MailRate { minute: row[0].int(), n: row[1].int() }).unwrap_or_default())
    }
}

//! What commands tell the node that serves a webhook endpoint, by way of the endpoint's row: `signals` counts them, and
//! `seen` says how many a node knew that wrote down what it did about the endpoint since.

use super::{
    Error, Store,
    value::Kind,
    write::{Mode, TableWrite},
};

/// The table whose rows count signals.
pub(super) const TABLE: &str = "webhook_endpoints";
/// What is added to an endpoint's signals when it begins anew: whoever claims it then forgets the failures of before. A
/// node that still serves it may write them down once more in the meantime, which does no harm.
const ANEW: i64 = 1 << 32;

fn signal(webhook: &str, n: i64) -> TableWrite {
    let columns = [("webhook_id", Kind::Text), ("signals", Kind::Int)];
    let mut write = TableWrite::new(TABLE, Mode::Increase, &columns);
    write.rows.push(vec![webhook.into(), n.into()]);
    write
}

impl Store {
    /// The pipeline's row of a new endpoint, for the submission that creates it.
    pub fn new_endpoint(webhook: &str, organization: &str) -> TableWrite {
        let columns = [("webhook_id", Kind::Text), ("org_id", Kind::Text)];
        let mut write = TableWrite::new(TABLE, Mode::Insert, &columns);
        write.rows.push(vec![webhook.into(), organization.into()]);
        write
    }

    /// Removes the pipeline's row of an endpoint: from then on, nobody writes about it.
    pub fn drop_endpoint(webhook: &str) -> TableWrite {
        let mut write = TableWrite::new(TABLE, Mode::Delete, &[("webhook_id", Kind::Text)]);
        write.rows.push(vec![webhook.into()]);
        write
    }

    /// Lets the node that serves an endpoint know that there is something new for it.
    pub fn signal_endpoint(webhook: &str) -> TableWrite {
        signal(webhook, 1)
    }

    /// Lets an endpoint begin anew: what failed before says nothing about it any more.
    pub fn renew_endpoint(webhook: &str) -> TableWrite {
        signal(webhook, ANEW)
    }

    /// How many signals an endpoint has had.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn signals(&self, webhook: &str) -> Result<i64, Error> {
        let sql = "SELECT signals FROM webhook_endpoints WHERE webhook_id = $1".to_owned();
        let rows = self.query(sql, vec![webhook.into()]).await?;
        Ok(rows.first().map_or(0, |row| row[0].int()))
    }
}

/// Whether an endpoint was told to begin anew, and nobody who knew it has written about the endpoint since.
pub(super) fn begins_anew(alias: &str) -> String {
    format!("{alias}signals / {ANEW} <> {alias}seen / {ANEW}")
}

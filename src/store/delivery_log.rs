//! What the API shows of deliveries.

use super::{
    Error, Store,
    deliveries::{Attempt, Delivery, DeliveryStatus, delivery_columns, optional},
    signals::begins_anew,
    value::Value,
};

/// Deliveries are counted up to here: there may be more for a moment, but that is not worth a long query.
const COUNTED: i64 = 20_000;

/// Which deliveries of an endpoint are asked for.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Those that stand like this.
    pub status: Option<DeliveryStatus>,
    /// Those of events of this type.
    pub event_type: Option<String>,
    /// Those of this event.
    pub event_id: Option<String>,
    /// Those that began at or after this time, µs since 1970.
    pub from: Option<i64>,
    /// Those that began before this time, µs since 1970.
    pub to: Option<i64>,
    /// Those that were changed at or after this time, by their beginning, an attempt or their end, µs since 1970.
    pub updated_since: Option<i64>,
}

/// A page of deliveries.
#[derive(Clone, Debug)]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<Delivery>,
    /// How many match in all, up to 20,000.
    pub total: i64,
    /// Whether others follow.
    pub has_more: bool,
}

/// An attempt as it is kept, still sealed.
#[derive(Clone, Debug)]
pub struct LoggedAttempt {
    /// The delivery and the number, which it is sealed for.
    pub id: String,
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
    /// Headers and the beginning of the answer.
    pub sealed: Vec<u8>,
}

/// How far an endpoint is, for explaining what it did not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Where in the log it was created.
    pub created: i64,
    /// Everything up to here is dealt with.
    pub sequence: i64,
    /// No first attempt before this time, µs since 1970.
    pub first_at: i64,
    /// Since when every attempt has failed, µs since 1970.
    pub failing_since: Option<i64>,
}

impl Store {
    /// A page of an endpoint's deliveries, in the order in which they began.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn deliveries_of(
        &self,
        webhook: &str,
        filter: &DeliveryFilter,
        (limit, offset, after): (i64, i64, Option<&str>),
        descending: bool,
    ) -> Result<DeliveryPage, Error> {
        let mut parameters: Vec<Value> = vec![webhook.into()];
        let mut conditions = String::from("webhook_id = $1");
        let mut add = |condition: &str, value: Value| {
            parameters.push(value);
            conditions += &format!(" AND {condition} ${}", parameters.len());
        };
        if let Some(status) = filter.status {
            add("status =", status.as_str().into());
        }
        if let Some(event_type) = &filter.event_type {
            add("type =", event_type.as_str().into());
        }
        if let Some(event_id) = &filter.event_id {
            add("event_id =", event_id.as_str().into());
        }
        if let Some(from) = filter.from {
            add("created_at >=", from.into());
        }
        if let Some(to) = filter.to {
            add("created_at <", to.into());
        }
        if let Some(since) = filter.updated_since {
            parameters.push(since.into());
            let n = parameters.len();
            // An attempt ends after its latency. Their ids are the delivery's, a slash and a number.
            conditions += &format!(
                " AND (created_at >= ${n} OR finished_at >= ${n} OR EXISTS (SELECT 1 FROM webhook_attempts a \
                 WHERE a.id > webhook_deliveries.id || '/' AND a.id < webhook_deliveries.id || '0' \
                 AND a.at + a.latency >= ${n}))"
            );
        }
        let count = format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM webhook_deliveries WHERE {conditions} LIMIT {COUNTED}) counted"
        );
        let counted = self.query_list(count, parameters.clone()).await?;
        let (comparison, direction) = if descending { ("<", "DESC") } else { (">", "ASC") };
        if let Some(after) = after {
            parameters.push(after.into());
            conditions += &format!(" AND id {comparison} ${}", parameters.len());
        }
        parameters.extend([Value::from(limit + 1), offset.into()]);
        let n = parameters.len();
        let sql = format!(
            "SELECT {} FROM webhook_deliveries WHERE {conditions} ORDER BY id {direction} LIMIT ${} OFFSET ${n}",
            delivery_columns(),
            n - 1
        );
        let rows = self.query_list(sql, parameters).await?;
        let mut deliveries = rows.iter().map(|row| Delivery::from_row(row)).collect::<Result<Vec<_>, _>>()?;
        let limit = usize::try_from(limit).unwrap_or(0);
        let has_more = deliveries.len() > limit;
        deliveries.truncate(limit);
        Ok(DeliveryPage { deliveries, total: counted.first().map_or(0, |row| row[0].int()), has_more })
    }

    /// One delivery.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn delivery(&self, webhook: &str, id: &str) -> Result<Option<Delivery>, Error> {
        let sql = format!("SELECT {} FROM webhook_deliveries WHERE id = $1 AND webhook_id = $2", delivery_columns());
        let rows = self.query(sql, vec![id.into(), webhook.into()]).await?;
        rows.first().map(|row| Delivery::from_row(row)).transpose()
    }

    /// Every delivery of one event to an endpoint, the oldest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn deliveries_of_event(&self, webhook: &str, sequence: i64) -> Result<Vec<Delivery>, Error> {
        let sql = format!(
            "SELECT {} FROM webhook_deliveries WHERE webhook_id = $1 AND sequence = $2 ORDER BY id LIMIT 100",
            delivery_columns()
        );
        let rows = self.query(sql, vec![webhook.into(), sequence.into()]).await?;
        rows.iter().map(|row| Delivery::from_row(row)).collect()
    }

    /// The attempts of deliveries, in order.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn attempts_of(&self, deliveries: &[Delivery]) -> Result<Vec<LoggedAttempt>, Error> {
        let ids: Vec<String> = deliveries
            .iter()
            .flat_map(|delivery| (1..=delivery.attempts).map(|number| Attempt::id(&delivery.id, number)))
            .collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let any = self.engine().any("id", 1);
        let sql = format!(
            "SELECT id, number, at, http_status, reason, latency, sealed FROM webhook_attempts WHERE {any} ORDER BY id"
        );
        let rows = self.query(sql, vec![ids.into()]).await?;
        let attempt = |row: Vec<Value>| LoggedAttempt {
            id: row[0].text().to_owned(),
            number: row[1].int(),
            at: row[2].int(),
            http_status: optional(&row[3]),
            reason: row[4].clone().into_text(),
            latency: row[5].int(),
            sealed: row.into_iter().nth(6).and_then(Value::into_bytes).unwrap_or_default(),
        };
        Ok(rows.into_iter().map(attempt).collect())
    }

    /// How far an endpoint is.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn progress_of(&self, webhook: &str) -> Result<Option<Tried>, Error> {
        let anew = begins_anew("e.");
        let sql = format!(
            "SELECT v.org_seq, e.sequence, CASE WHEN {anew} THEN 0 ELSE e.first_at END, \
             CASE WHEN {anew} THEN NULL ELSE e.failing_since END FROM webhook_endpoints e \
             JOIN events v ON v.stream_id = e.webhook_id AND v.version = 1 WHERE e.webhook_id = $1"
        );
        let rows = self.query(sql, vec![webhook.into()]).await?;
        Ok(rows.first().map(|row| Tried {
            created: row[0].int(),
            sequence: row[1].int().max(row[0].int()),
            first_at: row[2].int(),
            failing_since: optional(&row[3]),
        }))
    }

    /// The place in an organization's log behind which everything lies that was recorded at or after a time, up to the
    /// few events whose commands took long to commit.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sequence_before(&self, organization: &str, time: i64) -> Result<i64, Error> {
        // Commands note the time when they begin; none takes this long until it commits.
        const SLACK: i64 = 60_000_000;
        let sql = "SELECT recorded_at FROM events WHERE org_id = $1 AND org_seq = $2";
        let (mut low, mut high) = (0, self.last_sequence(organization).await?);
        while low < high {
            let middle = low + (high - low) / 2 + 1;
            let rows = self.query(sql.to_owned(), vec![organization.into(), middle.into()]).await?;
            let at = rows.first().map_or(i64::MAX, |row| row[0].int());
            if at < time - SLACK { low = middle } else { high = middle - 1 }
        }
        Ok(low)
    }
}

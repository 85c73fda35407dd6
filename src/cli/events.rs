//! `events tail`.

use std::io::Write;

use chrono::{DateTime, SecondsFormat, TimeDelta};
use serde_json::{json, value::RawValue};

use super::{args::EventsTail, installation::Installation};
use crate::store::StoredRecord;

const PAGE: i64 = 500;
/// Other processes write too, so the log is looked at again and again.
const LOOK_EVERY: TimeDelta = TimeDelta::milliseconds(200);

/// Prints events as they are appended, until the reader goes away.
pub async fn tail(installation: &Installation, tail: &EventsTail) -> Result<(), String> {
    let store = &installation.store;
    let failed = |error: crate::store::Error| error.to_string();
    let mut position = match tail.from {
        Some(position) => i64::try_from(position).map_err(|_| "--from: too large".to_owned())?,
        None => store.last_position().await.map_err(failed)?,
    };
    loop {
        let records = store.events_after(position, PAGE).await.map_err(failed)?;
        if let Some(last) = records.last() {
            position = last.position;
        } else {
            installation.clock.sleep(LOOK_EVERY).await;
        }
        let lines: String = records.iter().map(|record| line(record, tail.json) + "\n").collect();
        let mut out = std::io::stdout().lock();
        if out.write_all(lines.as_bytes()).and_then(|()| out.flush()).is_err() {
            return Ok(());
        }
    }
}

/// An event as it is stored: personal data is ciphertext here too.
fn line(record: &StoredRecord, as_json: bool) -> String {
    let at = DateTime::from_timestamp_micros(record.recorded_at).unwrap_or_default();
    let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
    if !as_json {
        return format!(
            "{:>8}  {at}  {}  {}  {} v{}",
            record.position, record.organization, record.name, record.stream, record.version
        );
    }
    let raw = |text: &str| RawValue::from_string(text.to_owned()).ok();
    // serde_json cannot put raw JSON into a Value, so the two stored documents are appended to the rest.
    let head = json!({
        "position": record.position, "id": record.event_id, "organizationId": record.organization,
        "sequence": record.org_seq, "stream": record.stream, "version": record.version, "type": record.name,
        "schema": record.schema, "recordedAt": at, "subject": record.subject,
    })
    .to_string();
    let (meta, data) = (raw(&record.meta), raw(&record.data));
    let part = |part: &Option<Box<RawValue>>| part.as_ref().map_or("null".to_owned(), |raw| raw.get().to_owned());
    format!("{},\"meta\":{},\"data\":{}}}", &head[..head.len() - 1], part(&meta), part(&data))
}

//! Public events as CloudEvents 1.0, structured mode.

use chrono::SecondsFormat;
use serde_json::json;

use crate::events::PublicEvent;

/// The content type of [`cloud_event`].
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// The event as a CloudEvent in JSON: `data` is the resource, as in the event's own body; organization and sequence are
/// extensions.
pub fn cloud_event(event: &PublicEvent, source: &str) -> Vec<u8> {
    let envelope = json!({
        "specversion": "1.0",
        "id": event.id,
        "source": source,
        "type": event.name,
        "subject": event.resource,
        "time": event.at.to_rfc3339_opts(SecondsFormat::Secs, true),
        "datacontenttype": "application/json",
        "organizationid": event.organization,
        // The type Integer of CloudEvents has 32 bits; a sequence may have more, and sorts as text when it is padded.
        "sequence": format!("{:020}", event.sequence),
    })
    .to_string();
    let data = event.data();
    let mut text = Vec::with_capacity(envelope.len() + data.len() + 16);
    text.extend_from_slice(&envelope.as_bytes()[..envelope.len() - 1]);
    text.extend_from_slice(b",\"data\":");
    text.extend_from_slice(&data);
    text.push(b'}');
    text
}

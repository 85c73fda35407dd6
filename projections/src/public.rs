//! The public events: what of the log subscribers hear of, under which name, and what it looks like.
//!
//! Webhooks, the catch-up feed, the message broker, the catalogue at `GET /v1/webhooks/event-types` and the `webhooks`
//! section of the OpenAPI document all come from one table ([`types`]). An event of the log is at most one public event,
//! so that the one's id and sequence are the other's. Its `data` is the resource as it was right after the event: the
//! fold of its stream up to there, so that it can be rendered again at any time and comes out the same, except that a
//! person who was erased in the meantime is no longer in it.

mod consent;
mod resources;
mod table;

use std::collections::BTreeSet;

use aggregates::{
    DecodeError,
    id::{CampaignId, ProjectId},
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::{ErasedModel, Open};
use resources::Data;

pub use resources::Resource;
pub use table::{PRIVATE, types};

/// A type of public events.
#[derive(Clone, Copy, Debug)]
pub struct PublicType {
    /// Its name: `invite.created`.
    pub name: &'static str,
    /// The event of the log that it is.
    pub source: &'static str,
    /// When it happens, in one sentence.
    pub summary: &'static str,
    /// What its `data` is.
    pub resource: &'static Resource,
    /// How its example differs from that of the resource, as a JSON object.
    differs: &'static str,
}

/// Where a resource belongs, for subscribers of one campaign or project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Its campaign.
    pub campaign: Option<CampaignId>,
    /// Its project, where it has one of its own. Otherwise it is in its campaign's project.
    pub project: Option<ProjectId>,
}

/// What stands around the resource in the body of an event.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// `evt_…`
    pub id: &'a str,
    /// The type's name.
    pub name: &'a str,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// `org_…`
    pub organization: &'a str,
    /// Its place in the organization's log.
    pub sequence: i64,
}

impl Envelope<'_> {
    /// The body of an event (contract 42), and where in it the `data` starts. Nothing in the envelope needs escaping.
    pub fn around(&self, data: &str) -> (String, usize) {
        let Self { id, name, at, organization, sequence } = self;
        let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut body = String::with_capacity(data.len() + 192);
        for part in ["{\"id\":\"", id, "\",\"type\":\"", name, "\",\"createdAt\":\"", &at] {
            body.push_str(part);
        }
        for part in ["\",\"organizationId\":\"", organization, "\",\"sequence\":", &sequence.to_string(), ",\"data\":"]
        {
            body.push_str(part);
        }
        let start = body.len();
        body.push_str(data);
        body.push('}');
        (body, start)
    }
}

impl PublicType {
    /// The type with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        types().iter().find(|public| public.name == name)
    }

    /// The public event that an event of the log is.
    pub fn of(source: &str) -> Option<&'static Self> {
        types().iter().find(|public| public.source == source)
    }

    /// The JSON Schema (draft 2020-12) of an event's body.
    ///
    /// # Errors
    /// When the resource's schema is no JSON, which a test rules out.
    pub fn schema(&self) -> serde_json::Result<Value> {
        let id = |pattern: &str, description: &str| json!({"type": "string", "pattern": pattern, "description": description});
        Ok(json!({
            "title": self.name,
            "description": self.summary,
            "type": "object",
            "required": ["id", "type", "createdAt", "organizationId", "sequence", "data"],
            "properties": {
                "id": id("^evt_", "The event's id: the same in every delivery of it, however it comes."),
                "type": {"const": self.name, "description": "What happened."},
                "createdAt": {"type": "string", "format": "date-time", "description": "When it happened."},
                "organizationId": id("^org_", "Your organization."),
                "sequence": {
                    "type": "integer", "minimum": 1,
                    "description": "Its place in your organization's log. It grows with each event; numbers are left out \
                                    where something happened that is no public event.",
                },
                "data": self.resource.schema()?,
            },
        }))
    }

    /// An example of an event's body.
    ///
    /// # Errors
    /// When the resource's example is no JSON, which a test rules out.
    pub fn example(&self) -> serde_json::Result<Value> {
        let mut data = self.resource.example()?;
        let differs: Value = serde_json::from_str(self.differs)?;
        if let (Some(data), Some(differs)) = (data.as_object_mut(), differs.as_object()) {
            aggregates::value::merge_patch(data, differs);
        }
        Ok(json!({
            "id": "evt_01hm6x3k5vf8qbw2d9z7c4n0te",
            "type": self.name,
            "createdAt": data.get("updatedAt").or(data.get("createdAt")).cloned().unwrap_or_default(),
            "organizationId": "org_01hm6x3k5vf8qbw2d9z7c4n0t9",
            "sequence": 42,
            "data": data,
        }))
    }
}

/// A choice of types, made with names and wildcards: `invite.created`, `session.*`, `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Types(BTreeSet<&'static str>);

impl Types {
    /// All of them.
    pub fn all() -> Self {
        Self(types().iter().map(|public| public.name).collect())
    }

    /// Those that match one of the patterns.
    ///
    /// # Errors
    /// The patterns that no type matches.
    pub fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, Vec<String>> {
        let (mut chosen, mut unknown) = (BTreeSet::new(), Vec::new());
        for pattern in patterns {
            let mut matched = false;
            for public in types().iter().filter(|public| matches(pattern, public.name)) {
                chosen.insert(public.name);
                matched = true;
            }
            if !matched {
                unknown.push(pattern.to_owned());
            }
        }
        if unknown.is_empty() { Ok(Self(chosen)) } else { Err(unknown) }
    }

    /// Whether the type with this name is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The events of the log that they are.
    pub fn sources(&self) -> Vec<&'static str> {
        types().iter().filter(|public| self.contains(public.name)).map(|public| public.source).collect()
    }
}

/// Whether a pattern covers a type: its name, `*`, or `session.*` for all types of that kind.
pub fn matches(pattern: &str, name: &str) -> bool {
    let kind = |pattern: &str| pattern.strip_suffix(".*").is_some_and(|kind| name.split('.').next() == Some(kind));
    pattern == "*" || pattern == name || kind(pattern)
}

/// What the log keeps of an event.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Its name.
    pub name: &'a str,
    /// The schema version of its payload.
    pub schema: u16,
    /// The payload, personal fields still sealed.
    pub payload: &'a str,
}

/// The `data` of an event, and where its resource belongs; `row` is the row right after the event.
///
/// # Errors
/// When the event cannot be decoded, or the row not be written as JSON.
pub fn shown(
    public: &PublicType,
    row: &dyn ErasedModel,
    source: Source<'_>,
    open: &mut Open<'_>,
) -> Result<(String, Place), DecodeError> {
    let data = match public.resource.data {
        Data::Row => row.shown().map_err(|source| DecodeError::Payload { name: public.source, source })?,
        Data::Part(part) => part(row, source, open)?,
    };
    Ok((data, (public.resource.place)(row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_a_type_a_kind_or_all() {
        let named = |patterns: &[&str]| Types::parse(patterns.iter().copied()).map(|types| types.0.len());
        assert_eq!(named(&["invite.created"]), Ok(1));
        assert_eq!(named(&["invite.created", "invite.created"]), Ok(1));
        assert_eq!(named(&["campaign.*"]), Ok(5));
        assert_eq!(named(&["*"]), Ok(types().len()));
        assert_eq!(named(&[]), Ok(0));
        for bad in ["", "invite", "invite.", "*.created", "invite.c*", "campaigns.*", ".*", "in.*", "script.drafted"] {
            assert_eq!(named(&[bad, "*"]), Err(vec![bad.to_owned()]), "{bad}");
        }
    }

    #[test]
    fn the_data_of_a_body_is_the_document_byte_for_byte() {
        let at = DateTime::from_timestamp(1_705_314_600, 999_999_999).expect("in range");
        let envelope = Envelope { id: "evt_1", name: "invite.created", at, organization: "org_1", sequence: 7 };
        let (body, start) = envelope.around("{\"b\":1,\"a\":\"\\u0000\"}");
        assert_eq!(
            body,
            "{\"id\":\"evt_1\",\"type\":\"invite.created\",\"createdAt\":\"2024-01-15T10:30:00Z\",\
             \"organizationId\":\"org_1\",\"sequence\":7,\"data\":{\"b\":1,\"a\":\"\\u0000\"}}"
        );
        assert_eq!(&body[start..body.len() - 1], "{\"b\":1,\"a\":\"\\u0000\"}");
    }
}

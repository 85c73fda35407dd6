//! What public events show: a schema with an example, and where the resource belongs.

use aggregates::DecodeError;
use serde_json::Value;

use super::{Place, Source, consent};
use crate::{Campaign, ErasedModel, Invite, Open, Script, Session};

/// What the `data` of an event is made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Data {
    /// The row's document.
    Row,
    /// Something within the stream that has no row: made from the event, next to the row.
    Part(fn(&dyn ErasedModel, Source<'_>, &mut Open<'_>) -> Result<String, DecodeError>),
}

/// A kind of resource that public events show.
#[derive(Debug)]
pub struct Resource {
    /// Its name in the API's documentation.
    pub name: &'static str,
    /// How much there is to fold of a version of its stream, in proportion to others: scripts hold long texts.
    pub weight: i64,
    /// Its JSON Schema, with an example.
    schema: &'static str,
    /// How it is made.
    pub(super) data: Data,
    /// Where it belongs.
    pub(super) place: fn(&dyn ErasedModel) -> Place,
}

impl Resource {
    /// The JSON Schema of the resource, without the example.
    ///
    /// # Errors
    /// When the file is no JSON, which a test rules out.
    pub fn schema(&self) -> serde_json::Result<Value> {
        let mut schema: Value = serde_json::from_str(self.schema)?;
        if let Some(schema) = schema.as_object_mut() {
            schema.remove("examples");
        }
        Ok(schema)
    }

    /// The example.
    ///
    /// # Errors
    /// When the file is no JSON, which a test rules out.
    pub fn example(&self) -> serde_json::Result<Value> {
        let mut schema: Value = serde_json::from_str(self.schema)?;
        Ok(schema["examples"][0].take())
    }
}

pub(super) static CAMPAIGN: Resource = Resource {
    name: "Campaign",
    weight: 10,
    schema: include_str!("campaign.json"),
    data: Data::Row,
    place: |row| {
        let row = row.as_any().downcast_ref::<Campaign>();
        row.map(|row| Place { campaign: Some(row.api.id), project: row.api.project_id }).unwrap_or_default()
    },
};

pub(super) static INVITE: Resource = Resource {
    name: "Invite",
    weight: 1,
    schema: include_str!("invite.json"),
    data: Data::Row,
    place: |row| {
        let row = row.as_any().downcast_ref::<Invite>();
        row.map(|row| Place { campaign: Some(row.api.campaign_id), project: None }).unwrap_or_default()
    },
};

pub(super) static SCRIPT: Resource = Resource {
    name: "Script",
    weight: 100,
    schema: include_str!("script.json"),
    data: Data::Row,
    place: |row| {
        let row = row.as_any().downcast_ref::<Script>();
        row.map(|row| Place { campaign: None, project: row.api.project_id }).unwrap_or_default()
    },
};

/// Where a session's row belongs.
fn place_of_session(row: &dyn ErasedModel) -> Place {
    let row = row.as_any().downcast_ref::<Session>();
    row.map(|row| Place { campaign: Some(row.api.campaign_id), project: None }).unwrap_or_default()
}

pub(super) static SESSION: Resource = Resource {
    name: "Session",
    weight: 1,
    schema: include_str!("session.json"),
    data: Data::Row,
    place: place_of_session,
};

pub(super) static CONSENT: Resource = Resource {
    name: "Consent",
    weight: 1,
    schema: include_str!("consent.json"),
    data: Data::Part(consent::record),
    place: place_of_session,
};

//! What a template of an invite's mail can speak of.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use minijinja::{
    context,
    value::{Enumerator, Object, Serde, Value},
};
use serde_json::Value as Json;

use crate::{
    FieldError,
    value::{Document, Input, Reader, parse_instant},
};

/// The data of one mail.
#[derive(Clone, Debug, PartialEq)]
pub struct Variables {
    /// `participant.name`; empty where none was given.
    pub participant_name: String,
    /// `participant.email`.
    pub participant_email: String,
    /// `organization.name`.
    pub organization: String,
    /// `campaign.name`.
    pub campaign: String,
    /// `link`: where the interview takes place.
    pub link: String,
    /// `expiresAt`: until when, in RFC 3339.
    pub expires_at: String,
    /// `expiresOn`: the same for people, in the mail's language.
    pub expires_on: String,
    /// `language`: the mail's language.
    pub language: String,
    /// `direction`: `ltr` or `rtl`.
    pub direction: String,
    /// `metadata.…`: the customer's own keys. One that an invite lacks is empty, since invites differ.
    pub metadata: Document,
}

/// The names that a template may use; below `metadata` any.
pub(super) const NAMES: [&str; 12] = [
    "participant",
    "participant.name",
    "participant.email",
    "organization",
    "organization.name",
    "campaign",
    "campaign.name",
    "link",
    "expiresAt",
    "expiresOn",
    "language",
    "direction",
];

impl Variables {
    /// What templates are tried with when they are written.
    pub fn sample() -> Self {
        Self {
            participant_name: "Jane Doe".to_owned(),
            participant_email: "jane@example.com".to_owned(),
            organization: "Example Ltd".to_owned(),
            campaign: "Customer satisfaction".to_owned(),
            link: "https://relay.example.com/interview/inv_sample".to_owned(),
            expires_at: "2024-01-22T10:30:00Z".to_owned(),
            expires_on: "January 22, 2024, 10:30 UTC".to_owned(),
            language: "en".to_owned(),
            direction: "ltr".to_owned(),
            metadata: Document::new(),
        }
    }

    /// As the template engine wants it.
    pub fn context(&self) -> Value {
        let metadata = Value::from_object(Metadata(self.metadata.clone()));
        context! {
            participant => context! { name => self.participant_name.as_str(), email => self.participant_email.as_str() },
            organization => context! { name => self.organization.as_str() },
            campaign => context! { name => self.campaign.as_str() },
            link => self.link.as_str(),
            expiresAt => self.expires_at.as_str(),
            expiresOn => self.expires_on.as_str(),
            language => self.language.as_str(),
            direction => self.direction.as_str(),
            metadata => metadata,
        }
    }
}

#[derive(Debug)]
struct Metadata(Document);

impl Object for Metadata {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let found = key.as_str().and_then(|key| self.0.get(key));
        Some(found.map_or_else(|| Value::from(""), |value| Value::from(Serde(value))))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.keys().map(|key| Value::from(key.as_str())).collect())
    }
}

/// The data of a preview (`data` of `POST /v1/email-templates/{templateId}/preview`); what is absent is taken from the
/// sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VariablesInput {
    data: Option<DataInput>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct DataInput {
    participant: Option<PersonInput>,
    organization: Option<NamedInput>,
    campaign: Option<NamedInput>,
    link: Option<String>,
    expires_at: Option<String>,
    expires_on: Option<String>,
    language: Option<String>,
    direction: Option<String>,
    metadata: Option<Document>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct PersonInput {
    name: Option<String>,
    email: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct NamedInput {
    name: Option<String>,
}

impl Input for VariablesInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self { data: fields.optional("data") }
    }
}

impl Input for DataInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            participant: fields.optional("participant"),
            organization: fields.optional("organization"),
            campaign: fields.optional("campaign"),
            link: fields.optional("link"),
            expires_at: fields.optional("expiresAt"),
            expires_on: fields.optional("expiresOn"),
            language: fields.optional("language"),
            direction: fields.optional("direction"),
            metadata: fields.optional("metadata"),
        }
    }
}

impl Input for PersonInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self { name: fields.optional("name"), email: fields.optional("email") }
    }
}

impl Input for NamedInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self { name: fields.optional("name") }
    }
}

impl VariablesInput {
    /// The mail's language, if it is given.
    pub fn language(&self) -> Option<&str> {
        self.data.as_ref()?.language.as_deref()
    }

    /// Until when, if that is given.
    ///
    /// # Errors
    /// When it is no time.
    pub fn expires_at(&self) -> Result<Option<DateTime<Utc>>, FieldError> {
        let Some(text) = self.data.as_ref().and_then(|data| data.expires_at.as_deref()) else { return Ok(None) };
        let wrong = || FieldError::new("data.expiresAt", "invalid_format", "must be an ISO 8601 date and time");
        parse_instant(text).map(Some).ok_or_else(wrong)
    }

    /// The sample, with what was given in its place.
    pub fn over(self, sample: Variables) -> Variables {
        let data = self.data.unwrap_or_default();
        let person = data.participant.unwrap_or_default();
        let name = |named: Option<NamedInput>| named.and_then(|named| named.name);
        let scalar = |(key, value): (String, Json)| (!value.is_object() && !value.is_array()).then_some((key, value));
        Variables {
            participant_name: person.name.unwrap_or(sample.participant_name),
            participant_email: person.email.unwrap_or(sample.participant_email),
            organization: name(data.organization).unwrap_or(sample.organization),
            campaign: name(data.campaign).unwrap_or(sample.campaign),
            link: data.link.unwrap_or(sample.link),
            expires_at: data.expires_at.unwrap_or(sample.expires_at),
            expires_on: data.expires_on.unwrap_or(sample.expires_on),
            language: data.language.unwrap_or(sample.language),
            direction: data.direction.unwrap_or(sample.direction),
            metadata: data
                .metadata
                .map_or(sample.metadata, |metadata| metadata.into_iter().filter_map(scalar).collect()),
        }
    }
}

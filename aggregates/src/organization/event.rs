//! What can happen to an organization.

use serde::{Deserialize, Serialize};

use crate::{
    Payload,
    event::events,
    id::{FileId, OrganizationId},
    organization::Plan,
    value::{Change, Document},
};

events! {
    /// Events of an organization's stream.
    OrganizationEvent {
        /// See [`OrganizationCreated`].
        Created(OrganizationCreated),
        /// See [`OrganizationUpdated`].
        Updated(OrganizationUpdated),
    }
}

/// An organization came into being (contract 48, 49).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationCreated {
    /// The new organization.
    pub organization_id: OrganizationId,
    /// Its display name.
    pub name: String,
    /// Its plan, which sets the rate limit (reference, "Rate Limiting").
    pub plan: Plan,
    /// The opening balance in hundredths of a credit (contract 37).
    pub opening_credits: i64,
}

impl Payload for OrganizationCreated {
    const NAME: &'static str = "organization.created";
}

/// Where an organization's logo is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Logo {
    /// A picture that was uploaded.
    File(FileId),
    /// An address elsewhere, which we never ask for anything.
    Url(String),
}

/// Details of the organization changed; what is absent stayed as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationUpdated {
    /// The new display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new logo.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub logo: Change<Logo>,
    /// The new host name of its interview links.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub domain: Change<String>,
    /// The new colour, `#RRGGBB`.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub brand_color: Change<String>,
    /// All of its settings as they are now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Document>,
}

impl Payload for OrganizationUpdated {
    const NAME: &'static str = "organization.updated";
}

//! What can happen to an organization.

use serde::{Deserialize, Serialize};

use crate::{Payload, event::events, id::OrganizationId, organization::Plan};

events! {
    /// Events of an organization's stream.
    OrganizationEvent {
        /// See [`OrganizationCreated`].
        Created(OrganizationCreated),
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

//! What can happen to an API key.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Payload,
    api_key::Scope,
    event::events,
    id::{ApiKeyId, OrganizationId},
};

events! {
    /// Events of an API key's stream.
    ApiKeyEvent {
        /// See [`ApiKeyCreated`].
        Created(ApiKeyCreated),
        /// See [`ApiKeyRevoked`].
        Revoked(ApiKeyRevoked),
    }
}

/// A key was issued (contract 36). The log keeps its hash only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyCreated {
    /// The new key's id.
    pub key_id: ApiKeyId,
    /// Whom it speaks for.
    pub organization_id: OrganizationId,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// SHA-256 of the whole key, in lower-case hex.
    pub secret_hash: String,
    /// The last four characters, so that its owner can tell keys apart.
    pub last_four: String,
    /// When it stops working, if ever.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Payload for ApiKeyCreated {
    const NAME: &'static str = "api_key.created";
}

/// The key stopped working, for ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKeyRevoked {}

impl Payload for ApiKeyRevoked {
    const NAME: &'static str = "api_key.revoked";
}

//! API keys as the store knows them (contract 36), and the tokens of participants, for the gate in front of every operation.

use std::{collections::BTreeSet, sync::Arc};

use aggregates::{
    Refusal,
    api_key::Scope,
    id::InviteId,
    invite::{InviteError, InviteStatus},
    organization::Plan,
};
use futures_util::future::BoxFuture;
use serde::Deserialize;

use super::{ApiError, Authenticated, Authenticator, Participant, health::Readiness};
use crate::{
    clock::Clock,
    reactors::upkeep::KeyUses,
    store::{self, KeyLookup, Store, StoredKey},
    trust::{
        secret_key,
        session_token::{self, Claims},
        token,
    },
};

/// Knows the API keys in the store, and checks the tokens of participants.
pub struct StoredKeys {
    store: Store,
    lookup: KeyLookup,
    clock: Clock,
    uses: Arc<KeyUses>,
}

impl StoredKeys {
    /// Looks keys up in a store, and notes their uses.
    pub fn new(store: Store, clock: Clock, uses: Arc<KeyUses>) -> Self {
        Self { lookup: KeyLookup::start(store.clone()), store, clock, uses }
    }

    async fn find(&self, key: &str) -> Result<Option<Authenticated>, ApiError> {
        if !secret_key::is_well_formed(key) {
            return Ok(None);
        }
        let now = self.clock.now().timestamp_micros();
        let stored = self.lookup.find(secret_key::hash(key)).await?;
        let Some(stored) = stored.filter(|stored| !stored.revoked && stored.expires_at.is_none_or(|end| now < end))
        else {
            return Ok(None);
        };
        self.uses.note(&stored.id, now);
        authenticated(&stored).map(Some).ok_or_else(|| ApiError::internal("a stored API key cannot be read"))
    }

    /// A session token is issued under a link that leads somewhere, so one that is genuine proves the link too, and it works
    /// as long as the link was not revoked. Where it is not genuine, a wrong link is told from a wrong token.
    async fn find_participant(&self, invite_token: &str, session_token: &str) -> Result<Option<Participant>, ApiError> {
        let keys = self.store.keys();
        let Some(claims) = session_token::verify(keys, session_token, invite_token, self.clock.now()) else {
            if session_token::is_well_formed(session_token) {
                invited(&self.store, invite_token).await?;
            }
            return Ok(None);
        };
        let Claims { session, organization, .. } = claims;
        let invite: InviteId = token::locate(keys, invite_token).ok_or_else(ApiError::not_found)?;
        let row = self.store.document_of_any("invites", &invite.to_string()).await?.ok_or_else(ApiError::not_found)?;
        if row.column("status").text() == InviteStatus::Cancelled.as_str() {
            return Err(Refusal::from(InviteError::Cancelled).into());
        }
        Ok(Some(Participant { session, invite, organization }))
    }
}

/// The row of the invite whose token this is.
///
/// # Errors
/// 404 when there is none.
pub async fn invited(store: &Store, invite_token: &str) -> Result<store::Document, ApiError> {
    let id: InviteId = token::locate(store.keys(), invite_token).ok_or_else(ApiError::not_found)?;
    let row = store.document_of_any("invites", &id.to_string()).await?.ok_or_else(ApiError::not_found)?;
    let generation = u32::try_from(row.column("token_generation").int()).map_err(ApiError::internal)?;
    if token::verify(store.keys(), invite_token, id, generation) { Ok(row) } else { Err(ApiError::not_found()) }
}

#[derive(Deserialize)]
struct Document {
    scopes: BTreeSet<Scope>,
}

fn authenticated(stored: &StoredKey) -> Option<Authenticated> {
    let document: Document = serde_json::from_str(&stored.document).ok()?;
    let plan: Plan = stored.plan.parse().ok()?;
    Some(Authenticated {
        organization: stored.organization.parse().ok()?,
        key_id: stored.id.parse().ok()?,
        scopes: document.scopes,
        rate_limit: plan.rate_limit(),
    })
}

impl Authenticator for StoredKeys {
    fn authenticate<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Authenticated>, ApiError>> {
        Box::pin(self.find(key))
    }

    fn participant<'a>(
        &'a self,
        invite_token: &'a str,
        session_token: &'a str,
    ) -> BoxFuture<'a, Result<Option<Participant>, ApiError>> {
        Box::pin(self.find_participant(invite_token, session_token))
    }
}

impl Readiness for Store {
    fn ready(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Store::ready(self).await.map_err(|error| error.to_string()) })
    }
}

//! API keys as the store knows them, for the gate in front of every operation (contract 36).

use std::{collections::BTreeSet, sync::Arc};

use aggregates::{api_key::Scope, organization::Plan};
use futures_util::future::BoxFuture;
use serde::Deserialize;

use super::{ApiError, Authenticated, Authenticator, health::Readiness};
use crate::{
    clock::Clock,
    reactors::upkeep::KeyUses,
    store::{KeyLookup, Store, StoredKey},
    trust::secret_key,
};

/// Knows the API keys in the store.
pub struct StoredKeys {
    lookup: KeyLookup,
    clock: Clock,
    uses: Arc<KeyUses>,
}

impl StoredKeys {
    /// Looks keys up in a store, and notes their uses.
    pub fn new(store: Store, clock: Clock, uses: Arc<KeyUses>) -> Self {
        Self { lookup: KeyLookup::start(store), clock, uses }
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
}

impl Readiness for Store {
    fn ready(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Store::ready(self).await.map_err(|error| error.to_string()) })
    }
}

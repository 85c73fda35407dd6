//! The API key's state and rules.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Entity,
    api_key::{ApiKeyCommand, ApiKeyCreated, ApiKeyError, ApiKeyEvent, ApiKeyRevoked, Scope, grants},
    id::{ApiKeyId, OrganizationId},
};

/// An API key, as far as its rules need to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id, once it exists.
    pub id: Option<ApiKeyId>,
    /// Whom it speaks for.
    pub organization_id: OrganizationId,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// When it stops working, if ever.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it was revoked.
    pub revoked: bool,
}

impl ApiKey {
    /// Whether it may be used at this instant.
    pub fn is_usable(&self, now: DateTime<Utc>) -> bool {
        self.id.is_some() && !self.revoked && self.expires_at.is_none_or(|expiry| now < expiry)
    }

    /// Whether its scopes cover the given one.
    pub fn grants(&self, needed: Scope) -> bool {
        grants(&self.scopes, needed)
    }
}

impl Entity for ApiKey {
    type Id = ApiKeyId;

    fn organization_id(&self) -> Option<OrganizationId> {
        self.id.map(|_| self.organization_id)
    }

    fn decide(&self, command: ApiKeyCommand) -> Result<Vec<ApiKeyEvent>, ApiKeyError> {
        match (command, self.id) {
            (ApiKeyCommand::Create { key_id, organization_id, key, secret_hash, last_four }, None) => {
                Ok(vec![ApiKeyEvent::Created(ApiKeyCreated {
                    key_id,
                    organization_id,
                    name: key.name,
                    scopes: key.scopes,
                    secret_hash,
                    last_four,
                    expires_at: key.expires_at,
                })])
            }
            (ApiKeyCommand::Create { .. }, Some(_)) => Err(ApiKeyError::AlreadyExists),
            (ApiKeyCommand::Revoke, None) => Err(ApiKeyError::NotFound),
            (ApiKeyCommand::Revoke, Some(_)) if self.revoked => Ok(Vec::new()),
            (ApiKeyCommand::Revoke, Some(_)) => Ok(vec![ApiKeyEvent::Revoked(ApiKeyRevoked {})]),
        }
    }
}

impl Aggregate for ApiKey {
    const TYPE: &'static str = "api_key";
    type Command = ApiKeyCommand;
    type Event = ApiKeyEvent;
    type Error = ApiKeyError;
    type Services = ();

    async fn handle(&mut self, command: ApiKeyCommand, (): &(), sink: &EventSink<Self>) -> Result<(), ApiKeyError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ApiKeyEvent) {
        match event {
            ApiKeyEvent::Created(created) => {
                self.id = Some(created.key_id);
                self.organization_id = created.organization_id;
                self.scopes = created.scopes;
                self.expires_at = created.expires_at;
            }
            ApiKeyEvent::Revoked(ApiKeyRevoked {}) => self.revoked = true,
        }
    }
}

//! API keys.

use std::collections::BTreeSet;

use aggregates::{
    api_key::{Scope, event::ApiKeyEvent},
    id::{ApiKeyId, Id, OrganizationId},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Column, ColumnDef, ReadModel, Recorded,
    column::Stored,
    time::{self, optional_seconds, seconds, whole_seconds},
};

/// An API key's row. A revoked key keeps its row, so that its owner can see that it was revoked.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKey {
    /// Whom it speaks for.
    pub organization_id: OrganizationId,
    /// SHA-256 of the whole key in lower-case hex, by which a request's key is looked up.
    pub key_hash: String,
    /// What the API shows.
    pub api: ApiKeyDocument,
}

/// What the API shows of an API key, without `lastUsedAt`, which is no event and is spliced in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyDocument {
    /// Its id.
    pub id: ApiKeyId,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// The last four characters of the secret.
    pub last_four: String,
    /// When it was issued.
    #[serde(with = "seconds")]
    pub created_at: DateTime<Utc>,
    /// When it stops working, if ever.
    #[serde(with = "optional_seconds")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked, if it was.
    #[serde(with = "optional_seconds")]
    pub revoked_at: Option<DateTime<Utc>>,
}

impl ApiKey {
    /// Whether the key opens anything at this time.
    pub fn works(&self, now: DateTime<Utc>) -> bool {
        self.api.revoked_at.is_none() && self.api.expires_at.is_none_or(|end| now < end)
    }
}

impl ReadModel for ApiKey {
    type Event = ApiKeyEvent;
    const PREFIX: &'static str = ApiKeyId::PREFIX;
    const TABLE: &'static str = "api_keys";
    const COLUMNS: &'static [ColumnDef] = &[
        ColumnDef::text("key_hash"),
        ColumnDef::text("name"),
        ColumnDef::int("expires_at"),
        ColumnDef::int("revoked_at"),
        ColumnDef::int("created_at"),
        ColumnDef::int("updated_at"),
    ];

    fn fold(row: Option<Self>, event: &Self::Event, recorded: &Recorded) -> Option<Self> {
        let at = whole_seconds(recorded.at);
        match event {
            ApiKeyEvent::Created(created) => Some(Self {
                organization_id: created.organization_id,
                key_hash: created.secret_hash.clone(),
                api: ApiKeyDocument {
                    id: created.key_id,
                    name: created.name.clone(),
                    scopes: created.scopes.clone(),
                    last_four: created.last_four.clone(),
                    created_at: at,
                    expires_at: created.expires_at.map(whole_seconds),
                    revoked_at: None,
                },
            }),
            ApiKeyEvent::Revoked(_) => row.map(|mut row| {
                row.api.revoked_at.get_or_insert(at);
                row
            }),
        }
    }

    fn id(&self) -> String {
        self.api.id.to_string()
    }

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn document(&self) -> serde_json::Result<String> {
        serde_json::to_string(&self.api)
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::text(&self.key_hash),
            Column::text(&self.api.name),
            time::optional_column(self.api.expires_at),
            time::optional_column(self.api.revoked_at),
            time::column(self.api.created_at),
            time::column(self.api.revoked_at.unwrap_or(self.api.created_at)),
        ]
    }

    fn groups(&self) -> Vec<(String, i64)> {
        vec![(format!("api_keys/{}", self.organization_id), 1)]
    }

    fn restore(organization: OrganizationId, document: &str, columns: &[Column]) -> serde_json::Result<Self> {
        let stored = Stored::new(Self::COLUMNS, columns);
        Ok(Self {
            organization_id: organization,
            key_hash: stored.present_text("key_hash")?.to_owned(),
            api: serde_json::from_str(document)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use aggregates::api_key::event::{ApiKeyCreated, ApiKeyRevoked};
    use serde_json::json;

    use super::*;
    use crate::testing::{HALF_PAST_TEN, at, folded, id, scopes, shown};

    fn created(expires_at: Option<DateTime<Utc>>) -> ApiKeyEvent {
        ApiKeyEvent::Created(ApiKeyCreated {
            key_id: id(2),
            organization_id: id(1),
            name: "CI".to_owned(),
            scopes: BTreeSet::from([Scope::InvitesRead, Scope::CampaignsRead]),
            secret_hash: "ab".repeat(32),
            last_four: "wxyz".to_owned(),
            expires_at,
        })
    }

    #[test]
    fn the_hash_is_a_column_and_not_shown() {
        let row: ApiKey = folded(&[created(Some(at(HALF_PAST_TEN + 60)))]).expect("a row");
        assert_eq!(
            shown(&row),
            json!({
                "id": row.id(), "name": "CI", "scopes": ["campaigns:read", "invites:read"], "lastFour": "wxyz",
                "createdAt": "2024-01-15T10:30:00Z", "expiresAt": "2024-01-15T10:31:00Z", "revokedAt": null,
            })
        );
        assert_eq!(row.columns()[0], Column::text("ab".repeat(32)));
        assert_eq!(scopes(&row), [format!("api_keys/{}", row.organization())]);
        assert!(row.works(at(HALF_PAST_TEN + 59)));
        assert!(!row.works(at(HALF_PAST_TEN + 60)));
    }

    #[test]
    fn a_revoked_key_stays_with_the_time_of_its_first_revocation() {
        let revoked = || ApiKeyEvent::Revoked(ApiKeyRevoked {});
        let row: ApiKey = folded(&[created(None), revoked(), revoked()]).expect("a row");
        assert_eq!(shown(&row)["revokedAt"], "2024-01-15T10:30:10Z");
        assert!(!row.works(at(HALF_PAST_TEN)));
    }
}

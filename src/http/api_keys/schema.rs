//! API keys as the OpenAPI document describes them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of a new API key.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"name": "CI", "scopes": ["campaigns:read", "invites:write"], "expiresAt": "2025-01-15T10:30:00Z"}))]
pub struct NewApiKey {
    /// What you call it.
    #[schema(max_length = 100)]
    pub name: String,
    /// What it may do.
    #[schema(min_items = 1)]
    pub scopes: Vec<String>,
    /// When it stops working; never, if absent.
    pub expires_at: Option<DateTime<Utc>>,
}

/// An API key, without the key itself.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "key_01hm6gb9v4e9ttpzg6q1x1e0c5", "name": "CI", "scopes": ["campaigns:read", "invites:write"],
    "lastFour": "BcD1", "createdAt": "2024-01-15T10:30:00Z", "expiresAt": "2025-01-15T10:30:00Z", "revokedAt": null,
    "lastUsedAt": null
}))]
pub struct ApiKey {
    /// Its id.
    pub id: String,
    /// What you call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The last four characters of the key.
    pub last_four: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it stops working, if ever.
    #[schema(required)]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked, if it was.
    #[schema(required)]
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, if it was.
    #[schema(required)]
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A new API key.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedApiKey {
    /// What every answer shows of it.
    #[serde(flatten)]
    pub shown: ApiKey,
    /// The key itself. It is shown this once.
    #[schema(example = "ir_live_4Zk1oV8h2bNq6tYw9sLcR3xDfJgM7p0aBcD1")]
    pub key: String,
}

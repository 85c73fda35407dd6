//! Members as the OpenAPI document describes them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What a member is in the organization.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Owns it.
    Owner,
    /// Administers it.
    Admin,
    /// Works in it.
    #[default]
    Member,
    /// Looks on.
    Viewer,
}

/// Whether a member has accepted the invitation.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberStatus {
    /// Not yet.
    Invited,
    /// Yes.
    Active,
}

/// Whom to invite to the organization.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"email": "jane@example.com", "name": "Jane Doe", "role": "admin"}))]
pub struct NewMember {
    /// The person's e-mail address.
    pub email: String,
    /// The person's name.
    #[schema(max_length = 100)]
    pub name: Option<String>,
    /// As what. Default: `member`.
    pub role: Option<MemberRole>,
}

/// A change of a member: what is absent stays, `null` clears.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"role": "viewer"}))]
pub struct MemberPatch {
    /// The person's name.
    #[schema(max_length = 100)]
    pub name: Option<String>,
    /// The new role.
    pub role: Option<MemberRole>,
}

/// The token of an invitation.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"token": "mbr_Qm9iIGlzIGludml0ZWQgdG8gYW4gb3JnYW5pemF0aW8"}))]
pub struct Acceptance {
    /// The last part of the link in the mail.
    pub token: String,
}

/// A member of the organization.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "mem_01hm6x3k5vf8qbw2d9z7c4n0ta", "email": "jane@example.com", "name": "Jane Doe", "role": "admin",
    "status": "invited", "expiresAt": "2024-01-22T10:30:00Z",
    "createdAt": "2024-01-15T10:30:00Z", "updatedAt": "2024-01-15T10:30:00Z",
}))]
pub struct Member {
    /// Its id.
    pub id: String,
    /// The person's address; null once the person is erased.
    #[schema(required)]
    pub email: Option<String>,
    /// The person's name.
    #[schema(required)]
    pub name: Option<String>,
    /// What the person is in the organization, or will be.
    pub role: MemberRole,
    /// Whether the invitation was accepted.
    pub status: MemberStatus,
    /// Until when the invitation can be accepted; null once it was.
    #[schema(required)]
    pub expires_at: Option<DateTime<Utc>>,
    /// When the person was first invited.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What the list of members can be narrowed down to.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MemberFilters {
    /// Filter by status: `invited`, `active`.
    pub status: Option<String>,
    /// Filter by role: `owner`, `admin`, `member`, `viewer`.
    pub role: Option<String>,
    /// Search members by name.
    pub search: Option<String>,
    /// `createdAt` (the default), `name` or `updatedAt`.
    pub sort: Option<String>,
}

//! Projects as the OpenAPI document describes them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of a new project.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"name": "Customer research", "description": "All of 2024", "color": "#6366F1"}))]
pub struct NewProject {
    /// Project name.
    #[schema(max_length = 100)]
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Hex code.
    pub color: Option<String>,
}

/// A change of a project: what is absent stays, `null` clears.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"name": "Customer research", "color": null}))]
pub struct ProjectPatch {
    /// Project name.
    #[schema(max_length = 100)]
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Hex code.
    pub color: Option<String>,
}

/// A project.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "prj_01hm6x3k5vf8qbw2d9z7c4n0tb", "name": "Customer research", "description": "All of 2024", "color": "#6366F1",
    "createdAt": "2024-01-15T10:30:00Z", "updatedAt": "2024-01-15T10:30:00Z",
}))]
pub struct Project {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[schema(required)]
    pub description: Option<String>,
    /// Hex code.
    #[schema(required)]
    pub color: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

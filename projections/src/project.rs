//! Projects.

use aggregates::{
    id::{Id, OrganizationId, ProjectId},
    project::event::ProjectEvent,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Column, ColumnDef, ReadModel, Recorded, change,
    time::{self, seconds, whole_seconds},
};

/// A project's row.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Its organization.
    pub organization_id: OrganizationId,
    /// What the API shows.
    pub api: ProjectDocument,
}

/// What the API shows of a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectDocument {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// `#RRGGBB`.
    pub color: Option<String>,
    /// When it was created.
    #[serde(with = "seconds")]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(with = "seconds")]
    pub updated_at: DateTime<Utc>,
}

impl ReadModel for Project {
    type Event = ProjectEvent;
    const PREFIX: &'static str = ProjectId::PREFIX;
    const TABLE: &'static str = "projects";
    const COLUMNS: &'static [ColumnDef] = &[
        ColumnDef::text("name"),
        ColumnDef::text("name_search"),
        ColumnDef::int("created_at"),
        ColumnDef::int("updated_at"),
    ];

    fn fold(row: Option<Self>, event: &Self::Event, recorded: &Recorded) -> Option<Self> {
        let at = whole_seconds(recorded.at);
        match event {
            ProjectEvent::Created(created) => Some(Self {
                organization_id: created.organization_id,
                api: ProjectDocument {
                    id: created.project_id,
                    name: created.name.clone(),
                    description: created.description.clone(),
                    color: created.color.clone(),
                    created_at: at,
                    updated_at: at,
                },
            }),
            ProjectEvent::Updated(updated) => row.map(|mut row| {
                change::replace(&mut row.api.name, updated.name.as_ref());
                change::apply(&mut row.api.description, &updated.description);
                change::apply(&mut row.api.color, &updated.color);
                row.api.updated_at = at;
                row
            }),
            ProjectEvent::Deleted(_) => None,
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
            Column::text(&self.api.name),
            Column::text(self.api.name.to_lowercase()),
            time::column(self.api.created_at),
            time::column(self.api.updated_at),
        ]
    }

    fn groups(&self) -> Vec<(String, i64)> {
        vec![(format!("projects/{}", self.organization_id), 1)]
    }

    fn restore(organization: OrganizationId, document: &str, _columns: &[Column]) -> serde_json::Result<Self> {
        Ok(Self { organization_id: organization, api: serde_json::from_str(document)? })
    }
}

#[cfg(test)]
mod tests {
    use aggregates::{
        project::event::{ProjectCreated, ProjectDeleted, ProjectUpdated},
        value::Change,
    };
    use serde_json::json;

    use super::*;
    use crate::testing::{folded, id, scopes, shown};

    fn created() -> ProjectEvent {
        ProjectEvent::Created(ProjectCreated {
            project_id: id(3),
            organization_id: id(1),
            name: "Étude".to_owned(),
            description: Some("What for".to_owned()),
            color: None,
        })
    }

    #[test]
    fn an_update_changes_what_it_names() {
        let updated = ProjectUpdated {
            description: Change::Clear,
            color: Change::Set("#6366F1".to_owned()),
            ..ProjectUpdated::default()
        };
        let row: Project = folded(&[created(), ProjectEvent::Updated(updated)]).expect("a row");
        assert_eq!(
            shown(&row),
            json!({
                "id": row.id(), "name": "Étude", "description": null, "color": "#6366F1",
                "createdAt": "2024-01-15T10:30:00Z", "updatedAt": "2024-01-15T10:30:10Z",
            })
        );
        assert_eq!(row.columns()[1], Column::text("étude"));
        assert_eq!(scopes(&row), [format!("projects/{}", row.organization())]);
    }

    #[test]
    fn a_deleted_project_has_no_row() {
        assert_eq!(folded::<Project>(&[created(), ProjectEvent::Deleted(ProjectDeleted {})]), None);
    }
}

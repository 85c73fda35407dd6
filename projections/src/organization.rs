//! Organizations.

use aggregates::{
    id::{Id, OrganizationId},
    organization::{Plan, event::OrganizationEvent},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Column, ColumnDef, ReadModel, Recorded,
    time::{self, seconds, whole_seconds},
};

/// An organization's row.
#[derive(Clone, Debug, PartialEq)]
pub struct Organization {
    /// What the API shows.
    pub api: OrganizationDocument,
}

/// What the API shows of an organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationDocument {
    /// Its id.
    pub id: OrganizationId,
    /// Its display name.
    pub name: String,
    /// Its plan.
    pub plan: Plan,
    /// When it came into being.
    #[serde(with = "seconds")]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(with = "seconds")]
    pub updated_at: DateTime<Utc>,
}

impl ReadModel for Organization {
    type Event = OrganizationEvent;
    const PREFIX: &'static str = OrganizationId::PREFIX;
    const TABLE: &'static str = "organizations";
    const COLUMNS: &'static [ColumnDef] =
        &[ColumnDef::text("name"), ColumnDef::text("plan"), ColumnDef::int("created_at"), ColumnDef::int("updated_at")];

    fn fold(_row: Option<Self>, event: &Self::Event, recorded: &Recorded) -> Option<Self> {
        let at = whole_seconds(recorded.at);
        match event {
            OrganizationEvent::Created(created) => Some(Self {
                api: OrganizationDocument {
                    id: created.organization_id,
                    name: created.name.clone(),
                    plan: created.plan,
                    created_at: at,
                    updated_at: at,
                },
            }),
        }
    }

    fn id(&self) -> String {
        self.api.id.to_string()
    }

    fn organization(&self) -> OrganizationId {
        self.api.id
    }

    fn document(&self) -> serde_json::Result<String> {
        serde_json::to_string(&self.api)
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::text(&self.api.name),
            Column::text(self.api.plan.as_str()),
            time::column(self.api.created_at),
            time::column(self.api.updated_at),
        ]
    }

    fn groups(&self) -> Vec<(String, i64)> {
        vec![("organizations".to_owned(), 1)]
    }

    fn restore(_organization: OrganizationId, document: &str, _columns: &[Column]) -> serde_json::Result<Self> {
        Ok(Self { api: serde_json::from_str(document)? })
    }
}

#[cfg(test)]
mod tests {
    use aggregates::organization::event::OrganizationCreated;
    use serde_json::json;

    use super::*;
    use crate::testing::{folded, id, shown};

    #[test]
    fn a_created_organization() {
        let row: Organization = folded(&[OrganizationEvent::Created(OrganizationCreated {
            organization_id: id(1),
            name: "Acme".to_owned(),
            plan: Plan::Professional,
            opening_credits: 50_000,
        })])
        .expect("a row");
        assert_eq!(
            shown(&row),
            json!({
                "id": row.id(), "name": "Acme", "plan": "professional",
                "createdAt": "2024-01-15T10:30:00Z", "updatedAt": "2024-01-15T10:30:00Z",
            })
        );
        assert_eq!(row.organization(), row.api.id);
    }
}

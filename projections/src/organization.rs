//! Organizations.

use aggregates::{
    id::{FileId, Id, OrganizationId},
    organization::{Logo, Plan, event::OrganizationEvent},
    value::Document,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Column, ColumnDef, ReadModel, Recorded, change,
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
    /// The address of its logo; that of an uploaded one is a path of this server (see [`logo_path`]).
    pub logo: Option<String>,
    /// The host name of its interview links.
    pub domain: Option<String>,
    /// Its colour, `#RRGGBB`.
    pub brand_color: Option<String>,
    /// Its plan.
    pub plan: Plan,
    /// Its settings, which scripts and campaigns override.
    pub settings: Document,
    /// When it came into being.
    #[serde(with = "seconds")]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(with = "seconds")]
    pub updated_at: DateTime<Utc>,
}

/// How the path of an uploaded logo begins.
const LOGOS: &str = "/logos/";

/// The path at which an uploaded logo is served. It names the file, so what it shows never changes.
pub fn logo_path(file: FileId) -> String {
    format!("{LOGOS}{file}")
}

impl OrganizationDocument {
    /// The uploaded logo, if there is one.
    pub fn logo_file(&self) -> Option<FileId> {
        self.logo.as_ref().and_then(|logo| logo.strip_prefix(LOGOS)?.parse().ok())
    }
}

impl ReadModel for Organization {
    type Event = OrganizationEvent;
    const PREFIX: &'static str = OrganizationId::PREFIX;
    const TABLE: &'static str = "organizations";
    const COLUMNS: &'static [ColumnDef] =
        &[ColumnDef::text("name"), ColumnDef::text("plan"), ColumnDef::int("created_at"), ColumnDef::int("updated_at")];

    fn fold(row: Option<Self>, event: &Self::Event, recorded: &Recorded) -> Option<Self> {
        let at = whole_seconds(recorded.at);
        match event {
            OrganizationEvent::Created(created) => Some(Self {
                api: OrganizationDocument {
                    id: created.organization_id,
                    name: created.name.clone(),
                    logo: None,
                    domain: None,
                    brand_color: None,
                    plan: created.plan,
                    settings: Document::new(),
                    created_at: at,
                    updated_at: at,
                },
            }),
            OrganizationEvent::Updated(updated) => row.map(|mut row| {
                change::replace(&mut row.api.name, updated.name.as_ref());
                let logo = updated.logo.clone().map(|logo| match logo {
                    Logo::File(file) => logo_path(file),
                    Logo::Url(url) => url,
                });
                logo.apply_to(&mut row.api.logo);
                change::apply(&mut row.api.domain, &updated.domain);
                change::apply(&mut row.api.brand_color, &updated.brand_color);
                change::replace(&mut row.api.settings, updated.settings.as_ref());
                row.api.updated_at = at;
                row
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
    use aggregates::{
        organization::event::{OrganizationCreated, OrganizationUpdated},
        value::Change,
    };
    use serde_json::json;

    use super::*;
    use crate::testing::{folded, id, shown};

    fn created() -> OrganizationEvent {
        OrganizationEvent::Created(OrganizationCreated {
            organization_id: id(1),
            name: "Acme".to_owned(),
            plan: Plan::Professional,
            opening_credits: 50_000,
        })
    }

    #[test]
    fn a_created_organization() {
        let row: Organization = folded(&[created()]).expect("a row");
        assert_eq!(
            shown(&row),
            json!({
                "id": row.id(), "name": "Acme", "logo": null, "domain": null, "brandColor": null,
                "plan": "professional", "settings": {},
                "createdAt": "2024-01-15T10:30:00Z", "updatedAt": "2024-01-15T10:30:00Z",
            })
        );
        assert_eq!(row.organization(), row.api.id);
    }

    #[test]
    fn an_update_changes_what_it_names() {
        let settings = json!({"voice": "echo"}).as_object().cloned();
        let updated = OrganizationEvent::Updated(OrganizationUpdated {
            logo: Change::Set(Logo::File(id(7))),
            brand_color: Change::Set("#AA0000".to_owned()),
            settings,
            ..OrganizationUpdated::default()
        });
        let row: Organization = folded(&[created(), updated.clone()]).expect("a row");
        assert_eq!(row.api.logo, Some(format!("/logos/{}", id::<FileId>(7))));
        assert_eq!(row.api.logo_file(), Some(id(7)));
        let shown = shown(&row);
        assert_eq!((&shown["name"], &shown["brandColor"]), (&json!("Acme"), &json!("#AA0000")));
        assert_eq!(
            (&shown["settings"], &shown["updatedAt"]),
            (&json!({"voice": "echo"}), &json!("2024-01-15T10:30:10Z"))
        );

        let elsewhere = OrganizationEvent::Updated(OrganizationUpdated {
            logo: Change::Set(Logo::Url("https://cdn.example.com/logos/fil_x.png".to_owned())),
            brand_color: Change::Clear,
            ..OrganizationUpdated::default()
        });
        let row: Organization = folded(&[created(), updated, elsewhere]).expect("a row");
        assert_eq!((row.api.logo_file(), row.api.brand_color), (None, None));
    }
}

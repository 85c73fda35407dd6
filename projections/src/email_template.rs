//! Mail templates.

use aggregates::{
    email_template::event::EmailTemplateEvent,
    id::{EmailTemplateId, Id, OrganizationId},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Column, ColumnDef, ReadModel, Recorded, change,
    time::{self, seconds, whole_seconds},
};

/// A mail template's row.
#[derive(Clone, Debug, PartialEq)]
pub struct EmailTemplate {
    /// Its organization.
    pub organization_id: OrganizationId,
    /// What the API shows.
    pub api: EmailTemplateDocument,
}

/// What the API shows of a mail template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmailTemplateDocument {
    /// Its id.
    pub id: EmailTemplateId,
    /// What it is called.
    pub name: String,
    /// Source of the subject.
    pub subject: String,
    /// Source of the text part.
    pub text: String,
    /// Source of the HTML part.
    pub html: String,
    /// The language that it is written in.
    pub language: Option<String>,
    /// When it was created.
    #[serde(with = "seconds")]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(with = "seconds")]
    pub updated_at: DateTime<Utc>,
}

impl ReadModel for EmailTemplate {
    type Event = EmailTemplateEvent;
    const PREFIX: &'static str = EmailTemplateId::PREFIX;
    const TABLE: &'static str = "email_templates";
    const COLUMNS: &'static [ColumnDef] = &[
        ColumnDef::text("name"),
        ColumnDef::text("name_search"),
        ColumnDef::int("created_at"),
        ColumnDef::int("updated_at"),
    ];

    fn fold(row: Option<Self>, event: &Self::Event, recorded: &Recorded) -> Option<Self> {
        let at = whole_seconds(recorded.at);
        match event {
            EmailTemplateEvent::Created(created) => Some(Self {
                organization_id: created.organization_id,
                api: EmailTemplateDocument {
                    id: created.template_id,
                    name: created.name.clone(),
                    subject: created.subject.clone(),
                    text: created.text.clone(),
                    html: created.html.clone(),
                    language: created.language.clone(),
                    created_at: at,
                    updated_at: at,
                },
            }),
            EmailTemplateEvent::Updated(updated) => row.map(|mut row| {
                change::replace(&mut row.api.name, updated.name.as_ref());
                change::replace(&mut row.api.subject, updated.subject.as_ref());
                change::replace(&mut row.api.text, updated.text.as_ref());
                change::replace(&mut row.api.html, updated.html.as_ref());
                change::apply(&mut row.api.language, &updated.language);
                row.api.updated_at = at;
                row
            }),
            EmailTemplateEvent::Deleted(_) => None,
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
        vec![(format!("email_templates/{}", self.organization_id), 1)]
    }

    fn restore(organization: OrganizationId, document: &str, _columns: &[Column]) -> serde_json::Result<Self> {
        Ok(Self { organization_id: organization, api: serde_json::from_str(document)? })
    }
}

#[cfg(test)]
mod tests {
    use aggregates::{
        email_template::event::{EmailTemplateCreated, EmailTemplateDeleted, EmailTemplateUpdated},
        value::Change,
    };
    use serde_json::json;

    use super::*;
    use crate::testing::{folded, id, scopes, shown};

    fn created() -> EmailTemplateEvent {
        EmailTemplateEvent::Created(EmailTemplateCreated {
            template_id: id(3),
            organization_id: id(1),
            name: "Étude".to_owned(),
            subject: "Hi".to_owned(),
            text: "Open {{ link }}".to_owned(),
            html: "<p>{{ link }}</p>".to_owned(),
            language: Some("fr".to_owned()),
        })
    }

    #[test]
    fn an_update_changes_what_it_names() {
        let updated = EmailTemplateUpdated {
            html: Some("<b>{{ link }}</b>".to_owned()),
            language: Change::Clear,
            ..EmailTemplateUpdated::default()
        };
        let row: EmailTemplate = folded(&[created(), EmailTemplateEvent::Updated(updated)]).expect("a row");
        assert_eq!(
            shown(&row),
            json!({
                "id": row.id(), "name": "Étude", "subject": "Hi", "text": "Open {{ link }}",
                "html": "<b>{{ link }}</b>", "language": null,
                "createdAt": "2024-01-15T10:30:00Z", "updatedAt": "2024-01-15T10:30:10Z",
            })
        );
        assert_eq!(row.columns()[1], Column::text("étude"));
        assert_eq!(scopes(&row), [format!("email_templates/{}", row.organization())]);
    }

    #[test]
    fn a_deleted_template_has_no_row() {
        let deleted = EmailTemplateEvent::Deleted(EmailTemplateDeleted {});
        assert_eq!(folded::<EmailTemplate>(&[created(), deleted]), None);
    }
}

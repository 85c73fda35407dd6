//! Scripts.

use aggregates::{
    id::{Id, OrganizationId, ProjectId, ScriptId},
    script::{Question, ScriptContent, ScriptStatus, event::ScriptEvent},
    value::Document,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Column, ColumnDef, ReadModel, Recorded, change,
    time::{self, seconds, whole_seconds},
};

/// A script's row. A deleted script has none.
///
/// The document shows the newest version: the draft if there is one, else the published one. A draft can only end by
/// being published, so an older version never comes back into view and the row needs no other content than the shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// Its organization.
    pub organization_id: OrganizationId,
    /// What the API shows.
    pub api: ScriptDocument,
}

/// What the API shows of a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScriptDocument {
    /// Its id.
    pub id: ScriptId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The project that it belongs to.
    pub project_id: Option<ProjectId>,
    /// Where it stands.
    pub status: ScriptStatus,
    /// The version that the content below belongs to.
    pub version: u32,
    /// The newest published version.
    pub published_version: Option<u32>,
    /// The version that is being written.
    pub draft_version: Option<u32>,
    /// What the interviewer is told to be.
    pub system_prompt: String,
    /// What is asked.
    pub questions: Vec<Question>,
    /// The script's settings.
    pub settings: Document,
    /// What the author says of this version.
    pub changelog: Option<String>,
    /// When it was created.
    #[serde(with = "seconds")]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(with = "seconds")]
    pub updated_at: DateTime<Utc>,
}

impl ScriptDocument {
    fn show(&mut self, content: &ScriptContent) {
        self.system_prompt.clone_from(&content.system_prompt);
        self.questions.clone_from(&content.questions);
        self.settings.clone_from(&content.settings);
    }
}

impl ReadModel for Script {
    type Event = ScriptEvent;
    const PREFIX: &'static str = ScriptId::PREFIX;
    const TABLE: &'static str = "scripts";
    const COLUMNS: &'static [ColumnDef] = &[
        ColumnDef::text("project_id"),
        ColumnDef::text("status"),
        ColumnDef::text("name"),
        ColumnDef::text("name_search"),
        ColumnDef::int("created_at"),
        ColumnDef::int("updated_at"),
    ];

    fn fold(row: Option<Self>, event: &Self::Event, recorded: &Recorded) -> Option<Self> {
        let at = whole_seconds(recorded.at);
        let mut row = match event {
            ScriptEvent::Created(created) => {
                return Some(Self {
                    organization_id: created.organization_id,
                    api: ScriptDocument {
                        id: created.script_id,
                        name: created.name.clone(),
                        description: created.description.clone(),
                        project_id: created.project_id,
                        status: ScriptStatus::Draft,
                        version: 1,
                        published_version: None,
                        draft_version: Some(1),
                        system_prompt: created.content.system_prompt.clone(),
                        questions: created.content.questions.clone(),
                        settings: created.content.settings.clone(),
                        changelog: created.changelog.clone(),
                        created_at: at,
                        updated_at: at,
                    },
                });
            }
            ScriptEvent::Deleted(_) => return None,
            _ => row?,
        };
        let api = &mut row.api;
        match event {
            ScriptEvent::Created(_) | ScriptEvent::Deleted(_) => {}
            ScriptEvent::DetailsChanged(changed) => {
                change::replace(&mut api.name, changed.name.as_ref());
                change::apply(&mut api.description, &changed.description);
                change::apply(&mut api.project_id, &changed.project_id);
            }
            ScriptEvent::DraftOpened(opened) => {
                api.version = opened.version;
                api.draft_version = Some(opened.version);
                api.changelog.clone_from(&opened.changelog);
                api.show(&opened.content);
            }
            ScriptEvent::DraftChanged(changed) => api.show(&changed.content),
            ScriptEvent::Published(published) => {
                api.published_version = Some(published.version);
                api.draft_version = None;
                if api.status == ScriptStatus::Draft {
                    api.status = ScriptStatus::Published;
                }
            }
            ScriptEvent::Archived(_) => api.status = ScriptStatus::Archived,
        }
        api.updated_at = at;
        Some(row)
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
            Column::id(self.api.project_id),
            Column::text(self.api.status.as_str()),
            Column::text(&self.api.name),
            Column::text(self.api.name.to_lowercase()),
            time::column(self.api.created_at),
            time::column(self.api.updated_at),
        ]
    }

    fn groups(&self) -> Vec<(String, i64)> {
        let (organization, status) = (self.organization_id, self.api.status.as_str());
        let mut groups = vec![(format!("scripts/{organization}"), 1), (format!("scripts/{organization}/{status}"), 1)];
        if let Some(project) = self.api.project_id {
            groups.push((format!("scripts/{organization}/project/{project}"), 1));
            groups.push((format!("scripts/{organization}/project/{project}/{status}"), 1));
        }
        groups
    }

    fn restore(organization: OrganizationId, document: &str, _columns: &[Column]) -> serde_json::Result<Self> {
        Ok(Self { organization_id: organization, api: serde_json::from_str(document)? })
    }
}

#[cfg(test)]
mod tests {
    use aggregates::script::event::{
        ScriptArchived, ScriptCreated, ScriptDeleted, ScriptDraftChanged, ScriptDraftOpened, ScriptPublished,
    };
    use serde_json::json;

    use super::*;
    use crate::testing::{folded, id, scopes, shown};

    fn content(system_prompt: &str) -> ScriptContent {
        ScriptContent { system_prompt: system_prompt.to_owned(), ..ScriptContent::default() }
    }

    fn created() -> ScriptEvent {
        ScriptEvent::Created(ScriptCreated {
            script_id: id(4),
            organization_id: id(1),
            name: "Satisfaction".to_owned(),
            description: None,
            project_id: Some(id(3)),
            content: content("one"),
            changelog: None,
        })
    }

    fn published(version: u32) -> ScriptEvent {
        ScriptEvent::Published(ScriptPublished { version })
    }

    fn opened(version: u32) -> ScriptEvent {
        let changelog = Some("Shorter".to_owned());
        ScriptEvent::DraftOpened(ScriptDraftOpened { version, content: content("two"), changelog })
    }

    #[test]
    fn a_new_script_is_the_draft_of_version_1() {
        let row: Script = folded(&[created()]).expect("a row");
        assert_eq!(
            shown(&row),
            json!({
                "id": row.id(), "name": "Satisfaction", "description": null, "projectId": row.api.project_id,
                "status": "draft", "version": 1, "publishedVersion": null, "draftVersion": 1, "systemPrompt": "one",
                "questions": [], "settings": {}, "changelog": null,
                "createdAt": "2024-01-15T10:30:00Z", "updatedAt": "2024-01-15T10:30:00Z",
            })
        );
        let (organization, project) = (row.organization_id, id::<ProjectId>(3));
        assert_eq!(
            scopes(&row),
            [
                format!("scripts/{organization}"),
                format!("scripts/{organization}/draft"),
                format!("scripts/{organization}/project/{project}"),
                format!("scripts/{organization}/project/{project}/draft"),
            ]
        );
    }

    #[test]
    fn the_draft_is_shown_before_the_published_version() {
        let changed = ScriptEvent::DraftChanged(ScriptDraftChanged { content: content("three") });
        let history = [created(), published(1), opened(2), changed, published(2)];
        let seen: Vec<_> = (1..=history.len())
            .map(|n| {
                let api = folded::<Script>(&history[..n]).expect("a row").api;
                (api.status.as_str(), api.version, api.published_version, api.draft_version, api.system_prompt)
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("draft", 1, None, Some(1), "one".to_owned()),
                ("published", 1, Some(1), None, "one".to_owned()),
                ("published", 2, Some(1), Some(2), "two".to_owned()),
                ("published", 2, Some(1), Some(2), "three".to_owned()),
                ("published", 2, Some(2), None, "three".to_owned()),
            ]
        );
    }

    #[test]
    fn an_archived_script_stays_and_a_deleted_one_goes() {
        let archived = ScriptEvent::Archived(ScriptArchived {});
        let row: Script = folded(&[created(), published(1), archived.clone()]).expect("a row");
        assert_eq!(row.api.status, ScriptStatus::Archived);
        let deleted = ScriptEvent::Deleted(ScriptDeleted {});
        assert_eq!(folded::<Script>(&[created(), published(1), archived, deleted]), None);
    }
}

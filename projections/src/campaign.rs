//! Campaigns.

use aggregates::{
    campaign::{
        CampaignStatus,
        event::{CampaignCreated, CampaignEvent, CampaignUpdated},
    },
    id::{CampaignId, Id, OrganizationId, ProjectId, ScriptId},
    value::{Document, Metadata, settings},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Column, ColumnDef, ReadModel, Recorded, change,
    column::Stored,
    time::{self, seconds, whole_seconds},
};

/// A campaign's row.
#[derive(Clone, Debug, PartialEq)]
pub struct Campaign {
    /// Its organization.
    pub organization_id: OrganizationId,
    /// What its settings are made of, since the document shows the merged result only.
    pub layers: SettingsLayers,
    /// What the API shows.
    pub api: CampaignDocument,
}

/// The two layers of a campaign's settings, kept so that a change of one can be merged with the other again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingsLayers {
    /// What applied before the campaign's own settings: defaults < organization < script (contract 16).
    pub inherited: Document,
    /// The campaign's own settings, which win.
    pub own: Document,
}

impl SettingsLayers {
    fn merged(&self) -> Document {
        settings::resolve(&[&self.inherited, &self.own])
    }

    /// As the column keeps them. Maps with text keys can always be written; the fallback only keeps this total.
    fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What the API shows of a campaign, without `stats`, which are counters and are spliced in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CampaignDocument {
    /// Its id.
    pub id: CampaignId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The script.
    pub script_id: ScriptId,
    /// The version of the script that it is pinned to.
    pub script_version: u32,
    /// The project that it belongs to.
    pub project_id: Option<ProjectId>,
    /// Where it stands.
    pub status: CampaignStatus,
    /// The settings in force: inherited ones with its own on top.
    pub settings: Document,
    /// Defaults for its invites.
    pub invite_defaults: Document,
    /// The customer's own keys.
    pub metadata: Metadata,
    /// When it was created.
    #[serde(with = "seconds")]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(with = "seconds")]
    pub updated_at: DateTime<Utc>,
}

impl Campaign {
    fn created(event: &CampaignCreated, at: DateTime<Utc>) -> Self {
        let layers = SettingsLayers { inherited: event.inherited_settings.clone(), own: event.settings.clone() };
        Self {
            organization_id: event.organization_id,
            api: CampaignDocument {
                id: event.campaign_id,
                name: event.name.clone(),
                description: event.description.clone(),
                script_id: event.script_id,
                script_version: event.script_version,
                project_id: event.project_id,
                status: CampaignStatus::Active,
                settings: layers.merged(),
                invite_defaults: event.invite_defaults.clone(),
                metadata: event.metadata.clone(),
                created_at: at,
                updated_at: at,
            },
            layers,
        }
    }

    fn update(&mut self, event: &CampaignUpdated) {
        change::replace(&mut self.api.name, event.name.as_ref());
        change::apply(&mut self.api.description, &event.description);
        change::apply(&mut self.api.project_id, &event.project_id);
        if let Some(own) = &event.settings {
            self.layers.own = own.clone();
            self.api.settings = self.layers.merged();
        }
        change::replace(&mut self.api.invite_defaults, event.invite_defaults.as_ref());
        change::replace(&mut self.api.metadata, event.metadata.as_ref());
    }

    /// Whether its script must not be deleted.
    fn uses_script(&self) -> bool {
        matches!(self.api.status, CampaignStatus::Active | CampaignStatus::Paused)
    }
}

impl ReadModel for Campaign {
    type Event = CampaignEvent;
    const PREFIX: &'static str = CampaignId::PREFIX;
    const TABLE: &'static str = "campaigns";
    const COLUMNS: &'static [ColumnDef] = &[
        ColumnDef::text("project_id"),
        ColumnDef::text("script_id"),
        ColumnDef::text("status"),
        ColumnDef::text("name"),
        ColumnDef::text("name_search"),
        ColumnDef::text("layers"),
        ColumnDef::int("created_at"),
        ColumnDef::int("updated_at"),
    ];

    fn fold(row: Option<Self>, event: &Self::Event, recorded: &Recorded) -> Option<Self> {
        let at = whole_seconds(recorded.at);
        let mut row = match event {
            CampaignEvent::Created(created) => return Some(Self::created(created, at)),
            _ => row?,
        };
        match event {
            CampaignEvent::Created(_) => {}
            CampaignEvent::Updated(updated) => row.update(updated),
            CampaignEvent::Paused(_) => row.api.status = CampaignStatus::Paused,
            CampaignEvent::Resumed(_) => row.api.status = CampaignStatus::Active,
            CampaignEvent::Archived(_) => row.api.status = CampaignStatus::Archived,
        }
        row.api.updated_at = at;
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
            Column::id(Some(self.api.script_id)),
            Column::text(self.api.status.as_str()),
            Column::text(&self.api.name),
            Column::text(self.api.name.to_lowercase()),
            Column::text(self.layers.to_text()),
            time::column(self.api.created_at),
            time::column(self.api.updated_at),
        ]
    }

    fn groups(&self) -> Vec<(String, i64)> {
        let (organization, status) = (self.organization_id, self.api.status.as_str());
        let mut groups =
            vec![(format!("campaigns/{organization}"), 1), (format!("campaigns/{organization}/{status}"), 1)];
        if let Some(project) = self.api.project_id {
            groups.push((format!("campaigns/{organization}/project/{project}"), 1));
            groups.push((format!("campaigns/{organization}/project/{project}/{status}"), 1));
        }
        groups.push((format!("campaigns/script/{}", self.api.script_id), 1));
        if self.uses_script() {
            groups.push((format!("campaigns/script/{}/live", self.api.script_id), 1));
        }
        groups
    }

    fn restore(organization: OrganizationId, document: &str, columns: &[Column]) -> serde_json::Result<Self> {
        let stored = Stored::new(Self::COLUMNS, columns);
        Ok(Self {
            organization_id: organization,
            layers: serde_json::from_str(stored.present_text("layers")?)?,
            api: serde_json::from_str(document)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use aggregates::{
        campaign::event::{CampaignArchived, CampaignPaused, CampaignResumed},
        value::Change,
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{folded, id, scopes, shown};

    fn document(value: Value) -> Document {
        value.as_object().cloned().expect("an object")
    }

    fn created() -> CampaignEvent {
        CampaignEvent::Created(CampaignCreated {
            campaign_id: id(5),
            organization_id: id(1),
            name: "Q1 Feedback".to_owned(),
            description: None,
            script_id: id(4),
            script_version: 2,
            project_id: Some(id(3)),
            inherited_settings: document(json!({"language": "en", "voice": "alloy"})),
            settings: document(json!({"voice": "echo", "own": 1.5})),
            invite_defaults: document(json!({"expiresIn": "7d"})),
            metadata: Metadata::default(),
        })
    }

    #[test]
    fn a_new_campaign_shows_its_settings_merged() {
        let row: Campaign = folded(&[created()]).expect("a row");
        assert_eq!(
            shown(&row),
            json!({
                "id": row.id(), "name": "Q1 Feedback", "description": null, "scriptId": row.api.script_id,
                "scriptVersion": 2, "projectId": row.api.project_id, "status": "active",
                "settings": {"language": "en", "voice": "echo", "own": 1.5}, "inviteDefaults": {"expiresIn": "7d"},
                "metadata": {}, "createdAt": "2024-01-15T10:30:00Z", "updatedAt": "2024-01-15T10:30:00Z",
            })
        );
    }

    #[test]
    fn a_setting_that_is_taken_back_is_inherited_again() {
        let updated = CampaignUpdated { settings: Some(document(json!({"own": 1.5}))), ..CampaignUpdated::default() };
        let row: Campaign = folded(&[created(), CampaignEvent::Updated(updated)]).expect("a row");
        assert_eq!(shown(&row)["settings"], json!({"language": "en", "voice": "alloy", "own": 1.5}));
    }

    #[test]
    fn a_campaign_counts_by_status_project_and_script() {
        let (organization, project, script) = (id::<OrganizationId>(1), id::<ProjectId>(3), id::<ScriptId>(4));
        let expected = |status: &str, assigned: bool, live: bool| {
            let mut scopes = vec![format!("campaigns/{organization}"), format!("campaigns/{organization}/{status}")];
            if assigned {
                scopes.push(format!("campaigns/{organization}/project/{project}"));
                scopes.push(format!("campaigns/{organization}/project/{project}/{status}"));
            }
            scopes.push(format!("campaigns/script/{script}"));
            scopes.extend(live.then(|| format!("campaigns/script/{script}/live")));
            scopes
        };
        let history = [
            created(),
            CampaignEvent::Paused(CampaignPaused {}),
            CampaignEvent::Resumed(CampaignResumed {}),
            CampaignEvent::Archived(CampaignArchived {}),
            CampaignEvent::Updated(CampaignUpdated { project_id: Change::Clear, ..CampaignUpdated::default() }),
        ];
        let seen = |n: usize| scopes(&folded::<Campaign>(&history[..n]).expect("a row"));
        assert_eq!(seen(1), expected("active", true, true));
        assert_eq!(seen(2), expected("paused", true, true));
        assert_eq!(seen(3), expected("active", true, true));
        assert_eq!(seen(4), expected("archived", true, false));
        assert_eq!(seen(5), expected("archived", false, false));
    }
}

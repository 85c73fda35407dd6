//! The script's state and rules.

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Entity, FieldError,
    id::{OrganizationId, ProjectId, ScriptId},
    script::{
        NewVersion, ScriptArchived, ScriptCommand, ScriptContent, ScriptCreated, ScriptDeleted, ScriptDetailsChanged,
        ScriptDraftChanged, ScriptDraftOpened, ScriptError, ScriptEvent, ScriptPatch, ScriptPublished,
    },
    value::{Change, Document, Validator, merge_patch, settings},
};

/// A script, as far as its rules need to know, which includes all that its versions say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Script {
    /// Its id, once it was created.
    pub id: Option<ScriptId>,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The project that it belongs to.
    pub project_id: Option<ProjectId>,
    /// All versions, the oldest first. Only the last one can be a draft.
    pub versions: Vec<Version>,
    /// Whether it takes no more changes.
    pub archived: bool,
    /// Whether it is gone.
    pub deleted: bool,
}

/// One version of a script.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// 1, 2, 3, …
    pub number: u32,
    /// What it says.
    pub content: ScriptContent,
    /// What its author says of it.
    pub changelog: Option<String>,
    /// Whether it is frozen and may be used.
    pub published: bool,
}

/// Where a script stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptStatus {
    /// No version has been published.
    Draft,
    /// A version can be used by campaigns.
    Published,
    /// Kept for the record.
    Archived,
}

impl ScriptStatus {
    /// The names in the API.
    pub const NAMES: [(&'static str, Self); 3] =
        [("draft", Self::Draft), ("published", Self::Published), ("archived", Self::Archived)];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Archived => "archived",
        }
    }
}

/// A published version, as a campaign refers to it. Only [`Script::pin`] makes one, so that no campaign can be created on
/// anything else.
#[derive(Clone, Debug, PartialEq)]
pub struct PinnedScript {
    script_id: ScriptId,
    version: u32,
    settings: Document,
}

impl PinnedScript {
    /// The script.
    pub fn script_id(&self) -> ScriptId {
        self.script_id
    }

    /// The version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What the version sets for its campaigns.
    pub fn settings(&self) -> &Document {
        &self.settings
    }
}

impl Script {
    /// The version that can be edited.
    pub fn draft(&self) -> Option<&Version> {
        self.versions.last().filter(|version| !version.published)
    }

    /// The latest version that can be used.
    pub fn published(&self) -> Option<&Version> {
        self.versions.iter().rev().find(|version| version.published)
    }

    /// The version that is shown unless another one is asked for: the draft, or else the latest published one.
    pub fn current(&self) -> Option<&Version> {
        self.versions.last()
    }

    /// A version by its number.
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// Where the script stands.
    pub fn status(&self) -> ScriptStatus {
        if self.archived {
            ScriptStatus::Archived
        } else if self.published().is_some() {
            ScriptStatus::Published
        } else {
            ScriptStatus::Draft
        }
    }

    /// The version that can be edited now.
    ///
    /// # Errors
    /// [`ScriptError::Archived`]; [`ScriptError::NoDraftToEdit`] where everything is published.
    pub fn editable_draft(&self) -> Result<&Version, ScriptError> {
        if self.archived {
            return Err(ScriptError::Archived);
        }
        self.draft().ok_or(ScriptError::NoDraftToEdit)
    }

    /// The version that a new campaign is to use.
    ///
    /// # Errors
    /// [`ScriptError::NotFound`]; [`ScriptError::NotPublished`] also where the script is archived.
    pub fn pin(&self) -> Result<PinnedScript, ScriptError> {
        let script_id = self.id.filter(|_| !self.deleted).ok_or(ScriptError::NotFound)?;
        let version = self.published().filter(|_| !self.archived).ok_or(ScriptError::NotPublished)?;
        Ok(PinnedScript { script_id, version: version.number, settings: version.content.settings.clone() })
    }

    fn update(&self, patch: ScriptPatch) -> Result<Vec<ScriptEvent>, ScriptError> {
        let current = self.current().ok_or(ScriptError::NotFound)?;
        let content = patched(&current.content, &patch)?;
        // A status that the script has already changes nothing: a client may send back what it has read.
        let status = patch.status.filter(|status| *status != self.status());
        if status.is_some_and(|status| status != ScriptStatus::Archived) {
            let message = "can only be set to archived; use POST /publish to publish the draft";
            return Err(ScriptError::Invalid(vec![FieldError::new("status", "not_allowed", message)]));
        }
        let details = ScriptDetailsChanged {
            name: patch.name.filter(|name| *name != self.name),
            description: patch.description.against(self.description.as_ref()),
            project_id: patch.project_id.against(self.project_id.as_ref()),
        };
        let mut events = Vec::new();
        if details != ScriptDetailsChanged::default() {
            events.push(ScriptEvent::DetailsChanged(details));
        }
        if content != current.content {
            events.push(if current.published {
                let version = current.number.saturating_add(1);
                ScriptEvent::DraftOpened(ScriptDraftOpened { version, content, changelog: None })
            } else {
                ScriptEvent::DraftChanged(ScriptDraftChanged { content })
            });
        }
        if status.is_some() {
            events.push(ScriptEvent::Archived(ScriptArchived {}));
        }
        if self.archived && !events.is_empty() { Err(ScriptError::Archived) } else { Ok(events) }
    }

    fn create_version(&self, new: NewVersion) -> Result<Vec<ScriptEvent>, ScriptError> {
        let current = self.current().ok_or(ScriptError::NotFound)?;
        if self.archived {
            return Err(ScriptError::Archived);
        }
        if self.draft().is_some() {
            return Err(ScriptError::DraftExists);
        }
        let base = current.content.clone();
        let content = ScriptContent {
            system_prompt: new.system_prompt.unwrap_or(base.system_prompt),
            questions: new.questions.unwrap_or(base.questions),
            settings: new.settings.unwrap_or(base.settings),
        };
        let version = current.number.saturating_add(1);
        let opened = ScriptDraftOpened { version, content, changelog: new.changelog };
        Ok(vec![ScriptEvent::DraftOpened(opened)])
    }

    fn publish(&self) -> Result<Vec<ScriptEvent>, ScriptError> {
        if self.archived {
            return Err(ScriptError::Archived);
        }
        let draft = self.draft().ok_or(ScriptError::NoDraft)?;
        Ok(vec![ScriptEvent::Published(ScriptPublished { version: draft.number })])
    }
}

fn patched(content: &ScriptContent, patch: &ScriptPatch) -> Result<ScriptContent, ScriptError> {
    let mut content = content.clone();
    if let Some(prompt) = &patch.system_prompt {
        content.system_prompt.clone_from(prompt);
    }
    if let Some(questions) = &patch.questions {
        content.questions.clone_from(questions);
    }
    match &patch.settings {
        Change::Keep => {}
        Change::Clear => content.settings.clear(),
        Change::Set(change) => merge_patch(&mut content.settings, change),
    }
    let mut validator = Validator::new();
    settings::size(&content.settings, "settings", &mut validator);
    validator.finish(content).map_err(ScriptError::Invalid)
}

impl Entity for Script {
    type Id = ScriptId;

    fn organization_id(&self) -> Option<OrganizationId> {
        self.id.filter(|_| !self.deleted).map(|_| self.organization_id)
    }

    fn decide(&self, command: ScriptCommand) -> Result<Vec<ScriptEvent>, ScriptError> {
        match command {
            ScriptCommand::Create { .. } if self.id.is_some() => Err(ScriptError::AlreadyExists),
            ScriptCommand::Create { script_id, organization_id, script } => {
                Ok(vec![ScriptEvent::Created(ScriptCreated {
                    script_id,
                    organization_id,
                    name: script.name,
                    description: script.description,
                    project_id: script.project_id,
                    content: script.content,
                    changelog: script.changelog,
                })])
            }
            _ if self.organization_id().is_none() => Err(ScriptError::NotFound),
            ScriptCommand::Update(patch) => self.update(patch),
            ScriptCommand::CreateVersion(version) => self.create_version(version),
            ScriptCommand::Publish => self.publish(),
            ScriptCommand::Unassign { project_id } if self.project_id == Some(project_id) => {
                let details = ScriptDetailsChanged { project_id: Change::Clear, ..ScriptDetailsChanged::default() };
                Ok(vec![ScriptEvent::DetailsChanged(details)])
            }
            ScriptCommand::Unassign { .. } => Ok(Vec::new()),
            ScriptCommand::Delete { live_campaigns } if live_campaigns > 0 => Err(ScriptError::InUse),
            ScriptCommand::Delete { .. } => Ok(vec![ScriptEvent::Deleted(ScriptDeleted {})]),
        }
    }
}

impl Aggregate for Script {
    const TYPE: &'static str = "script";
    type Command = ScriptCommand;
    type Event = ScriptEvent;
    type Error = ScriptError;
    type Services = ();

    async fn handle(&mut self, command: ScriptCommand, (): &(), sink: &EventSink<Self>) -> Result<(), ScriptError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ScriptEvent) {
        match event {
            ScriptEvent::Created(created) => {
                self.id = Some(created.script_id);
                self.organization_id = created.organization_id;
                self.name = created.name;
                self.description = created.description;
                self.project_id = created.project_id;
                let (content, changelog) = (created.content, created.changelog);
                self.versions = vec![Version { number: 1, content, changelog, published: false }];
            }
            ScriptEvent::DetailsChanged(changed) => {
                if let Some(name) = changed.name {
                    self.name = name;
                }
                changed.description.apply_to(&mut self.description);
                changed.project_id.apply_to(&mut self.project_id);
            }
            ScriptEvent::DraftOpened(opened) => {
                let (number, content, changelog) = (opened.version, opened.content, opened.changelog);
                self.versions.push(Version { number, content, changelog, published: false });
            }
            ScriptEvent::DraftChanged(changed) => {
                if let Some(draft) = self.versions.last_mut() {
                    draft.content = changed.content;
                }
            }
            ScriptEvent::Published(published) => {
                if let Some(version) = self.versions.iter_mut().find(|version| version.number == published.version) {
                    version.published = true;
                }
            }
            ScriptEvent::Archived(ScriptArchived {}) => self.archived = true,
            ScriptEvent::Deleted(ScriptDeleted {}) => self.deleted = true,
        }
    }
}

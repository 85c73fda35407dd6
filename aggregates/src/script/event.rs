//! What can happen to a script.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    DecodeError, Payload,
    event::events,
    id::{OrganizationId, ProjectId, ScriptId},
    script::ScriptContent,
    value::Change,
};

events! {
    /// Events of a script's stream.
    ScriptEvent {
        /// See [`ScriptCreated`].
        Created(ScriptCreated),
        /// See [`ScriptDetailsChanged`].
        DetailsChanged(ScriptDetailsChanged),
        /// See [`ScriptDraftOpened`].
        DraftOpened(ScriptDraftOpened),
        /// See [`ScriptDraftChanged`].
        DraftChanged(ScriptDraftChanged),
        /// See [`ScriptPublished`].
        Published(ScriptPublished),
        /// See [`ScriptArchived`].
        Archived(ScriptArchived),
        /// See [`ScriptDeleted`].
        Deleted(ScriptDeleted),
    }
}

/// A script was created; its version 1 is a draft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScriptCreated {
    /// The new script.
    pub script_id: ScriptId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The project that it belongs to.
    pub project_id: Option<ProjectId>,
    /// What version 1 says.
    pub content: ScriptContent,
    /// What the author says of version 1.
    pub changelog: Option<String>,
}

impl Payload for ScriptCreated {
    const NAME: &'static str = "script.created";
    const SCHEMA: u16 = 2;

    fn upcast(schema: u16, payload: Value) -> Result<Value, DecodeError> {
        without_media(Self::NAME, schema, payload)
    }
}

/// What is not part of a version changed; what is absent stayed as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScriptDetailsChanged {
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub description: Change<String>,
    /// The new project.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub project_id: Change<ProjectId>,
}

impl Payload for ScriptDetailsChanged {
    const NAME: &'static str = "script.details_changed";
}

/// The next draft version was opened (contract 31).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScriptDraftOpened {
    /// The draft's number.
    pub version: u32,
    /// What it says, whole.
    pub content: ScriptContent,
    /// What the author says of it.
    pub changelog: Option<String>,
}

impl Payload for ScriptDraftOpened {
    const NAME: &'static str = "script.draft_opened";
    const SCHEMA: u16 = 2;

    fn upcast(schema: u16, payload: Value) -> Result<Value, DecodeError> {
        without_media(Self::NAME, schema, payload)
    }
}

/// The draft was edited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScriptDraftChanged {
    /// What the draft says now, whole.
    pub content: ScriptContent,
}

impl Payload for ScriptDraftChanged {
    const NAME: &'static str = "script.draft_changed";
    const SCHEMA: u16 = 2;

    fn upcast(schema: u16, payload: Value) -> Result<Value, DecodeError> {
        without_media(Self::NAME, schema, payload)
    }
}

/// The draft became a published version, frozen for ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScriptPublished {
    /// The number of the version.
    pub version: u32,
}

impl Payload for ScriptPublished {
    const NAME: &'static str = "script.published";
}

/// The script takes no new campaigns and no more changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScriptArchived {}

impl Payload for ScriptArchived {
    const NAME: &'static str = "script.archived";
}

/// The script is gone from the lists; its versions stay in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScriptDeleted {}

impl Payload for ScriptDeleted {
    const NAME: &'static str = "script.deleted";
}

/// Schema 1 knew no media of questions, and a question that says nothing of media has none.
fn without_media(name: &'static str, schema: u16, payload: Value) -> Result<Value, DecodeError> {
    if schema == 1 { Ok(payload) } else { Err(DecodeError::UnknownSchema { name, schema }) }
}

//! What can be asked of a script.

use crate::{
    id::{OrganizationId, ProjectId, ScriptId},
    script::{NewScript, NewVersion, ScriptPatch},
};

/// Commands of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum ScriptCommand {
    /// Creates it, with its version 1 as a draft.
    Create {
        /// The new script.
        script_id: ScriptId,
        /// Its organization.
        organization_id: OrganizationId,
        /// What it is.
        script: NewScript,
    },
    /// Changes its details or its draft, opening one if there is none.
    Update(ScriptPatch),
    /// Opens the next draft.
    CreateVersion(NewVersion),
    /// Freezes the draft and makes it available for campaigns.
    Publish,
    /// Takes it out of a project that is being deleted. An archived script lets that happen too.
    Unassign {
        /// The project; a script of another one stays as it is.
        project_id: ProjectId,
    },
    /// Removes it.
    Delete {
        /// How many active or paused campaigns use it.
        live_campaigns: i64,
    },
}

//! What can be done with scripts.

use aggregates::{
    id::ScriptId,
    script::{NewScript, NewScriptInput, NewVersionInput, Script, ScriptCommand, ScriptPatchInput, import},
    value::Input,
};
use serde_json::Value;

use super::{
    Answer, Command, Stop, Work,
    projects::{check_reference, with_reference},
};
use crate::http::IfMatch;

/// `POST /v1/scripts`.
pub struct CreateScript {
    /// The request's body.
    pub body: Value,
}

impl Command for CreateScript {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let input = NewScriptInput::from_json(&self.body)?;
        let wrong = check_reference(work, input.project_id.as_deref()).await?;
        create(work, with_reference(input.validate(), wrong)?)
    }
}

/// `POST /v1/scripts/import`: a new draft of what an exported file holds (contract 33).
pub struct ImportScript {
    /// The file.
    pub body: Value,
}

impl Command for ImportScript {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        create(work, import(&self.body)?)
    }
}

fn create(work: &mut Work<'_>, script: NewScript) -> Result<Answer, Stop> {
    let id: ScriptId = work.new_id();
    let create = ScriptCommand::Create { script_id: id, organization_id: work.caller().organization, script };
    work.execute::<Script>(id, create)?;
    Ok(Answer::created(format!("/v1/scripts/{id}"), work.document::<Script>(id)?).tagged(tag(work, id)))
}

/// `PATCH /v1/scripts/{scriptId}`.
pub struct UpdateScript {
    /// The script.
    pub id: ScriptId,
    /// The versions that the client is willing to change.
    pub if_match: IfMatch,
    /// The request's body.
    pub body: Value,
}

impl Command for UpdateScript {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Script>(self.id).await?;
        self.if_match.check(work.version::<Script>(self.id).unsigned_abs())?;
        let input = ScriptPatchInput::from_json(&self.body)?;
        let wrong = check_reference(work, input.project_id.as_ref().set().map(String::as_str)).await?;
        let patch = with_reference(input.validate(), wrong)?;
        work.execute::<Script>(self.id, ScriptCommand::Update(patch))?;
        shown(work, self.id)
    }
}

/// `DELETE /v1/scripts/{scriptId}`.
pub struct DeleteScript {
    /// The script.
    pub id: ScriptId,
}

impl Command for DeleteScript {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Script>(self.id).await?;
        // A campaign that is created meanwhile moves the counter, so one of the two runs again.
        let live_campaigns = work.counter(format!("campaigns/script/{}/live", self.id)).await?;
        work.execute::<Script>(self.id, ScriptCommand::Delete { live_campaigns })?;
        Ok(Answer::no_content())
    }
}

/// `POST /v1/scripts/{scriptId}/publish`.
pub struct PublishScript {
    /// The script.
    pub id: ScriptId,
}

impl Command for PublishScript {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Script>(self.id).await?;
        work.execute::<Script>(self.id, ScriptCommand::Publish)?;
        shown(work, self.id)
    }
}

/// `POST /v1/scripts/{scriptId}/versions`.
pub struct CreateScriptVersion {
    /// The script.
    pub id: ScriptId,
    /// The request's body.
    pub body: Value,
}

impl Command for CreateScriptVersion {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Script>(self.id).await?;
        let version = NewVersionInput::from_json(&self.body)?.validate()?;
        work.execute::<Script>(self.id, ScriptCommand::CreateVersion(version))?;
        let number = work.row::<Script>(self.id).map_or(0, |row| row.api.version);
        let location = format!("/v1/scripts/{}?version={number}", self.id);
        Ok(Answer::created(location, work.document::<Script>(self.id)?).tagged(tag(work, self.id)))
    }
}

fn shown(work: &Work<'_>, id: ScriptId) -> Result<Answer, Stop> {
    Ok(Answer::ok(work.document::<Script>(id)?).tagged(tag(work, id)))
}

fn tag(work: &Work<'_>, id: ScriptId) -> String {
    work.version::<Script>(id).to_string()
}

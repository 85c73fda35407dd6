//! What can be done with scripts.

use aggregates::{
    FieldError, Refusal,
    id::{FileId, ScriptId},
    script::{
        Imported, NewScript, NewScriptInput, NewVersionInput, QuestionInput, Script, ScriptCommand, ScriptPatchInput,
        import,
    },
    value::Input,
};

use super::{
    Answer, Command, Sent, Stop, Work, files,
    projects::{check_reference, with_reference},
};
use crate::http::IfMatch;

/// `POST /v1/scripts`.
pub struct CreateScript {
    /// The request's body.
    pub body: Sent,
}

impl Command for CreateScript {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let input = NewScriptInput::from_json(self.body.json()?)?;
        let mut wrong = Vec::from_iter(check_reference(work, input.project_id.as_deref()).await?);
        // A script that does not exist yet has no media.
        wrong.extend(check_media(work, None, &input.questions).await?);
        let id = work.new_id();
        create(work, id, with_reference(input.validate(), wrong)?)
    }
}

/// `POST /v1/scripts/import`: a new draft of what an exported file holds (contract 33).
pub struct ImportScript {
    /// The file.
    pub body: Sent,
}

impl Command for ImportScript {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let Imported { mut script, media } = import(self.body.json()?)?;
        let id = work.new_id();
        let adopted = files::adopt_media(work, id, &media).await?;
        let missing = adopted.iter().enumerate().filter(|(_, id)| id.is_none()).map(|(index, _)| {
            let message = "no media of your organization has this sha256: upload it to any draft script first";
            FieldError::new(format!("media[{index}]"), "not_found", message)
        });
        let missing: Vec<FieldError> = missing.collect();
        if !missing.is_empty() {
            return Err(Refusal::validation(missing).into());
        }
        for question in &mut script.content.questions {
            let new = |old: &FileId| adopted[media.iter().position(|media| media.id == *old)?];
            question.media = question.media.iter().filter_map(new).collect();
        }
        create(work, id, script)
    }
}

/// What is wrong with the media that questions name: they must be the script's own. What is no id at all is told by the
/// validation of the body.
async fn check_media(
    work: &Work<'_>,
    script: Option<ScriptId>,
    questions: &[QuestionInput],
) -> Result<Vec<FieldError>, Stop> {
    let mut named: Vec<(String, FileId)> = Vec::new();
    for (index, question) in questions.iter().enumerate() {
        for (place, id) in question.media.iter().flatten().enumerate() {
            let field = format!("questions[{index}].media[{place}]");
            named.extend(id.parse().ok().map(|id| (field, id)));
        }
    }
    let ids: Vec<FileId> = named.iter().map(|(_, id)| *id).collect();
    let unknown = match script {
        Some(script) => files::not_media_of(work, script, &ids).await?,
        None => ids,
    };
    let wrong = named.into_iter().filter(|(_, id)| unknown.contains(id));
    Ok(wrong.map(|(field, _)| FieldError::new(field, "not_found", "is no media of this script")).collect())
}

fn create(work: &mut Work<'_>, id: ScriptId, script: NewScript) -> Result<Answer, Stop> {
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
    pub body: Sent,
}

impl Command for UpdateScript {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load_expected::<Script>(self.id, &self.if_match).await?;
        let input = ScriptPatchInput::from_json(self.body.json()?)?;
        let project = input.project_id.as_ref().set().map(String::as_str);
        let mut wrong = Vec::from_iter(check_reference(work, project).await?);
        let questions = input.questions.as_ref().set().map(Vec::as_slice);
        wrong.extend(check_media(work, Some(self.id), questions.unwrap_or_default()).await?);
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
        files::delete_files_of(work, &self.id.to_string()).await?;
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
    pub body: Sent,
}

impl Command for CreateScriptVersion {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Script>(self.id).await?;
        let input = NewVersionInput::from_json(self.body.json()?)?;
        let wrong = check_media(work, Some(self.id), input.questions.as_deref().unwrap_or_default()).await?;
        let version = with_reference(input.validate(), wrong)?;
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

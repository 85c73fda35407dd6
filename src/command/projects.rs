//! What can be done with projects.

use aggregates::{
    FieldError, Refusal,
    campaign::{Campaign, CampaignCommand, CampaignPatch},
    id::{CampaignId, ProjectId, ScriptId},
    project::{NewProjectInput, Project, ProjectCommand, ProjectPatchInput},
    script::{Script, ScriptCommand},
    value::{Change, Input},
};

use super::{Answer, Command, Sent, Stop, Work, not_found};
use crate::{
    http::IfMatch,
    store::{Cursor, Filter, PageQuery, Sort},
};

/// Rows asked for at once.
const PAGE: i64 = 500;

/// `POST /v1/projects`.
pub struct CreateProject {
    /// The request's body.
    pub body: Sent,
}

impl Command for CreateProject {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let project = NewProjectInput::from_json(self.body.json()?)?.validate()?;
        let id: ProjectId = work.new_id();
        let create = ProjectCommand::Create { project_id: id, organization_id: work.caller().organization, project };
        work.execute::<Project>(id, create)?;
        Ok(Answer::created(format!("/v1/projects/{id}"), work.document::<Project>(id)?))
    }
}

/// `PATCH /v1/projects/{projectId}`.
pub struct UpdateProject {
    /// The project.
    pub id: ProjectId,
    /// The versions that the client is willing to change.
    pub if_match: IfMatch,
    /// The request's body.
    pub body: Sent,
}

impl Command for UpdateProject {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load_expected::<Project>(self.id, &self.if_match).await?;
        let patch = ProjectPatchInput::from_json(self.body.json()?)?.validate()?;
        work.execute::<Project>(self.id, ProjectCommand::Update(patch))?;
        Ok(Answer::ok(work.document::<Project>(self.id)?).tagged(work.version::<Project>(self.id).to_string()))
    }
}

/// `DELETE /v1/projects/{projectId}`: its campaigns and scripts are unassigned in the same instant (contract 34).
pub struct DeleteProject {
    /// The project.
    pub id: ProjectId,
}

impl Command for DeleteProject {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Project>(self.id).await?;
        self.unassign_campaigns(work).await?;
        self.unassign_scripts(work).await?;
        work.execute::<Project>(self.id, ProjectCommand::Delete)?;
        Ok(Answer::no_content())
    }
}

// What the lists find may be a moment old. But each aggregate that is found is guarded by its version, and the counter
// by how many of them are in the project: if both hold at the commit, there is no other one in it.
impl DeleteProject {
    async fn unassign_campaigns(&self, work: &mut Work<'_>) -> Result<(), Stop> {
        let mut n = 0;
        for id in self.members::<CampaignId>(work, "campaigns").await? {
            if work.load::<Campaign>(id).await?.project_id == Some(self.id) {
                let patch = CampaignPatch { project_id: Change::Clear, ..CampaignPatch::default() };
                work.execute::<Campaign>(id, CampaignCommand::Update(patch))?;
                n += 1;
            }
        }
        self.expect(work, "campaigns", n);
        Ok(())
    }

    async fn unassign_scripts(&self, work: &mut Work<'_>) -> Result<(), Stop> {
        let mut n = 0;
        for id in self.members::<ScriptId>(work, "scripts").await? {
            match work.load::<Script>(id).await {
                Ok(script) if script.project_id == Some(self.id) => {
                    work.execute::<Script>(id, ScriptCommand::Unassign { project_id: self.id })?;
                    n += 1;
                }
                Ok(_) => {}
                // Deleted since the list was read.
                Err(Stop::Refused(refusal)) if refusal == not_found() => {}
                Err(stop) => return Err(stop),
            }
        }
        self.expect(work, "scripts", n);
        Ok(())
    }

    fn expect(&self, work: &mut Work<'_>, table: &str, n: i64) {
        let organization = work.caller().organization;
        work.expect_counter(format!("{table}/{organization}/project/{}", self.id), n);
    }

    async fn members<I: std::str::FromStr>(&self, work: &Work<'_>, table: &'static str) -> Result<Vec<I>, Stop> {
        let organization = work.caller().organization.to_string();
        let mut query = PageQuery {
            table,
            filters: vec![
                Filter::Equals("org_id", organization.clone().into()),
                Filter::Equals("project_id", self.id.to_string().into()),
            ],
            sort: Sort::Id,
            descending: false,
            limit: PAGE,
            offset: 0,
            after: None,
            counter: Some(format!("{table}/{organization}/project/{}", self.id)),
        };
        let mut members = Vec::new();
        loop {
            let page = work.store().page_of(&query).await?;
            members.extend(page.documents.iter().filter_map(|document| document.id.parse().ok()));
            query.after = page.documents.last().map(|document| Cursor::at(document, query.sort));
            if !page.has_more || query.after.is_none() {
                return Ok(members);
            }
        }
    }
}

/// What is wrong with the project that a body names, if something is. That the project stays is checked at the commit.
/// A malformed id is not told here, since the validation of the body does.
///
/// # Errors
/// When the store fails.
pub async fn check_reference(work: &mut Work<'_>, id: Option<&str>) -> Result<Option<FieldError>, Stop> {
    let Some(id) = id.and_then(|id| id.parse().ok()) else { return Ok(None) };
    match work.load::<Project>(id).await {
        Ok(_) => Ok(None),
        Err(Stop::Refused(_)) => Ok(Some(FieldError::new("projectId", "not_found", "does not exist"))),
        Err(stop) => Err(stop),
    }
}

/// What the validation of a body came to, together with what is wrong with references in it, so that all errors are
/// told at once (contract 2).
///
/// # Errors
/// The validation's refusal, or one because of the references, or both as one.
pub fn with_reference<T>(
    checked: Result<T, Refusal>,
    wrong: impl IntoIterator<Item = FieldError>,
) -> Result<T, Refusal> {
    let wrong: Vec<FieldError> = wrong.into_iter().collect();
    match checked {
        checked if wrong.is_empty() => checked,
        Ok(_) => Err(Refusal::validation(wrong)),
        Err(mut refusal) => {
            refusal.fields.extend(wrong);
            Err(refusal)
        }
    }
}

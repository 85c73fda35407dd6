//! What can be done with campaigns.

pub mod stats;

use aggregates::{
    Code, FieldError,
    campaign::{Campaign, CampaignCommand, CampaignPatchInput, NewCampaignInput},
    id::{CampaignId, ProjectId, ScriptId},
    organization::Organization,
    project::Project,
    script::Script,
    value::{Change, Document, Input, with_field_errors},
};
use serde_json::Value;

use self::stats::Stats;
use super::{Answer, Command, Root, Sent, Stop, Work, email_templates::Named};
use crate::http::extract::IfMatch;

/// `POST /v1/campaigns`.
pub struct CreateCampaign {
    /// The request's body.
    pub body: Sent,
}

impl Command for CreateCampaign {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let organization_id = work.caller().organization;
        let organization: Organization = work.load(organization_id).await?;
        let input = NewCampaignInput::from_json(self.body.json()?)?;
        let mut unknown = Vec::new();
        let script: Option<Script> = match input.script_id.parse::<ScriptId>() {
            Ok(id) => named(work, id, "scriptId", &mut unknown).await?,
            Err(_) => None,
        };
        if let Some(id) = input.project_id.as_ref().and_then(|id| id.parse::<ProjectId>().ok()) {
            named::<Project>(work, id, "projectId", &mut unknown).await?;
        }
        unknown.extend(template(work, input.invite_defaults.as_ref()).await?);
        let campaign = with_field_errors(input.validate(), unknown)?;
        // A script that was not found is among the field errors, so there is one here.
        let script = script.ok_or_else(super::not_found)?.pin()?;
        let id: CampaignId = work.new_id();
        let organization_settings = organization.settings;
        let create =
            CampaignCommand::Create { campaign_id: id, organization_id, campaign, script, organization_settings };
        work.execute::<Campaign>(id, create)?;
        answer(work, id, &Stats::default(), |document| Answer::created(format!("/v1/campaigns/{id}"), document))
    }
}

/// `PATCH /v1/campaigns/{campaignId}`.
pub struct UpdateCampaign {
    /// The campaign.
    pub id: CampaignId,
    /// The versions that the client is willing to change.
    pub if_match: IfMatch,
    /// The request's body.
    pub body: Sent,
}

impl Command for UpdateCampaign {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let campaign: Campaign = work.load_expected(self.id, &self.if_match).await?;
        let input = CampaignPatchInput::from_json(self.body.json()?)?;
        let mut unknown = Vec::new();
        if let Change::Set(text) = &input.project_id
            && let Ok(project) = text.parse::<ProjectId>()
            && campaign.project_id != Some(project)
        {
            named::<Project>(work, project, "projectId", &mut unknown).await?;
        }
        if let Change::Set(defaults) = &input.invite_defaults {
            // What is there already may be sent back, even if the template is gone by now.
            let same = defaults.get("emailTemplate") == campaign.invite_defaults.get("emailTemplate");
            unknown.extend(if same { None } else { template(work, Some(defaults)).await? });
        }
        let patch = with_field_errors(input.validate(), unknown)?;
        change(work, self.id, CampaignCommand::Update(patch)).await
    }
}

/// `POST /v1/campaigns/{campaignId}/pause`.
pub struct PauseCampaign {
    /// The campaign.
    pub id: CampaignId,
}

impl Command for PauseCampaign {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Campaign>(self.id).await?;
        change(work, self.id, CampaignCommand::Pause).await
    }
}

/// `POST /v1/campaigns/{campaignId}/resume`.
pub struct ResumeCampaign {
    /// The campaign.
    pub id: CampaignId,
}

impl Command for ResumeCampaign {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Campaign>(self.id).await?;
        change(work, self.id, CampaignCommand::Resume).await
    }
}

/// `POST /v1/campaigns/{campaignId}/archive`.
pub struct ArchiveCampaign {
    /// The campaign.
    pub id: CampaignId,
}

impl Command for ArchiveCampaign {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Campaign>(self.id).await?;
        change(work, self.id, CampaignCommand::Archive).await
    }
}

/// An aggregate that a field of the body names. That there is none is that field's error; that it stays as it is until
/// the commit is guarded, so it cannot be deleted at the same moment.
///
/// # Errors
/// When the store fails.
pub(super) async fn named<A: Root>(
    work: &mut Work<'_>,
    id: A::Id,
    field: &str,
    errors: &mut Vec<FieldError>,
) -> Result<Option<A>, Stop> {
    match work.load::<A>(id).await {
        Ok(found) => Ok(Some(found)),
        Err(Stop::Refused(refusal)) if refusal.code == Code::NotFound => {
            errors.push(FieldError::new(field, "not_found", "does not exist"));
            Ok(None)
        }
        Err(stop) => Err(stop),
    }
}

/// What is wrong with the mail template that the defaults of invites name, if something is.
async fn template(work: &mut Work<'_>, defaults: Option<&Document>) -> Result<Option<FieldError>, Stop> {
    let name = defaults.and_then(|defaults| defaults.get("emailTemplate")).and_then(Value::as_str);
    Named::default().check(work, "inviteDefaults.emailTemplate", name).await
}

async fn change(work: &mut Work<'_>, id: CampaignId, command: CampaignCommand) -> Result<Answer, Stop> {
    work.execute::<Campaign>(id, command)?;
    let counters = work.store().counters(Stats::scopes(&id.to_string()).into()).await?;
    answer(work, id, &Stats::of(&id.to_string(), &counters), Answer::ok)
}

fn answer(
    work: &Work<'_>,
    id: CampaignId,
    stats: &Stats,
    answer: impl FnOnce(String) -> Answer,
) -> Result<Answer, Stop> {
    let document = stats.spliced_into(&work.document::<Campaign>(id)?);
    Ok(answer(document).tagged(stats.tag(work.version::<Campaign>(id))))
}

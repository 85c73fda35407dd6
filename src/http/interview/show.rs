//! `GET /v1/interview/{token}`. It changes nothing: mail scanners follow links too (contract 22).

use std::sync::Arc;

use aggregates::{
    Refusal,
    campaign::{CampaignError, CampaignStatus},
    consent,
    id::InviteId,
    invite::{Invite, InviteError, InviteStatus},
    script::Script,
    session::Session,
};
use axum::{extract::State, response::Response};
use chrono::{DateTime, SecondsFormat, Utc};
use projections::{
    campaign::CampaignDocument,
    invite::{InviteDocument, overdue},
    organization::OrganizationDocument,
    session::SessionDocument,
};
use serde::de::DeserializeOwned;

use super::schema::{
    Interview, InterviewCampaign, InterviewConsent, InterviewInvite, InterviewOrganization, InterviewSession,
    InterviewSpeech,
};
use crate::{
    app::App,
    command::organizations::logo_url,
    http::{ApiError, Token, answer, key_auth::invited},
    store::Document,
};

/// Show an interview to its participant
///
/// The token of the invite's link is the credential. Opening the link starts nothing.
#[utoipa::path(get, path = "/v1/interview/{token}", operation_id = "getInterview", tag = "Interview",
    params(("token" = String, Path, description = "The token of the invite's link.")),
    responses((status = 200, description = "What the participant is invited to.", body = Interview)))]
pub async fn show(State(app): State<Arc<App>>, Token(token): Token) -> Result<Response, ApiError> {
    let row = invited(&app.store, &token).await?;
    let invite: InviteDocument = read(&row)?;
    let campaign: CampaignDocument = load(&app, "campaigns", &invite.campaign_id.to_string()).await?;
    admit(&invite, campaign.status, app.commands.now())?;
    let organization: OrganizationDocument = load(&app, "organizations", &row.organization).await?;
    let pinned =
        |script: &Script| script.version(campaign.script_version).map(|version| version.content.questions.len());
    let script = app.commands.state::<Script>(campaign.script_id, |script| pinned(script).is_some()).await?;
    let total_questions =
        script.as_ref().and_then(pinned).ok_or_else(|| ApiError::internal("a pinned version is gone"))?;
    let base = app.commands.link_base(organization.domain.as_deref());
    let pending = invite.status == InviteStatus::Pending;
    let mut interview = interview(invite, campaign, organization, &base, total_questions);
    if let Some((session, state)) = session(&app, &row).await? {
        // What was fixed when the session was created holds for it, whatever the campaign's settings say by now. Only who may
        // still begin anew is asked under those.
        if !(pending && state.status.is_over()) {
            interview.held_under(&state);
        }
        interview.session = Some(session);
    }
    let (speaker, listener) = (app.interviews.speaker(), app.interviews.listener());
    interview.speech = InterviewSpeech { prompts: speaker.is_some(), answers: listener.is_some() };
    Ok(answer::fresh(answer::ok(serde_json::to_vec(&interview).map_err(ApiError::internal)?)))
}

/// Whether the link still leads anywhere (contract 23). One that has begun still answers, and a finished one so that the page
/// can say so.
fn admit(invite: &InviteDocument, campaign: CampaignStatus, now: DateTime<Utc>) -> Result<(), Refusal> {
    if invite.status == InviteStatus::Cancelled {
        return Err(InviteError::Cancelled.into());
    }
    if invite.status == InviteStatus::Expired || overdue(invite.status, invite.expires_at, now) {
        return Err(InviteError::Expired.into());
    }
    let begun = matches!(invite.status, InviteStatus::Started | InviteStatus::Completed);
    if campaign == CampaignStatus::Archived && !begun {
        return Err(CampaignError::Archived.into());
    }
    Ok(())
}

fn interview(
    invite: InviteDocument,
    campaign: CampaignDocument,
    organization: OrganizationDocument,
    base: &str,
    total_questions: usize,
) -> Interview {
    let setting = |name| campaign.settings.get(name);
    let language = setting("language").and_then(serde_json::Value::as_str).unwrap_or(consent::FALLBACK).to_owned();
    let required = setting("requireConsent").and_then(serde_json::Value::as_bool).unwrap_or(true);
    let texts = consent::texts(&language).into_iter().map(Into::into).collect();
    Interview {
        invite: InterviewInvite {
            status: invite.status.as_str(),
            expires_at: invite.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            name: invite.name,
        },
        campaign: InterviewCampaign { id: campaign.id.to_string(), name: campaign.name },
        organization: InterviewOrganization { logo: logo_url(base, &organization), name: organization.name },
        language,
        total_questions,
        consent: InterviewConsent { required, texts },
        speech: InterviewSpeech { prompts: false, answers: false },
        session: None,
    }
}

impl Interview {
    /// Shows what holds for a session.
    fn held_under(&mut self, session: &Session) {
        self.language.clone_from(&session.terms.language);
        self.total_questions = session.total_questions as usize;
        self.consent = InterviewConsent {
            required: session.terms.require_consent,
            texts: consent::texts(&session.terms.language).into_iter().map(Into::into).collect(),
        };
    }
}

/// The latest session of an invite. Which one that is stands in the log only, since it is nothing that invites are listed by.
async fn session(app: &App, invite: &Document) -> Result<Option<(InterviewSession, Session)>, ApiError> {
    let id: InviteId = invite.id.parse().map_err(ApiError::internal)?;
    let state = app.commands.state::<Invite>(id, |_| false).await?;
    let Some(session) = state.and_then(|invite| invite.session_id) else { return Ok(None) };
    let SessionDocument { id, status, consent, .. } = load(app, "sessions", &session.to_string()).await?;
    let state = app.commands.state::<Session>(id, |state| state.status == status).await?;
    let state = state.ok_or_else(|| ApiError::internal("a session is in no log"))?;
    Ok(Some((InterviewSession { id: id.to_string(), status: status.as_str().to_owned(), consent }, state)))
}

async fn load<T: DeserializeOwned>(app: &App, table: &'static str, id: &str) -> Result<T, ApiError> {
    let found = app.store.document_of_any(table, id).await?;
    read(&found.ok_or_else(|| ApiError::internal(format!("an invite leads to {id}, which is gone")))?)
}

fn read<T: DeserializeOwned>(document: &Document) -> Result<T, ApiError> {
    serde_json::from_str(&document.json).map_err(ApiError::internal)
}

#[cfg(test)]
mod tests {
    use aggregates::{
        Code,
        id::{CampaignId, FileId, InviteId, OrganizationId, ScriptId},
    };
    use projections::organization::logo_path;
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).expect("a time")
    }

    fn invite(status: &str) -> InviteDocument {
        serde_json::from_value(json!({
            "id": InviteId::default(), "campaignId": CampaignId::default(), "email": "jane@example.com",
            "name": "Jane Doe", "status": status, "emailStatus": "sent", "expiresAt": "1970-01-01T00:01:40Z",
            "metadata": {}, "emailTemplate": null, "createdAt": "1970-01-01T00:00:00Z",
            "updatedAt": "1970-01-01T00:00:00Z",
        }))
        .expect("an invite")
    }

    #[test]
    fn a_link_works_until_its_invite_or_campaign_is_over() {
        let code =
            |status: &str, campaign, now| admit(&invite(status), campaign, at(now)).map_err(|refusal| refusal.code);
        let (active, archived) = (CampaignStatus::Active, CampaignStatus::Archived);
        assert_eq!(code("pending", active, 99), Ok(()));
        assert_eq!(code("pending", CampaignStatus::Paused, 99), Ok(()));
        assert_eq!(code("pending", active, 100), Err(Code::InviteExpired));
        assert_eq!(code("expired", active, 99), Err(Code::InviteExpired));
        assert_eq!(code("cancelled", archived, 200), Err(Code::InviteCancelled));
        assert_eq!(code("pending", archived, 99), Err(Code::CampaignNotActive));
        assert_eq!(code("started", active, 200), Ok(()));
        assert_eq!(code("completed", active, 200), Ok(()));
        assert_eq!(code("started", archived, 200), Ok(()), "whoever is in the middle of it is not cut off");
        assert_eq!(code("completed", archived, 200), Ok(()));
    }

    #[test]
    fn the_participant_sees_what_the_contract_names_and_no_address() {
        let campaign = serde_json::from_value(json!({
            "id": CampaignId::default(), "name": "Q1", "description": "internal", "scriptId": ScriptId::default(),
            "scriptVersion": 2, "projectId": null, "status": "active", "settings": {"language": "de-AT"},
            "inviteDefaults": {}, "metadata": {}, "createdAt": "1970-01-01T00:00:00Z",
            "updatedAt": "1970-01-01T00:00:00Z",
        }));
        let organization = serde_json::from_value(json!({
            "id": OrganizationId::default(), "name": "Acme", "logo": logo_path(FileId::default()), "domain": null,
            "brandColor": null, "plan": "free", "settings": {}, "createdAt": "1970-01-01T00:00:00Z",
            "updatedAt": "1970-01-01T00:00:00Z",
        }));
        let (campaign, organization) = (campaign.expect("good"), organization.expect("good"));
        let shown = interview(invite("pending"), campaign, organization, "https://relay.example", 3);
        let shown = serde_json::to_value(shown).expect("JSON");
        let texts: Vec<_> = consent::texts("de")
            .iter()
            .map(|text| {
                json!({
                    "type": text.kind, "version": 1, "locale": "de", "text": text.text, "sha256": text.sha256(),
                })
            })
            .collect();
        assert_eq!(
            shown,
            json!({
                "invite": {"status": "pending", "expiresAt": "1970-01-01T00:01:40Z", "name": "Jane Doe"},
                "campaign": {"id": CampaignId::default(), "name": "Q1"},
                "organization": {
                    "name": "Acme", "logo": format!("https://relay.example{}", logo_path(FileId::default())),
                }, "language": "de-AT", "totalQuestions": 3,
                "consent": {"required": true, "texts": texts}, "speech": {"prompts": false, "answers": false},
                "session": null,
            })
        );
    }
}

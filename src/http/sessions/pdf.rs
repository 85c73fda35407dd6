//! `GET /v1/sessions/{sessionId}/pdf`.

use std::sync::Arc;

use aggregates::{
    id::SessionId,
    script::ScriptContent,
    session::{Device, Session},
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use projections::{campaign::CampaignDocument, organization::OrganizationDocument};
use serde::de::DeserializeOwned;

use super::{schema::PdfQuery, transcript::is_over};
use crate::{
    app::App,
    http::{ApiError, Call, Id, IfNoneMatch, Query, answer::tagged, error::Failure, organization::logo},
    pdf::{self, Brand, Branding, Consent, Draft, Options, Question, Report},
    transcript::session::{conversation, stored_mood},
};

/// Export a session as PDF
///
/// A document for people: what was said, the facts and the consent around it, and insights that are computed from the
/// answers by fixed rules. Labels are in the language of the interview (English, German, French, Spanish, Arabic, Chinese; English
/// elsewhere). The same session gives the same bytes.
#[utoipa::path(get, path = "/v1/sessions/{sessionId}/pdf", operation_id = "exportSessionPdf", tag = "Sessions",
    params(("sessionId" = String, Path, description = "The session's id."), PdfQuery),
    responses(
        (status = 200, description = "The document.", body = Vec<u8>, content_type = "application/pdf"),
        (status = 304, description = "The client has it already."),
        (status = 409, description = "The session is not over yet."),
        (status = 410, description = "The participant's data has been erased."),
        (status = 413, description = "The conversation is too long for a document; its transcript can be fetched."),
    ))]
pub async fn pdf(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<SessionId>,
    mut query: Query,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let place = app.processors.enter().ok_or_else(|| ApiError::unavailable(2))?;
    let found = app.commands.session(id, call.organization()).await?;
    let (snapshot, content) = found.ok_or_else(ApiError::not_found)?;
    let default = Options::default();
    let options = Options {
        insights: query.flag("include_insights").unwrap_or(default.insights),
        timestamps: query.flag("include_timestamps").unwrap_or(default.timestamps),
        sentiment: query.flag("include_sentiment").unwrap_or(default.sentiment),
        branding: query.one_of("branding", &Branding::NAMES).and_then(Branding::named).unwrap_or_default(),
    };
    query.finish()?;
    let session = &snapshot.state;
    let device = snapshot.row.as_ref().and_then(|row| row.api.device.clone()).unwrap_or_default();
    is_over(session)?;
    let organization: OrganizationDocument =
        load(&app, &call, "organizations", &call.organization().to_string()).await?;
    let campaign: CampaignDocument = load(&app, &call, "campaigns", &session.campaign_id.to_string()).await?;
    let logo = match organization.logo_file() {
        Some(file) if options.branding == Branding::Custom => logo::bytes(&app, file).await?,
        _ => None,
    };
    let brand = Brand { colour: organization.brand_color, logo };
    let work = place.work(move || {
        let report = report(&snapshot.state, device, &content, (organization.name, brand), campaign.name);
        let draft = Draft::new(&report, &options)?;
        let tag = draft.tag();
        let document = if known.has(&tag) { None } else { Some(draft.typeset()?) };
        Ok((tag, document))
    });
    let (tag, document) = work.await.map_err(ApiError::internal)?.map_err(failed)?;
    let response = if let Some(document) = document {
        let mut response = Response::new(Body::from(document));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
        let name = format!("attachment; filename=\"interview-{id}.pdf\"");
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::try_from(name).map_err(ApiError::internal)?);
        response
    } else {
        StatusCode::NOT_MODIFIED.into_response()
    };
    let mut response = tagged(response, &tag);
    // The names of campaign and organization, its colour and logo may change, so a client asks each time whether its copy still holds.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

async fn load<D: DeserializeOwned>(app: &App, call: &Call, table: &'static str, id: &str) -> Result<D, ApiError> {
    let row = app.store.document(table, &call.organization().to_string(), id).await?;
    let row = row.ok_or_else(|| ApiError::internal(format!("{table} has no {id}, which a session belongs to")))?;
    serde_json::from_str(&row.json).map_err(ApiError::internal)
}

fn failed(error: pdf::Error) -> ApiError {
    match error {
        pdf::Error::TooLong => ApiError::new(
            Failure::PayloadTooLarge,
            "The conversation is too long for a PDF document. Fetch its transcript instead.",
        ),
        error @ pdf::Error::Failed(_) => ApiError::internal(error),
    }
}

fn report(
    session: &Session,
    device: Device,
    content: &ScriptContent,
    (organization, brand): (String, Brand),
    campaign: String,
) -> Report {
    let consents = session.consents.iter().map(|record| Consent {
        kind: record.kind.as_str().to_owned(),
        granted: record.granted,
        withdrawal: record.withdrawal,
        at: record.at,
        text_version: record.text_version,
        text_sha256: record.text_sha256.clone(),
        locale: record.locale.clone(),
        method: record.method.as_str().to_owned(),
        ip: record.ip.clone(),
    });
    let questions = content.questions.iter();
    Report {
        conversation: conversation(session),
        sentiment: stored_mood(session),
        organization,
        brand,
        campaign,
        started: session.started_at,
        ended: session.ended_at,
        reason: session.end_reason,
        answered: session.questions_answered,
        questions: questions
            .map(|question| Question { id: question.id.clone(), text: question.text.clone() })
            .collect(),
        device: [device.browser, device.os].into_iter().flatten().collect(),
        consents: consents.collect(),
    }
}

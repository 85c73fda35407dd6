//! `GET /v1/sessions/{sessionId}/transcript`.

use std::sync::Arc;

use aggregates::{Code, Refusal, id::SessionId, session::Session};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use super::schema::{Transcript, TranscriptQuery};
use crate::{
    app::App,
    http::{ApiError, Call, Id, IfNoneMatch, Query, answer::tagged},
    transcript::{self, Format, Options, Speaker, session::conversation},
};

/// Get a session's transcript
///
/// A transcript does not change once its session is over, so it may be cached for ever: what was said stays. Only sentiment and key
/// phrases become `null`, under a new `ETag`, when the participant withdraws consent later on. That of an abandoned session
/// is marked as partial.
///
/// Sentiment and key phrases exist for English only, and are `null` elsewhere. Redaction replaces e-mail, web and IP
/// addresses, telephone, card and bank account numbers, and the participant's own name by placeholders such as `[EMAIL]`; it
/// does not know other people's names, nor postal addresses.
#[utoipa::path(get, path = "/v1/sessions/{sessionId}/transcript", operation_id = "getTranscript", tag = "Sessions",
    params(("sessionId" = String, Path, description = "The session's id."), TranscriptQuery),
    responses(
        (status = 200, description = "The transcript.", content(
            (Transcript = "application/json"),
            (String = "text/plain", example = "[00:00:00] AI: How was it?\n[00:00:12] Participant: Great.\n"),
            (String = "application/x-subrip", example = "1\n00:00:00,000 --> 00:00:02,000\nAI: How was it?\n\n"),
            (String = "text/vtt", example = "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n<v AI>How was it?</v>\n"),
        )),
        (status = 304, description = "The client has it already."),
        (status = 409, description = "The session is not over yet."),
        (status = 410, description = "The participant's data has been erased."),
    ))]
pub async fn transcript(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<SessionId>,
    mut query: Query,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let place = app.processors.enter().ok_or_else(|| ApiError::unavailable(2))?;
    let found = app.commands.session(id, call.organization()).await?;
    let (snapshot, _) = found.ok_or_else(ApiError::not_found)?;
    let options = options(&mut query);
    query.finish()?;
    is_over(&snapshot.state)?;
    let work = place.work(move || transcript::render(&conversation(&snapshot.state), &options));
    let body = work.await.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
    let tag = tag(&body);
    let response = if known.has(&tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(options.format.content_type()));
        let name = format!("inline; filename=\"transcript-{id}.{}\"", options.format.extension());
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::try_from(name).map_err(ApiError::internal)?);
        response
    };
    let mut response = tagged(response, &tag);
    let immutable = HeaderValue::from_static("private, max-age=31536000, immutable");
    response.headers_mut().insert(header::CACHE_CONTROL, immutable);
    Ok(response)
}

fn options(query: &mut Query) -> Options {
    let default = Options::default();
    let format = query.one_of("format", &Format::NAMES).and_then(Format::named);
    let speaker = query.one_of("speaker", &["ai", "participant", "all"]);
    Options {
        format: format.unwrap_or_default(),
        sentiment: query.flag("include_sentiment").unwrap_or(default.sentiment),
        keywords: query.flag("include_keywords").unwrap_or(default.keywords),
        redact: query.flag("redact_pii").unwrap_or(default.redact),
        speaker: match speaker {
            Some("ai") => Some(Speaker::Ai),
            Some("participant") => Some(Speaker::Participant),
            _ => None,
        },
    }
}

/// Refuses a session whose transcript still grows, or is gone.
pub(super) fn is_over(session: &Session) -> Result<(), ApiError> {
    if session.is_erased() {
        return Err(Refusal::new(Code::Erased, "The participant's data has been erased.").into());
    }
    if !session.status.is_over() {
        let message = "The transcript is not ready: the interview has not ended yet.";
        return Err(Refusal::new(Code::TranscriptNotReady, message).into());
    }
    Ok(())
}

fn tag(body: &[u8]) -> String {
    Sha256::digest(body)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

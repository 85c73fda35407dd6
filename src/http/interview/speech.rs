//! `GET /v1/interview/{token}/session/speech`.

use std::sync::Arc;

use aggregates::{
    Code, FieldError, Refusal,
    session::{Session, SessionError},
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};

use crate::{
    app::App,
    http::{ApiError, Query, Turn, answer},
};

/// Hear what the interviewer says
///
/// Speaks a line of the interviewer's latest turn, in the campaign's `voice`. Which lines there are, and only those, says the
/// turn; `speech.prompts` of the interview says whether there are voices at all. Clients that are answered 503 have their own.
#[utoipa::path(get, path = "/v1/interview/{token}/session/speech", operation_id = "speakLine", tag = "Interview",
    params(("token" = String, Path, description = "The token of the invite's link."),
        ("utterance" = String, Query, description = "The `utteranceId` of a message or prompt.")),
    responses((status = 200, description = "The line as sound.", body = Vec<u8>, content_type = "audio/mpeg"),
        (status = 503, description = "The line cannot be spoken now. It can still be read.")))]
pub async fn speech(
    State(app): State<Arc<App>>,
    Turn { participant, .. }: Turn,
    mut query: Query,
) -> Result<Response, ApiError> {
    let speaker = app.interviews.speaker().ok_or_else(ApiError::not_found)?;
    let found = app.commands.session(participant.session, participant.organization).await?;
    let session = &found.ok_or_else(ApiError::not_found)?.0.state;
    let utterance = query.text("utterance");
    query.finish()?;
    let Some(utterance) = utterance else {
        let missing = FieldError::new("utterance", "required", "Is required.");
        return Err(ApiError::invalid_request("One or more query parameters are invalid.", vec![missing]));
    };
    admit(session)?;
    let line = session.current_line(&utterance).and_then(|line| line.text.as_deref());
    let spoken = speaker.say(&session.terms.voice, line.ok_or_else(ApiError::not_found)?).await;
    let spoken = spoken.ok_or_else(|| ApiError::unavailable(30).with_detail("reason", "not_spoken"))?;
    let mut response = Response::new(Body::from_stream(spoken.bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(spoken.content_type));
    Ok(answer::fresh(response))
}

/// What was said to somebody who has withdrawn is not given to anybody else any more.
fn admit(session: &Session) -> Result<(), Refusal> {
    if session.is_erased() {
        return Err(SessionError::Erased.into());
    }
    if session.refuses_processing() {
        return Err(Refusal::new(Code::ConsentRequired, "Consent was withdrawn: nothing more is processed."));
    }
    Ok(())
}

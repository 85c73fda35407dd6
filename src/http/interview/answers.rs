//! `POST /v1/interview/{token}/session/answers`.

use std::sync::Arc;

use aggregates::{
    session::{AnswerInput, NewAnswer, Produced},
    value::Input,
};
use axum::{extract::State, response::Response};

use super::schema::{InterviewTurn, NewInterviewAnswer};
use crate::{
    app::App,
    command::{Sent, sessions::AnswerPrompt},
    http::{ApiError, Body, Participant, Turn},
    interview::Moment,
};

/// Answer the current prompt
///
/// `text` answers an open question, `value` a rating (a number), a choice (one of the options) and yes or no (a boolean);
/// `skip` skips what is not required. The same answer under the same `seq` counts once and is answered alike.
#[utoipa::path(post, path = "/v1/interview/{token}/session/answers", operation_id = "answerPrompt", tag = "Interview",
    params(("token" = String, Path, description = "The token of the invite's link.")), request_body = NewInterviewAnswer,
    responses((status = 201, description = "What is said and asked next.", body = InterviewTurn)))]
pub async fn answers(
    State(app): State<Arc<App>>,
    Turn { participant, guest }: Turn,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let produced = produce(&app, &participant, &body).await;
    let answer = AnswerPrompt { session: participant.session, body, spoken: None, produced };
    let response = app.run_for_participant(participant.organization, &guest, &answer).await?;
    app.interviews.heartbeats.note(participant.session, app.commands.now());
    Ok(response)
}

/// The interviewer's words for what follows this answer, if it has words of its own. Whatever stands in the way is for the
/// command to say; this only looks ahead, and another answer may be faster.
pub(super) async fn produce(app: &App, participant: &Participant, body: &Sent) -> Option<Produced> {
    if !app.interviews.interviewer.has_words() {
        return None;
    }
    let answer: NewAnswer = AnswerInput::from_json(body.json().ok()?).ok()?.validate().ok()?;
    let found = app.commands.session(participant.session, participant.organization).await.ok()?;
    let (snapshot, content) = found?;
    let step = snapshot.state.next_step(&answer, &content, app.commands.now()).ok()??;
    app.interviews.word(Moment { session: &snapshot.state, content: &content, answer: &answer, step }).await
}

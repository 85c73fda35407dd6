//! `POST /v1/interview/{token}/session/answers/spoken`.
//!
//! First the recording is stored, with its event, then somebody listens to it, then the words are the answer. So whatever
//! fails on the way, nothing that was said is lost; and a retry finds the recording by its bytes, and the answer by the
//! recording.

use std::sync::Arc;

use aggregates::{
    FieldError, Refusal,
    id::FileId,
    session::{AnswerInput, NewAnswer, Spoken},
    value::Input,
};
use axum::{extract::State, response::Response};
use futures_util::{StreamExt, TryStreamExt, stream};
use projections::file::FileDocument;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    answers::produce,
    schema::{NewSpokenAnswer, SpokenInterviewTurn},
};
use crate::{
    app::{App, PARTICIPANT},
    command::{Caller, files::StoreRecording, sessions::AnswerPrompt},
    files::{Files, upload::session_limit},
    http::{
        ApiError, Guest, Participant, Turn,
        error::Failure,
        files::intake::{Opened, Received, Streamed, is_unused},
    },
    interview::speech::{Heard, MAX_RECORDING, Recording, Speech, is_recording},
};

/// Answer the current prompt aloud
///
/// For open questions, where `speech.answers` of the interview says that somebody listens, and the participant agreed to being
/// recorded. The recording is kept as a file of the session. The same recording under the same `seq` counts once and is
/// answered alike. 503 with `details.reason: "not_transcribed"` means that the recording is kept but its words could not be
/// made out: send the same again, or answer in writing.
#[utoipa::path(post, path = "/v1/interview/{token}/session/answers/spoken", operation_id = "answerPromptAloud",
    tag = "Interview", params(("token" = String, Path, description = "The token of the invite's link.")),
    request_body(content = NewSpokenAnswer, content_type = "multipart/form-data"),
    responses((status = 201, description = "What was heard, and what is said and asked next.", body = SpokenInterviewTurn),
        (status = 503, description = "The recording is kept, but its words could not be made out.")))]
pub async fn spoken(
    State(app): State<Arc<App>>,
    Turn { participant, guest }: Turn,
    request: Streamed,
) -> Result<Response, ApiError> {
    let listener = app.interviews.listener().ok_or_else(ApiError::not_found)?.clone();
    let found = app.commands.session(participant.session, participant.organization).await?;
    // Before a byte of it is taken; the rest, which may change meanwhile, is for the command to say.
    found.ok_or_else(ApiError::not_found)?.0.state.admit_voice().map_err(Refusal::from)?;
    app.interviews.heartbeats.note(participant.session, app.commands.now());
    let most = app.files.sizes.upload.min(MAX_RECORDING);
    let opened = Opened::new(&app, participant.organization, request, most).await?;
    // A task of its own: when the client goes away, an unfinished recording is removed, and a finished one still counts.
    let task = tokio::spawn(async move { take(&app, &listener, opened, participant, guest).await });
    task.await.map_err(ApiError::internal)?
}

/// The limits of a recording: what a session takes, as far as endpoints do, and sound only.
fn recording_limit(files: &Files, content_type: &str) -> Option<u64> {
    let limit = session_limit(files, content_type).map(|limit| limit.min(MAX_RECORDING));
    limit.filter(|_| is_recording(content_type))
}

async fn take(
    app: &App,
    listener: &Speech,
    opened: Opened,
    participant: Participant,
    mut guest: Guest,
) -> Result<Response, ApiError> {
    let organization = participant.organization;
    let received = opened.receive(app, organization, recording_limit, &["promptId", "seq"]).await?;
    let (sha256, key) = (received.content.sha256.clone(), received.content.storage_key.clone());
    let answer = match fields(&received) {
        Ok(answer) => answer,
        Err(error) => {
            app.files.give_up(&app.store, &key).await;
            return Err(error);
        }
    };
    let recording = keep(app, &participant, &guest, received, &answer).await?;
    app.interviews.heartbeats.note(participant.session, app.commands.now());

    let Heard { text, confidence, duration_ms } = heard(app, listener, &participant, recording, &answer).await?;
    let seq = answer.seq.to_string();
    // The same request is the one with the same recording, whatever was heard in it.
    let covered = [answer.prompt_id.as_str(), &seq, &sha256];
    guest.idempotency = guest.idempotency.map(|idempotency| idempotency.covering(&covered));
    let body = json!({"promptId": answer.prompt_id, "seq": answer.seq, "text": text}).into();
    let produced = produce(app, &participant, &body).await;
    let spoken = Some(Spoken { confidence, file_id: Some(recording), duration_ms });
    let command = AnswerPrompt { session: participant.session, body, spoken, produced };
    let response = app.run_for_participant(organization, &guest, &command).await?;
    app.interviews.heartbeats.note(participant.session, app.commands.now());
    Ok(response)
}

/// The form's other parts, read by the rules of a typed answer.
fn fields(received: &Received) -> Result<NewAnswer, ApiError> {
    let mut body = json!({"text": "-"});
    if let Some(prompt) = received.text("promptId") {
        body["promptId"] = prompt.into();
    }
    if let Some(seq) = received.text("seq") {
        // Forms know texts only; what is no number is told as such.
        body["seq"] = seq.trim().parse::<u64>().map_or_else(|_| Value::from(seq), Value::from);
    }
    Ok(AnswerInput::from_json(&body)?.validate()?)
}

/// Writes the file's event, unless the session has the same recording already; answers which file holds it.
async fn keep(
    app: &App,
    participant: &Participant,
    guest: &Guest,
    received: Received,
    answer: &NewAnswer,
) -> Result<FileId, ApiError> {
    #[derive(Deserialize)]
    struct Kept {
        id: FileId,
    }
    let caller = Caller {
        organization: participant.organization,
        actor: PARTICIPANT.to_owned(),
        request_id: guest.request_id.as_str().to_owned(),
    };
    let Received { id, name, content, .. } = received;
    let key = content.storage_key.clone();
    let (session, prompt_id, seq) = (participant.session, answer.prompt_id.clone(), answer.seq);
    let store = StoreRecording { id, session, prompt_id, seq, name, content };
    let outcomes = app.commands.run(&caller, None, &store).await;
    let known = |outcomes: &crate::command::Outcomes| outcomes.result.as_ref().is_ok_and(|answer| answer.status == 200);
    if is_unused(&outcomes) || outcomes.as_ref().is_ok_and(known) {
        app.files.give_up(&app.store, &key).await;
    }
    let answer = outcomes?.result?;
    Ok(serde_json::from_str::<Kept>(&answer.body).map_err(ApiError::internal)?.id)
}

/// What is said in a recording. One that was accepted as this answer before is not listened to again.
async fn heard(
    app: &App,
    listener: &Speech,
    participant: &Participant,
    recording: FileId,
    answer: &NewAnswer,
) -> Result<Heard, ApiError> {
    let found = app.commands.session(participant.session, participant.organization).await?;
    let session = &found.ok_or_else(ApiError::not_found)?.0.state;
    if session.recording_of(answer.seq) == Some(recording) {
        return Ok(Heard { text: "-".to_owned(), confidence: None, duration_ms: None });
    }
    let row = app.store.document_of_any("files", &recording.to_string()).await?.ok_or_else(ApiError::not_found)?;
    let file: FileDocument = serde_json::from_str(&row.json).map_err(ApiError::internal)?;
    // Opened when it is sent: until there is a place for it, it may wait for longer than a connection lasts.
    let (files, key) = (app.files.clone(), row.column("storage_key").text().to_owned());
    let opened = async move {
        let bytes = files.objects.read(&key, 0..file.size).await;
        bytes.inspect_err(|error| tracing::error!(%error, "the file store failed"))
    };
    let bytes = stream::once(opened).try_flatten().boxed();
    let sound = Recording { content_type: file.content_type, size: file.size, bytes };
    let heard = listener.hear(sound, &session.terms.language).await.ok_or_else(|| {
        let message =
            "The recording is kept, but its words could not be made out. Send it again, or answer in writing.";
        ApiError::new(Failure::Unavailable, message).with_retry_after(5).with_detail("reason", "not_transcribed")
    })?;
    if heard.text.is_empty() {
        let silence = FieldError::new("file", "no_speech", "must hold words that can be heard");
        return Err(Refusal::validation(vec![silence]).into());
    }
    Ok(heard)
}

//! `POST /v1/sessions/{sessionId}/heartbeat`.

use std::sync::Arc;

use aggregates::{
    id::SessionId,
    session::{SessionError, SessionStatus},
};
use axum::{extract::State, response::Response};
use projections::session::SessionDocument;

use super::schema::SessionAlive;
use crate::{
    app::App,
    command::{Caller, sessions::RestoreHeartbeat},
    http::{ApiError, Call, Id, NoBody, answer},
    store::Document,
};

/// Keep a session alive
///
/// A running interview that is silent for two minutes is paused; a heartbeat in between prevents that, and one after it
/// resumes. It is no event and is not listed anywhere.
#[utoipa::path(post, path = "/v1/sessions/{sessionId}/heartbeat", operation_id = "heartbeatSession", tag = "Sessions",
    params(("sessionId" = String, Path, description = "The session's id.")),
    responses((status = 200, description = "The session.", body = SessionAlive)))]
pub async fn heartbeat(
    State(app): State<Arc<App>>,
    call: Call,
    Id(session): Id<SessionId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    let caller = Caller {
        organization: call.organization(),
        actor: call.key_id().to_string(),
        request_id: call.request_id.as_str().to_owned(),
    };
    let document = beat(&app, &caller, session).await?;
    let open = document.json.strip_suffix('}').unwrap_or(&document.json);
    let next = app.interviews.next_heartbeat_in();
    Ok(answer::fresh(answer::ok(format!("{open},\"nextHeartbeatIn\":{next}}}"))))
}

/// Notes that a session was heard of, and answers its row after that. A pause that silence has caused is over with it.
pub async fn beat(app: &App, caller: &Caller, session: SessionId) -> Result<Document, ApiError> {
    let (organization, id) = (caller.organization.to_string(), session.to_string());
    let row = async || app.store.document("sessions", &organization, &id).await?.ok_or_else(ApiError::not_found);
    let mut document = row().await?;
    let mut status = status_of(&document)?;
    if status == SessionStatus::Paused {
        // Whether silence was the cause is for the session to say.
        app.commands.run(caller, None, &RestoreHeartbeat { session }).await?.result.map_err(ApiError::from)?;
        document = row().await?;
        status = status_of(&document)?;
    }
    if status.is_over() {
        return Err(aggregates::Refusal::from(SessionError::NotActive(status)).into());
    }
    app.interviews.heartbeats.note(session, app.commands.now());
    Ok(document)
}

fn status_of(document: &Document) -> Result<SessionStatus, ApiError> {
    let session: SessionDocument = serde_json::from_str(&document.json).map_err(ApiError::internal)?;
    Ok(session.status)
}

//! `POST /v1/sessions/{sessionId}/files`.

use std::sync::Arc;

use aggregates::{Refusal, file::FileKind, id::SessionId, value::Validator};
use axum::{extract::State, response::Response};

use super::{
    intake::{Streamed, take},
    schema::{NewSessionFile, SessionFile},
};
use crate::{
    app::App,
    command::files::StoreSessionFile,
    files::upload::session_limit,
    http::{ApiError, Call, Id},
};

/// Upload session file
///
/// A recording, the participant's screen, or anything else that belongs to the session: sound, pictures, films, PDF, plain
/// text. What a file is, is told by its bytes.
#[utoipa::path(post, path = "/v1/sessions/{sessionId}/files", operation_id = "uploadSessionFile", tag = "Sessions",
    params(("sessionId" = String, Path, description = "The session's id.")),
    request_body(content = NewSessionFile, content_type = "multipart/form-data"),
    responses((status = 201, description = "The stored file.", body = SessionFile)))]
pub async fn upload(
    State(app): State<Arc<App>>,
    call: Call,
    Id(session): Id<SessionId>,
    request: Streamed,
) -> Result<Response, ApiError> {
    app.document(&call, "sessions", session).await?;
    let most = app.files.sizes.upload;
    take(app, call, request, (most, session_limit), move |received| {
        let kind = kind(received.text("kind"))?;
        let (name, content) = (received.name.clone(), received.content.clone());
        Ok(StoreSessionFile { id: received.id, session, kind, name, content })
    })
    .await
}

fn kind(sent: Option<&str>) -> Result<FileKind, Refusal> {
    let Some(sent) = sent else { return Ok(FileKind::Attachment) };
    let mut validator = Validator::new();
    let kind = validator.one_of("kind", sent, &FileKind::OF_SESSIONS);
    validator.refuse(kind.unwrap_or(FileKind::Attachment))
}

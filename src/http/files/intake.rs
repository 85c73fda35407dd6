//! From a request that brings a file to the event that says so.

use std::sync::Arc;

use aggregates::{
    FieldError,
    file::{Content, name},
    id::FileId,
};
use axum::{
    extract::{FromRequest, Request},
    response::Response,
};

use super::form::{Form, Part, too_large};
use crate::{
    app::{App, answered},
    command::{self, Command},
    files::upload::{Limit, Refused},
    http::{ApiError, Call, Platform, error::Failure},
};

/// Characters of a part that is not the file.
const MAX_TEXT: usize = 1_000;

/// A request with its body still to come.
pub struct Streamed(Request);

impl<S: Send + Sync> FromRequest<S> for Streamed {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        Ok(Self(request))
    }
}

/// What a form has brought.
pub struct Received {
    /// The id that the file is to have.
    pub id: FileId,
    /// The part `kind`, if there was one.
    pub kind: Option<String>,
    /// What the file is called, cleaned.
    pub name: String,
    /// What is stored.
    pub content: Content,
}

/// Receives the one file of a form, of at most `most` bytes whatever its type, and runs the command that `make` makes
/// of it.
///
/// All of it runs in a task of its own: when the client goes away, the body breaks off, and the task removes what it has
/// written so far; but once the file is complete, the command is not cut off half-way.
pub async fn take<C: Command + 'static>(
    app: Arc<App>,
    call: Call,
    Streamed(request): Streamed,
    (most, limit): (u64, Limit),
    make: impl FnOnce(&Received) -> Result<C, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let idle = request.extensions().get::<Arc<Platform>>().map_or(IDLE, |platform| platform.limits.upload_idle);
    let mut form = Form::open(request, most, idle).await?;
    // Waiting for a place would keep the connection busy for as long as the others' uploads take.
    let room = app.files.enter(call.organization()).ok_or_else(|| ApiError::unavailable(5))?;
    let task = tokio::spawn(async move {
        let _room = room;
        let id = app.commands.new_id();
        let received = match receive(&app, &call, &mut form, id, limit).await {
            Ok(received) => received,
            Err(error) => {
                form.linger().await;
                return Err(error);
            }
        };
        finish(&app, call, received, make).await
    });
    task.await.map_err(ApiError::internal)?
}

/// Should the platform be missing in a request, which it never is.
const IDLE: std::time::Duration = std::time::Duration::from_secs(30);

async fn receive(app: &App, call: &Call, form: &mut Form, id: FileId, limit: Limit) -> Result<Received, ApiError> {
    let mut file: Option<(String, Content)> = None;
    let kind = match read(app, call, form, id, limit, &mut file).await {
        Ok(kind) => kind,
        Err(error) => {
            if let Some((_, content)) = file {
                app.files.give_up(&app.store, &content.storage_key).await;
            }
            return Err(error);
        }
    };
    let (name, content) = file.ok_or_else(|| wrong("file", "required", "Is required: a part with the file."))?;
    Ok(Received { id, kind, name, content })
}

/// Reads all parts; answers the one named `kind`.
async fn read(
    app: &App,
    call: &Call,
    form: &mut Form,
    id: FileId,
    limit: Limit,
    file: &mut Option<(String, Content)>,
) -> Result<Option<String>, ApiError> {
    let mut kind = None;
    while let Some(part) = form.next().await? {
        match part.name().map(str::to_owned).as_deref() {
            None => return Err(wrong("body", "invalid_form", "A part of the form has no name.")),
            Some("file") if file.is_some() => {
                return Err(wrong("file", "duplicate", "May be given once; send each file in a request of its own."));
            }
            Some("file") => *file = Some(read_file(app, call, part, id, limit).await?),
            Some("kind") if kind.is_some() => return Err(wrong("kind", "duplicate", "May be given once.")),
            // What cannot be read as a short text is none of the words that it may be.
            Some("kind") => kind = Some(part.text(MAX_TEXT).await?.unwrap_or_default()),
            // Unknown fields of a body are ignored.
            Some(_) => _ = part.text(MAX_TEXT).await?,
        }
    }
    Ok(kind)
}

async fn read_file(
    app: &App,
    call: &Call,
    mut part: Part<'_>,
    id: FileId,
    limit: Limit,
) -> Result<(String, Content), ApiError> {
    let Some(sent) = part.file_name() else {
        return Err(wrong("file", "invalid_format", "Must be a file with a file name, not a text."));
    };
    let name = name::clean(sent);
    let now = app.commands.now();
    let place = (call.organization(), id);
    match app.files.receive(&app.store, place, now, limit, &mut part).await {
        Ok(content) => Ok((name, content)),
        Err(Refused::TooLarge(limit)) => Err(too_large(limit)),
        Err(Refused::NotAllowed) => {
            let message = "The file is of a type that cannot be stored here, whatever its name and headers say.";
            Err(ApiError::new(Failure::UnsupportedMediaType, message))
        }
        Err(Refused::Empty) => {
            let empty = FieldError::new("file", "too_short", "must not be empty");
            Err(aggregates::Refusal::validation(vec![empty]).into())
        }
        Err(Refused::Broken(error)) => Err(error),
        Err(Refused::Objects(error)) => {
            tracing::error!(%error, "the file store failed");
            Err(ApiError::unavailable(5))
        }
        Err(Refused::Store(error)) => Err(error.into()),
    }
}

async fn finish<C: Command>(
    app: &App,
    mut call: Call,
    received: Received,
    make: impl FnOnce(&Received) -> Result<C, ApiError>,
) -> Result<Response, ApiError> {
    let Received { kind, name, content, .. } = &received;
    let key = content.storage_key.clone();
    // The same request is the one with the same content, not with the same boundary.
    let covered = [kind.as_deref().unwrap_or_default(), name, &content.content_type, &content.sha256];
    call.idempotency = call.idempotency.map(|idempotency| idempotency.covering(&covered));
    let outcomes = match make(&received) {
        Ok(command) => app.outcomes(&call, &command).await,
        Err(error) => {
            app.files.give_up(&app.store, &key).await;
            return Err(error);
        }
    };
    // Bytes that an event speaks of must stay. Where nobody knows whether it was written, the sweep decides later: the
    // event's transaction also ends the upload.
    let unused = match &outcomes {
        Ok(outcomes) => outcomes.result.is_err() || outcomes.replayed.is_some(),
        Err(command::Error::Store(error)) => matches!(
            error,
            crate::store::Error::Overloaded | crate::store::Error::Refused(_) | crate::store::Error::Corrupt(_)
        ),
        Err(command::Error::InProgress | command::Error::KeyReused | command::Error::Contended) => true,
    };
    if unused {
        app.files.give_up(&app.store, &key).await;
    }
    answered(outcomes?)
}

fn wrong(field: &str, code: &str, message: &str) -> ApiError {
    ApiError::invalid_request("The form cannot be used.", vec![FieldError::new(field, code, message)])
}

//! From a request that brings a file to the event that says so.

use std::sync::Arc;

use aggregates::{
    FieldError,
    file::{Content, name},
    id::{FileId, OrganizationId},
};
use axum::{
    extract::{FromRequest, Request},
    response::Response,
};
use futures_util::future::BoxFuture;

use super::form::{Form, Part, too_large};
use crate::{
    app::{App, answered},
    command::{self, Command, Outcomes},
    files::{
        Room,
        upload::{Limit, Refused},
    },
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
    /// What the file is called, cleaned.
    pub name: String,
    /// What is stored.
    pub content: Content,
    texts: Texts,
}

/// The short texts of a form, by the names of their parts.
type Texts = Vec<(&'static str, String)>;

impl Received {
    /// The part with a name, if it was wanted and there was one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str())
    }
}

/// A form whose head is good, with a place among the uploads that a node receives at once.
pub struct Opened {
    form: Form,
    _room: Room,
}

impl Opened {
    /// Looks at the head of a request that brings one file of at most `most` bytes.
    ///
    /// # Errors
    /// As [`Form::open`], and 503 when too many others are being received.
    pub async fn new(
        app: &App,
        organization: OrganizationId,
        Streamed(request): Streamed,
        most: u64,
    ) -> Result<Self, ApiError> {
        let idle = request.extensions().get::<Arc<Platform>>().map_or(IDLE, |platform| platform.limits.upload_idle);
        let form = Form::open(request, most, idle).await?;
        // Waiting for a place would keep the connection busy for as long as the others' uploads take.
        let room = app.files.enter(organization).ok_or_else(|| ApiError::unavailable(5))?;
        Ok(Self { form, _room: room })
    }

    /// Receives the file, whose bytes are durable then, and the texts of the parts named in `wanted`.
    ///
    /// # Errors
    /// What is wrong with the form; then nothing is left of it.
    pub async fn receive(
        mut self,
        app: &App,
        organization: OrganizationId,
        limit: Limit,
        wanted: &[&'static str],
    ) -> Result<Received, ApiError> {
        let id = app.commands.new_id();
        receive(app, (organization, id), &mut self.form, limit, wanted).await
    }
}

/// Receives the one file of a form, of at most `most` bytes whatever its type, and runs the command that `make` makes
/// of it.
///
/// All of it runs in a task of its own: when the client goes away, the body breaks off, and the task removes what it has
/// written so far; but once the file is complete, the command is not cut off half-way.
pub async fn take<C: Command + 'static>(
    app: Arc<App>,
    call: Call,
    request: Streamed,
    limits: (u64, Limit),
    make: impl FnOnce(&Received) -> Result<C, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    take_checked(app, call, request, limits, |_, _| Box::pin(std::future::ready(Ok(()))), make).await
}

/// What must hold of a file that has been received, beyond its type and size.
pub type Check = for<'a> fn(&'a App, &'a Received) -> BoxFuture<'a, Result<(), ApiError>>;

/// The same, for a file that is looked at once more before the command runs.
pub async fn take_checked<C: Command + 'static>(
    app: Arc<App>,
    call: Call,
    request: Streamed,
    (most, limit): (u64, Limit),
    check: Check,
    make: impl FnOnce(&Received) -> Result<C, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let opened = Opened::new(&app, call.organization(), request, most).await?;
    let task = tokio::spawn(async move {
        let received = opened.receive(&app, call.organization(), limit, &["kind"]).await?;
        let made = match check(&app, &received).await {
            Ok(()) => make(&received),
            Err(error) => Err(error),
        };
        finish(&app, call, received, made).await
    });
    task.await.map_err(ApiError::internal)?
}

/// Should the platform be missing in a request, which it never is.
const IDLE: std::time::Duration = std::time::Duration::from_secs(30);

async fn receive(
    app: &App,
    place: (OrganizationId, FileId),
    form: &mut Form,
    limit: Limit,
    wanted: &[&'static str],
) -> Result<Received, ApiError> {
    let mut file: Option<(String, Content)> = None;
    let texts = match read(app, place, form, limit, wanted, &mut file).await {
        Ok(texts) => texts,
        Err(error) => {
            if let Some((_, content)) = file {
                app.files.give_up(&app.store, &content.storage_key).await;
            }
            return Err(error);
        }
    };
    let (name, content) = file.ok_or_else(|| wrong("file", "required", "Is required: a part with the file."))?;
    Ok(Received { id: place.1, name, content, texts })
}

/// Reads all parts; answers the short texts that are wanted.
async fn read(
    app: &App,
    place: (OrganizationId, FileId),
    form: &mut Form,
    limit: Limit,
    wanted: &[&'static str],
    file: &mut Option<(String, Content)>,
) -> Result<Texts, ApiError> {
    let mut texts = Texts::new();
    while let Some(part) = form.next().await? {
        let Some(name) = part.name().map(str::to_owned) else {
            return Err(wrong("body", "invalid_form", "A part of the form has no name."));
        };
        let known = wanted.iter().copied().find(|known| *known == name);
        match known {
            None if name == "file" && file.is_some() => {
                return Err(wrong("file", "duplicate", "May be given once; send each file in a request of its own."));
            }
            None if name == "file" => *file = Some(read_file(app, place, part, limit).await?),
            Some(known) if texts.iter().any(|(other, _)| *other == known) => {
                return Err(wrong(known, "duplicate", "May be given once."));
            }
            // What cannot be read as a short text is nothing that could be wanted.
            Some(known) => texts.push((known, part.text(MAX_TEXT).await?.unwrap_or_default())),
            // Unknown fields of a body are ignored.
            None => _ = part.text(MAX_TEXT).await?,
        }
    }
    Ok(texts)
}

async fn read_file(
    app: &App,
    place: (OrganizationId, FileId),
    mut part: Part<'_>,
    limit: Limit,
) -> Result<(String, Content), ApiError> {
    let Some(sent) = part.file_name() else {
        return Err(wrong("file", "invalid_format", "Must be a file with a file name, not a text."));
    };
    let name = name::clean(sent);
    let now = app.commands.now();
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
    made: Result<C, ApiError>,
) -> Result<Response, ApiError> {
    let Received { name, content, .. } = &received;
    let key = content.storage_key.clone();
    let kind = received.text("kind");
    // The same request is the one with the same content, not with the same boundary.
    let covered = [kind.unwrap_or_default(), name, &content.content_type, &content.sha256];
    call.idempotency = call.idempotency.map(|idempotency| idempotency.covering(&covered));
    let outcomes = match made {
        Ok(command) => app.outcomes(&call, &command).await,
        Err(error) => {
            app.files.give_up(&app.store, &key).await;
            return Err(error);
        }
    };
    if is_unused(&outcomes) {
        app.files.give_up(&app.store, &key).await;
    }
    answered(outcomes?)
}

/// Whether no event speaks of the bytes that a command was run for. Where nobody knows whether it was written, the sweep
/// decides later: the event's transaction also ends the upload.
pub fn is_unused(outcomes: &Result<Outcomes, command::Error>) -> bool {
    match outcomes {
        Ok(outcomes) => outcomes.result.is_err() || outcomes.replayed.is_some(),
        Err(command::Error::Store(error)) => matches!(
            error,
            crate::store::Error::Overloaded | crate::store::Error::Refused(_) | crate::store::Error::Corrupt(_)
        ),
        Err(command::Error::InProgress | command::Error::KeyReused | command::Error::Contended) => true,
    }
}

fn wrong(field: &str, code: &str, message: &str) -> ApiError {
    ApiError::invalid_request("The form cannot be used.", vec![FieldError::new(field, code, message)])
}

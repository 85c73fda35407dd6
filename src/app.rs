//! What the handlers share: the store and the commands that run on it.

use std::sync::Arc;

use aggregates::id::OrganizationId;
use axum::{
    http::{HeaderValue, StatusCode},
    response::Response,
};

use crate::{
    command::{self, Caller, Command, Commands, Mark, Outcomes},
    files::Files,
    http::{ApiError, Call, Guest, answer, events::Streams, idempotency, interview::page::InterviewPage},
    interview::Interviews,
    mail::reports::Desk,
    processors::Processors,
    store::{Document, Store},
    webhooks::Webhooks,
};

/// How participants are named where it is kept who did something.
pub const PARTICIPANT: &str = "participant";
/// How whoever accepts an invitation to an organization is named there.
pub const MEMBER: &str = "member";

/// The application, as handlers see it.
pub struct App {
    /// Runs commands.
    pub commands: Arc<Commands>,
    /// Answers queries.
    pub store: Store,
    /// What an invite's link opens.
    pub interview_page: InterviewPage,
    /// The open streams of events.
    pub streams: Arc<Streams>,
    /// Keeps the bytes of files.
    pub files: Arc<Files>,
    /// What running interviews need.
    pub interviews: Interviews,
    /// Delivers events.
    pub webhooks: Arc<Webhooks>,
    /// Writes transcripts and documents, a few at a time.
    pub processors: Processors,
    /// Reads reports on mails.
    pub mail: Arc<Desk>,
}

impl App {
    /// The caller's document with this id.
    ///
    /// # Errors
    /// 404 when the caller has none.
    pub async fn document(&self, call: &Call, table: &'static str, id: impl ToString) -> Result<Document, ApiError> {
        let found = self.store.document(table, &call.organization().to_string(), &id.to_string()).await?;
        found.ok_or_else(ApiError::not_found)
    }

    /// Runs a command for an HTTP caller and writes its answer.
    ///
    /// # Errors
    /// The refusal or failure of the command, in the API's terms.
    pub async fn run<C: Command>(&self, call: &Call, command: &C) -> Result<Response, ApiError> {
        answered(self.outcomes(call, command).await?)
    }

    /// Runs a command for an HTTP caller, whose handler wants to know what became of it.
    ///
    /// # Errors
    /// When it could not be decided.
    pub async fn outcomes<C: Command>(&self, call: &Call, command: &C) -> Result<Outcomes, command::Error> {
        self.commands.run(&caller(call), call.idempotency.as_ref(), command).await
    }

    /// For what must be done before its command can run: the answer that was given to an earlier request with the same
    /// Idempotency-Key, or else the key's mark, under which no other request with it is let in on this node.
    ///
    /// # Errors
    /// The refusal that was answered, or that the key belongs to another request, or to one that is running.
    pub async fn begin(&self, call: &Call) -> Result<Begun<'_>, ApiError> {
        let mark = self.commands.mark(call.organization(), call.idempotency.as_ref())?;
        let outcomes = self.commands.remembered(call.organization(), call.idempotency.as_ref()).await?;
        Ok(match outcomes {
            Some(outcomes) => Begun::Answered(answered(outcomes)?),
            None => Begun::Marked(mark),
        })
    }

    /// Runs the command of what was begun, and writes its answer.
    ///
    /// # Errors
    /// As [`App::run`].
    pub async fn finish<C: Command>(&self, call: &Call, mark: Mark<'_>, command: &C) -> Result<Response, ApiError> {
        let outcomes = self.commands.run_marked(&caller(call), call.idempotency.as_ref(), &mark, command).await?;
        answered(outcomes)
    }

    /// Runs a command for a participant and writes its answer, which no cache may keep.
    ///
    /// # Errors
    /// As [`App::run`].
    pub async fn run_for_participant<C: Command>(
        &self,
        organization: OrganizationId,
        guest: &Guest,
        command: &C,
    ) -> Result<Response, ApiError> {
        self.run_for_guest(organization, PARTICIPANT, guest, command).await
    }

    /// The same for whoever holds another credential than a key.
    ///
    /// # Errors
    /// As [`App::run`].
    pub async fn run_for_guest<C: Command>(
        &self,
        organization: OrganizationId,
        actor: &str,
        guest: &Guest,
        command: &C,
    ) -> Result<Response, ApiError> {
        let caller = Caller { organization, actor: actor.to_owned(), request_id: guest.request_id.as_str().to_owned() };
        let outcomes = self.commands.run(&caller, guest.idempotency.as_ref(), command).await?;
        Ok(answer::fresh(answered(outcomes)?))
    }
}

/// What [`App::begin`] comes to.
pub enum Begun<'a> {
    /// It was answered before.
    Answered(Response),
    /// It may go on, and ends with [`App::finish`].
    Marked(Mark<'a>),
}

fn caller(call: &Call) -> Caller {
    Caller {
        organization: call.organization(),
        actor: call.key_id().to_string(),
        request_id: call.request_id.as_str().to_owned(),
    }
}

/// Writes the answer to a command.
///
/// # Errors
/// The refusal, in the API's terms.
pub fn answered(Outcomes { result, replayed }: Outcomes) -> Result<Response, ApiError> {
    let answer = result.map_err(|refusal| ApiError::from(refusal).replayed(replayed.clone()))?;
    let status = StatusCode::from_u16(answer.status).map_err(ApiError::internal)?;
    let mut response = match (status, &answer.location) {
        (StatusCode::NO_CONTENT, _) => answer::no_content(),
        (_, Some(location)) => answer::created(location, answer.body),
        _ => answer::json(status, answer.body),
    };
    if let Some(tag) = &answer.etag {
        response = answer::tagged(response, tag);
    }
    if replayed.is_some() {
        response.headers_mut().insert(idempotency::REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

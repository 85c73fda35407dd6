//! What the handlers share: the store and the commands that run on it.

use std::sync::Arc;

use axum::{
    http::{HeaderValue, StatusCode},
    response::Response,
};

use crate::{
    command::{Caller, Command, Commands, Outcomes},
    http::{ApiError, Call, answer, events::Streams, idempotency},
    store::Store,
    webhooks::Webhooks,
};

/// The application, as handlers see it.
pub struct App {
    /// Runs commands.
    pub commands: Arc<Commands>,
    /// Answers queries.
    pub store: Store,
    /// The open streams of events.
    pub streams: Arc<Streams>,
    /// Delivers events.
    pub webhooks: Arc<Webhooks>,
}

impl App {
    /// Runs a command for an HTTP caller and writes its answer.
    ///
    /// # Errors
    /// The refusal or failure of the command, in the API's terms.
    pub async fn run<C: Command>(&self, call: &Call, command: &C) -> Result<Response, ApiError> {
        let outcomes = self.commands.run(&caller(call), call.idempotency.as_ref(), command).await?;
        Self::answer(outcomes)
    }

    /// The answer that was given to an earlier request with the same Idempotency-Key, if there was one: for what must be
    /// done before its command can run.
    ///
    /// # Errors
    /// The refusal that was answered, or that the key belongs to another request.
    pub async fn remembered(&self, call: &Call) -> Result<Option<Response>, ApiError> {
        let outcomes = self.commands.remembered(&caller(call), call.idempotency.as_ref()).await?;
        outcomes.map(Self::answer).transpose()
    }

    fn answer(Outcomes { result, replayed }: Outcomes) -> Result<Response, ApiError> {
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
}

fn caller(call: &Call) -> Caller {
    Caller {
        organization: call.organization(),
        actor: call.key_id().to_string(),
        request_id: call.request_id.as_str().to_owned(),
    }
}

//! Running commands: load what they need, let the aggregates decide, commit events, rows and answer together.
//!
//! A command may run several times. What it has seen is checked when it commits; if another command was faster, it runs
//! again on fresh state. So `execute` must do nothing but work on its [`Work`].

pub mod api_keys;
pub mod campaigns;
pub mod email_templates;
pub mod files;
pub mod invites;
pub mod mail_reports;
pub mod members;
pub mod organizations;
pub mod projects;
pub mod scripts;
pub mod sessions;
pub mod webhooks;

mod replies;
mod sent;
mod work;

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use aggregates::{
    Code, Refusal,
    id::{OrganizationId, ScriptId},
    script::ScriptContent,
    session::{Sentiment, Session},
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

pub use replies::Recorded;
pub use sent::Sent;
pub use work::{Root, Snapshot, Work};

use crate::{
    clock::Clock,
    http::IdempotencyRequest,
    ids::Ids,
    store::{self, Outcome, Store},
    trust::keys::Keys,
};

/// How often a command is tried again on fresh state before the caller is told to. Those of one node take turns, so this is
/// for what other nodes change in the meantime.
const ATTEMPTS: usize = 10;
/// Locks for taking turns; streams and counters share them by hash.
const TURNS: usize = 64;

/// Who asks, as it is kept with each event. It holds no personal data.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Caller {
    /// The organization that is spoken for.
    #[serde(skip)]
    pub organization: OrganizationId,
    /// An API key's id, `administrator`, or the name of a reactor.
    pub actor: String,
    /// The request, for matching with the logs.
    pub request_id: String,
}

/// The answer to a command, as it is sent and remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status of success.
    pub status: u16,
    /// A JSON document, or nothing.
    pub body: String,
    /// Where a new resource lives.
    pub location: Option<String>,
    /// Version tag of the resource, without quotes.
    pub etag: Option<String>,
}

impl Answer {
    /// 201 with the new document.
    pub fn created(location: String, body: impl Into<String>) -> Self {
        Self { status: 201, body: body.into(), location: Some(location), etag: None }
    }

    /// 200 with the document.
    pub fn ok(body: impl Into<String>) -> Self {
        Self { status: 200, body: body.into(), location: None, etag: None }
    }

    /// 204.
    pub fn no_content() -> Self {
        Self { status: 204, body: String::new(), location: None, etag: None }
    }

    /// Adds the version tag of the resource.
    pub fn tagged(mut self, etag: String) -> Self {
        self.etag = Some(etag);
        self
    }
}

/// What a command came to.
#[derive(Clone, Debug)]
pub struct Outcomes {
    /// The answer, or why there is none.
    pub result: Result<Answer, Refusal>,
    /// Set when this is the remembered answer to an earlier request: the id of that request.
    pub replayed: Option<String>,
}

/// Why a command could not be decided at all.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A request with the same Idempotency-Key is still running.
    #[error("a request with this Idempotency-Key is still running")]
    InProgress,
    /// The Idempotency-Key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// Other commands were faster again and again.
    #[error("too many concurrent changes")]
    Contended,
}

/// Why a command's `execute` stopped.
#[derive(Clone, Debug)]
pub enum Stop {
    /// A rule forbids it.
    Refused(Refusal),
    /// The store failed.
    Failed(store::Error),
}

impl<R: Into<Refusal>> From<R> for Stop {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<store::Error> for Stop {
    fn from(error: store::Error) -> Self {
        Self::Failed(error)
    }
}

/// Something that a caller wants done.
pub trait Command: Send + Sync {
    /// Does it within `work`. May be called several times, each time with fresh work.
    fn execute(&self, work: &mut Work<'_>) -> impl Future<Output = Result<Answer, Stop>> + Send;
}

/// Says the mood of what was said in an interview that has ended; it is called within the unit of work that ends it.
pub type Analysis = fn(&Session) -> Option<Sentiment>;

/// Versions of scripts that stay in memory for running interviews.
const CACHED_SCRIPTS: usize = 500;

/// Runs commands.
pub struct Commands {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) keys: Arc<Keys>,
    /// The base of invite links, without a slash at the end.
    pub(crate) public_url: String,
    /// The mood of what was said in an ended interview, if it is known.
    pub(crate) sentiment: Analysis,
    contents: quick_cache::sync::Cache<(ScriptId, u32), Arc<ScriptContent>>,
    cache: work::Cache,
    running: Mutex<HashSet<String>>,
    /// Commands that came too late for the same stream or counter try again one after another: all at once, only one of
    /// them would get further each time.
    turns: [tokio::sync::Mutex<()>; TURNS],
    moods: sessions::Moods,
}

impl Commands {
    /// Runs commands on a store.
    pub fn new(store: Store, clock: Clock, keys: Arc<Keys>, public_url: String) -> Self {
        let ids = Ids::new(clock.clone());
        Self {
            store,
            clock,
            ids,
            keys,
            public_url,
            sentiment: crate::transcript::session::mood,
            contents: quick_cache::sync::Cache::new(CACHED_SCRIPTS),
            cache: work::cache(),
            running: Mutex::default(),
            turns: [const { tokio::sync::Mutex::const_new(()) }; TURNS],
            moods: sessions::moods(),
        }
    }

    /// Sets what says the mood of an ended interview.
    pub fn analysed_by(mut self, sentiment: Analysis) -> Self {
        self.sentiment = sentiment;
        self
    }

    /// Runs a command; with an idempotency key, its effect and its answer happen once (contract 11).
    ///
    /// # Errors
    /// See [`Error`]; then nothing is known to have happened, and the caller may try again.
    pub async fn run<C: Command>(
        &self,
        caller: &Caller,
        idempotency: Option<&IdempotencyRequest>,
        command: &C,
    ) -> Result<Outcomes, Error> {
        let mark = self.mark(caller.organization, idempotency)?;
        self.run_marked(caller, idempotency, &mark, command).await
    }

    /// The same under a mark that was made before.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_marked<C: Command>(
        &self,
        caller: &Caller,
        idempotency: Option<&IdempotencyRequest>,
        mark: &Mark<'_>,
        command: &C,
    ) -> Result<Outcomes, Error> {
        let lookup = &mark.lookup;
        let mut turn = None;
        for attempt in 0..ATTEMPTS {
            // What was cached may be behind what another node has written, so a second try reads everything anew.
            let mut work = Work::new(self, caller, attempt == 0);
            let result = match command.execute(&mut work).await {
                // Guards are checked only where something is written; an answer that changes nothing is checked here.
                Ok(_) if work.changes_nothing() && work.is_stale().await? => continue,
                Ok(answer) => Ok(answer),
                Err(Stop::Failed(error)) => return Err(error.into()),
                Err(Stop::Refused(refusal)) => {
                    if work.is_stale().await? {
                        continue;
                    }
                    work.abandon();
                    Err(refusal)
                }
            };
            let reply = match (idempotency, lookup) {
                (Some(request), Some(lookup)) if replies::is_recorded(&result) => {
                    Some(self.seal_reply(lookup, request, &result, &caller.request_id))
                }
                (Some(request), Some(lookup)) => {
                    // Such a refusal is not remembered, but an earlier answer would go before it.
                    if let Some(sealed) = self.store.reply(lookup, self.clock.now().timestamp_micros()).await? {
                        return self.open_reply(lookup, request, &sealed);
                    }
                    None
                }
                _ => None,
            };
            let mut prepared = work.prepare(reply).await?;
            if prepared.submission.is_empty() {
                return Ok(Outcomes { result, replayed: None });
            }
            match self.store.commit(std::mem::take(&mut prepared.submission)).await? {
                Outcome::Committed { .. } => {
                    prepared.remember(self);
                    return Ok(Outcomes { result, replayed: None });
                }
                Outcome::Stale(names) => {
                    // Whoever has a turn gives it up first, so that nobody waits for a second one with the first in hand.
                    drop(turn.take());
                    turn = Some(self.turn(names.first().map_or("", String::as_str)).lock().await);
                }
                Outcome::SubjectsExist(subjects) => {
                    let organization = caller.organization.to_string();
                    for (lookup, id, wrapped) in subjects {
                        self.store.remember_subject(&organization, lookup, id, &wrapped).await?;
                    }
                }
                Outcome::AlreadyAnswered(sealed) => {
                    if let (Some(request), Some(lookup)) = (idempotency, lookup) {
                        return self.open_reply(lookup, request, &sealed);
                    }
                }
                Outcome::InProgress => return Err(Error::InProgress),
            }
        }
        Err(Error::Contended)
    }

    fn turn(&self, name: &str) -> &tokio::sync::Mutex<()> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        &self.turns[hasher.finish() as usize % TURNS]
    }

    /// Marks an idempotency key as running on this node until the mark is dropped.
    ///
    /// # Errors
    /// [`Error::InProgress`] when it is marked already.
    pub fn mark(
        &self,
        organization: OrganizationId,
        idempotency: Option<&IdempotencyRequest>,
    ) -> Result<Mark<'_>, Error> {
        let lookup = idempotency.map(|request| replies::lookup(organization, &request.key));
        if let Some(lookup) = &lookup
            && !self.running.lock().insert(lookup.clone())
        {
            return Err(Error::InProgress);
        }
        Ok(Mark { commands: self, lookup })
    }

    /// The answer that was given to an earlier request with the same key, if there was one: for what has effects outside
    /// of the log and must not happen again. Who asks holds the key's [`Self::mark`].
    ///
    /// # Errors
    /// [`Error::KeyReused`] and what the store fails with.
    pub async fn remembered(
        &self,
        organization: OrganizationId,
        idempotency: Option<&IdempotencyRequest>,
    ) -> Result<Option<Outcomes>, Error> {
        let Some(request) = idempotency else { return Ok(None) };
        let lookup = replies::lookup(organization, &request.key);
        match self.store.reply(&lookup, self.clock.now().timestamp_micros()).await? {
            Some(sealed) => self.open_reply(&lookup, request, &sealed).map(Some),
            None => Ok(None),
        }
    }

    /// The link that a participant opens; see [`Commands::link_base`].
    pub fn invite_url(base: &str, token: &str) -> String {
        format!("{base}/interview/{token}")
    }

    /// A new identifier.
    pub fn new_id<I: aggregates::id::Id>(&self) -> I {
        self.ids.next()
    }

    /// The present instant.
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now()
    }
}

/// An idempotency key, if there is one, that runs on this node until this is dropped.
pub struct Mark<'a> {
    commands: &'a Commands,
    lookup: Option<String>,
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        if let Some(lookup) = &self.lookup {
            self.commands.running.lock().remove(lookup);
        }
    }
}

/// A refusal because there is no such resource for this caller.
pub fn not_found() -> Refusal {
    Refusal::new(Code::NotFound, "The requested resource does not exist.")
}

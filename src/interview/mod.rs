//! What a running interview needs besides commands: who words what the interviewer says, and who is still there.
//!
//! Which step follows an answer is decided by the session alone ([`Session::next_step`]). An [`Interviewer`] is asked for
//! *words* before the command runs, with a deadline, so a slow or failing one holds no transaction open and costs the
//! participant a short wait at most: without its words the session uses its own phrases. Voices ([`speech`]) are extras.

pub mod heartbeats;
pub mod model;
pub mod speech;

use std::{sync::Arc, time::Duration};

use aggregates::{
    script::ScriptContent,
    session::{NewAnswer, Produced, Session, Step},
};
use futures_util::future::BoxFuture;

use self::{heartbeats::Heartbeats, speech::Speech};
use crate::config::Timeouts;

/// How long an interviewer may think.
pub const DEADLINE: Duration = Duration::from_secs(8);

/// A moment at which the interviewer is going to speak.
#[derive(Clone, Debug)]
pub struct Moment<'a> {
    /// The interview so far: the conversation, the terms, the language.
    pub session: &'a Session,
    /// The script, whose system prompt says how to behave.
    pub content: &'a ScriptContent,
    /// What the participant says now, to the session's current prompt. The session accepts it.
    pub answer: &'a NewAnswer,
    /// What comes next: a follow-up, with its question and the author's guidance, the next question, or the end.
    pub step: Step<'a>,
}

/// Words follow-ups and transitions.
pub trait Interviewer: Send + Sync {
    /// Whether it has words of its own at all. If not, no moment is prepared for it.
    fn has_words(&self) -> bool {
        true
    }

    /// Words for what comes next, with where they come from. None, or words that cannot be said, mean that the session's
    /// own phrases are used. It may be dropped while it waits, once the deadline is over.
    fn word<'a>(&'a self, moment: Moment<'a>) -> BoxFuture<'a, Option<Produced>>;
}

/// The deterministic interviewer: the phrases and rules of [`aggregates::session::interviewer`], which the session itself
/// applies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules;

impl Interviewer for Rules {
    fn has_words(&self) -> bool {
        false
    }

    fn word<'a>(&'a self, _: Moment<'a>) -> BoxFuture<'a, Option<Produced>> {
        Box::pin(std::future::ready(None))
    }
}

/// What all interviews of a node share.
pub struct Interviews {
    /// Who words what is said.
    pub interviewer: Arc<dyn Interviewer>,
    /// Who was heard of.
    pub heartbeats: Arc<Heartbeats>,
    /// When interviews end by themselves.
    pub timeouts: Timeouts,
    /// How long the interviewer may think; [`DEADLINE`] unless told otherwise.
    pub deadline: Duration,
    /// Who speaks and listens, if somebody does.
    pub speech: Option<Arc<Speech>>,
}

impl Default for Interviews {
    fn default() -> Self {
        Self::new(Arc::new(Rules), Timeouts::default())
    }
}

impl Interviews {
    /// Interviews led by an interviewer.
    pub fn new(interviewer: Arc<dyn Interviewer>, timeouts: Timeouts) -> Self {
        Self { interviewer, heartbeats: Arc::default(), timeouts, deadline: DEADLINE, speech: None }
    }

    /// Who speaks, if somebody does.
    pub fn speaker(&self) -> Option<&Arc<Speech>> {
        self.speech.as_ref().filter(|speech| speech.speaks())
    }

    /// Who listens, if somebody does.
    pub fn listener(&self) -> Option<&Arc<Speech>> {
        self.speech.as_ref().filter(|speech| speech.hears())
    }

    /// The interviewer's words for a moment; none when it takes too long.
    pub async fn word(&self, moment: Moment<'_>) -> Option<Produced> {
        let words = tokio::time::timeout(self.deadline, self.interviewer.word(moment)).await;
        words.unwrap_or_else(|_| {
            tracing::warn!("the interviewer took too long; the session's own phrases are used");
            None
        })
    }

    /// The seconds after which the next heartbeat is expected: four may be lost before silence counts.
    pub fn next_heartbeat_in(&self) -> i64 {
        (self.timeouts.heartbeat.num_seconds() / 4).max(1)
    }
}

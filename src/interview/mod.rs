//! What a running interview needs besides commands: who words what the interviewer says, and who is still there.
//!
//! Which step follows an answer is decided by the session alone ([`Session::next_step`]). An [`Interviewer`] is asked for
//! *words* before the command runs, with a deadline, so a slow or failing one holds no transaction open and costs the
//! participant a short wait at most: without its words the session uses its own phrases. Voices ([`speech`]) are extras.

pub mod heartbeats;
pub mod model;
pub mod speech;

use std::{collections::HashSet, sync::Arc, time::Duration};

use aggregates::{
    id::SessionId,
    script::ScriptContent,
    session::{NewAnswer, Produced, Session, Step},
};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use self::{heartbeats::Heartbeats, speech::Speech};
use crate::config::Timeouts;

/// Moments of a node that are worded at the same time; beyond that, sessions use their own phrases.
const AT_ONCE: usize = 256;

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

/// Counts a moment for which there was an interviewer with words of its own, and none of them could be used.
fn fallback(reason: &'static str) {
    metrics::counter!("interviewer_fallbacks_total", "reason" => reason).increment(1);
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
    /// Sessions that the interviewer is thinking about.
    pub thinking: InThought,
    /// Who speaks and listens, if somebody does.
    pub speech: Option<Arc<Speech>>,
}

/// Sessions that an interviewer is thinking about at this moment.
#[derive(Default)]
pub struct InThought(Mutex<HashSet<SessionId>>);

/// Marks a session as thought about, until it is dropped.
struct Thinking<'a>(&'a InThought, SessionId);

impl<'a> Thinking<'a> {
    fn about(sessions: &'a InThought, session: SessionId) -> Option<Self> {
        let mut thinking = sessions.0.lock();
        // The mark must not exist where it was there before: dropping it would lock again, and end another's.
        let entered = thinking.len() < AT_ONCE && thinking.insert(session);
        drop(thinking);
        entered.then(|| Self(sessions, session))
    }
}

impl Drop for Thinking<'_> {
    fn drop(&mut self) {
        self.0.0.lock().remove(&self.1);
    }
}

impl Default for Interviews {
    fn default() -> Self {
        Self::new(Arc::new(Rules), Timeouts::default())
    }
}

impl Interviews {
    /// Interviews led by an interviewer.
    pub fn new(interviewer: Arc<dyn Interviewer>, timeouts: Timeouts) -> Self {
        Self {
            interviewer,
            heartbeats: Arc::default(),
            timeouts,
            deadline: DEADLINE,
            speech: None,
            thinking: InThought::default(),
        }
    }

    /// Who speaks, if somebody does.
    pub fn speaker(&self) -> Option<&Arc<Speech>> {
        self.speech.as_ref().filter(|speech| speech.speaks())
    }

    /// Who listens, if somebody does.
    pub fn listener(&self) -> Option<&Arc<Speech>> {
        self.speech.as_ref().filter(|speech| speech.hears())
    }

    /// The interviewer's words for a moment; none when it takes too long, or is asked too much: once at a time about a session,
    /// however many answers somebody sends at once.
    pub async fn word(&self, moment: Moment<'_>) -> Option<Produced> {
        let Some(_thinking) = Thinking::about(&self.thinking, moment.session.id?) else {
            fallback("busy");
            return None;
        };
        let words = tokio::time::timeout(self.deadline, self.interviewer.word(moment)).await;
        words.unwrap_or_else(|_| {
            tracing::warn!("the interviewer took too long; the session's own phrases are used");
            fallback("deadline");
            None
        })
    }

    /// The seconds after which the next heartbeat is expected: four may be lost before silence counts.
    pub fn next_heartbeat_in(&self) -> i64 {
        (self.timeouts.heartbeat.num_seconds() / 4).max(1)
    }
}

#[cfg(test)]
mod tests {
    use aggregates::id::Id as _;

    use super::*;

    #[test]
    fn one_session_is_thought_about_once_at_a_time_and_a_node_about_few() {
        let sessions = InThought::default();
        let id = |n: u128| SessionId::from_uuid(uuid::Uuid::from_u128(n));
        let first = Thinking::about(&sessions, id(0)).expect("nobody is thought about");
        assert!(Thinking::about(&sessions, id(0)).is_none());
        assert!(Thinking::about(&sessions, id(0)).is_none(), "a refusal ends no other's");
        let others: Vec<_> = (1..1_000).map_while(|n| Thinking::about(&sessions, id(n))).collect();
        assert_eq!(others.len(), AT_ONCE - 1);
        drop(first);
        assert!(Thinking::about(&sessions, id(0)).is_some());
        drop(others);
        assert!(sessions.0.lock().is_empty());
    }
}

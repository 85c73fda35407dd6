//! What belongs to the end of an interview, in the transaction that ends it.

use std::hash::{DefaultHasher, Hash, Hasher};

use aggregates::{
    id::SessionId,
    invite::{Invite, InviteCommand, InviteStatus},
    session::{Sentiment, Session, SessionCommand, SessionStatus},
};

use crate::{
    command::{Stop, Work},
    store,
};

/// Bytes of text that are analysed in passing; more would keep others waiting.
const AT_ONCE: usize = 16 << 10;
/// Analyses that are remembered for the next attempt.
const REMEMBERED: usize = 256;

/// What analyses came to, by session and text, so that a command that runs again does not analyse again.
pub type Moods = quick_cache::sync::Cache<(SessionId, u64), Option<Sentiment>>;

/// Remembers nothing yet.
pub fn moods() -> Moods {
    quick_cache::sync::Cache::new(REMEMBERED)
}

/// After a command that may have ended a session: declares its transcript complete, with the mood of what was said, and
/// completes the invite of a completed interview.
pub(super) async fn conclude(work: &mut Work<'_>, id: SessionId) -> Result<(), Stop> {
    let session: Session = work.load(id).await?;
    if !session.status.is_over() {
        return Ok(());
    }
    if session.owes_transcript() {
        let sentiment = mood(work, id, &session).await?;
        work.execute::<Session>(id, SessionCommand::ReadyTranscript { sentiment, now: work.now() })?;
    }
    if session.status == SessionStatus::Completed {
        let invite: Invite = work.load(session.invite_id).await?;
        if invite.status == InviteStatus::Started && invite.session_id == Some(id) {
            work.execute::<Invite>(session.invite_id, InviteCommand::Complete { session_id: id })?;
        }
    }
    Ok(())
}

/// The mood of what was said. A long conversation is analysed on a thread that may be kept busy.
async fn mood(work: &Work<'_>, id: SessionId, session: &Session) -> Result<Option<Sentiment>, Stop> {
    let (moods, analysis) = (&work.commands().moods, work.commands().sentiment);
    if session.said <= AT_ONCE || session.withdrawn {
        return Ok(analysis(session));
    }
    let mut hasher = DefaultHasher::new();
    session.utterances().iter().for_each(|said| said.text.hash(&mut hasher));
    let key = (id, hasher.finish());
    if let Some(known) = moods.get(&key) {
        return Ok(known);
    }
    let session = session.clone();
    let mood = tokio::task::spawn_blocking(move || analysis(&session)).await;
    let mood = mood.map_err(|error| store::Error::Corrupt(format!("an analysis failed: {error}")))?;
    moods.insert(key, mood);
    Ok(mood)
}

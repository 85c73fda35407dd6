//! What belongs to the end of an interview, in the transaction that ends it.

use aggregates::{
    id::SessionId,
    invite::{Invite, InviteCommand, InviteStatus},
    session::{Session, SessionCommand, SessionStatus},
};

use crate::command::{Stop, Work};

/// After a command that may have ended a session: declares its transcript complete, with the mood of what was said, and
/// completes the invite of a completed interview.
pub(super) async fn conclude(work: &mut Work<'_>, id: SessionId) -> Result<(), Stop> {
    let session: Session = work.load(id).await?;
    if !session.status.is_over() {
        return Ok(());
    }
    if session.owes_transcript() {
        let sentiment = (work.commands().sentiment)(&session);
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

//! Which files a session takes.

use crate::{
    Code, Refusal,
    file::FileKind,
    session::{EndReason, Session},
    value::Email,
};

/// Whether a session takes a file of a kind now, and whose data the file is then.
///
/// Whatever its state is otherwise, a session takes files: recordings are often uploaded after the end.
///
/// # Errors
/// [`Code::ConsentRequired`] once consent was withdrawn, and for pictures and sound where recording was refused (contract
/// 27); [`Code::Erased`] where the participant is erased.
pub fn admit(session: &Session, kind: FileKind) -> Result<Email, Refusal> {
    let Some(participant) = &session.participant else {
        return Err(Refusal::new(Code::Erased, "The participant of this session has been erased."));
    };
    if session.end_reason == Some(EndReason::ConsentWithdrawn) {
        return Err(Refusal::new(Code::ConsentRequired, "Consent was withdrawn: nothing more is accepted."));
    }
    if session.recording == Some(false) && matches!(kind, FileKind::Recording | FileKind::Screen) {
        return Err(Refusal::new(Code::ConsentRequired, "The participant does not consent to being recorded."));
    }
    Ok(participant.email.clone())
}

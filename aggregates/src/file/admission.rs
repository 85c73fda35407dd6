//! Which files a session takes.

use crate::{Code, Refusal, file::FileKind, session::Session, value::Email};

/// Whether a session takes a file of a kind and media type now, and whose data the file is then.
///
/// Whatever its state is otherwise, a session takes files: recordings are often uploaded after the end.
///
/// # Errors
/// [`Code::ConsentRequired`] once consent was withdrawn, and for whatever could be a recording where nobody agreed to being
/// recorded (contract 27); [`Code::Erased`] where the participant is erased.
pub fn admit(session: &Session, kind: FileKind, content_type: &str) -> Result<Email, Refusal> {
    let Some(participant) = &session.participant else {
        return Err(Refusal::new(Code::Erased, "The participant of this session has been erased."));
    };
    if session.withdrawn {
        return Err(Refusal::new(Code::ConsentRequired, "Consent was withdrawn: nothing more is accepted."));
    }
    // What it is called does not make a sound or film anything else.
    let records = matches!(kind, FileKind::Recording | FileKind::Screen)
        || content_type.starts_with("audio/")
        || content_type.starts_with("video/");
    if records && !session.may_be_recorded() {
        return Err(Refusal::new(Code::ConsentRequired, "The participant has not agreed to being recorded."));
    }
    Ok(participant.email.clone())
}

//! A session as its participant sees it. The customer's metadata and what is made of the answers are not theirs to see.

use aggregates::{
    id::SessionId,
    session::{EndReason, Session, SessionStatus},
};
use projections::session::{ConsentDocument, SessionDocument};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{failed, query::shown};
use crate::command::{Stop, Work, not_found};

/// A session as its participant sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantSession {
    /// Its id.
    pub id: SessionId,
    /// Where it stands.
    pub status: SessionStatus,
    /// When the interview began.
    pub started_at: Option<String>,
    /// When it was completed.
    pub completed_at: Option<String>,
    /// Seconds of interview, pauses left out, as of the last pause or the end.
    pub duration: i64,
    /// Questions that were answered.
    pub questions_answered: u32,
    /// Questions in all.
    pub total_questions: u32,
    /// The language of the interview.
    pub language: String,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
    /// What was consented to, as last said.
    pub consent: ConsentDocument,
    /// When it was created.
    pub created_at: String,
}

impl ParticipantSession {
    /// What a participant may see of a session.
    pub fn of(document: &SessionDocument) -> Self {
        Self {
            id: document.id,
            status: document.status,
            started_at: document.started_at.map(shown),
            completed_at: document.completed_at.map(shown),
            duration: document.duration,
            questions_answered: document.questions_answered,
            total_questions: document.total_questions,
            language: document.language.clone(),
            end_reason: document.end_reason,
            consent: document.consent,
            created_at: shown(document.created_at),
        }
    }
}

/// `{session}`, and whatever is added.
pub(super) fn body_with(
    work: &Work<'_>,
    id: SessionId,
    add: impl FnOnce(&mut Map<String, Value>),
) -> Result<String, Stop> {
    let row = work.row::<Session>(id).ok_or_else(not_found)?;
    let session = serde_json::to_value(ParticipantSession::of(&row.api)).map_err(failed)?;
    let mut body = Map::from_iter([("session".to_owned(), session)]);
    add(&mut body);
    serde_json::to_string(&body).map_err(failed)
}

//! A consent record as the event of its making shows it. Records have no rows of their own: they are events of a session.

use aggregates::{
    DecodeError, Event,
    id::{ConsentId, SessionId},
    session::{ConsentFacts, ConsentMethod, SessionEvent},
};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Source;
use crate::{ErasedModel, Open, Session, open_personal, time::seconds};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Consent<'a> {
    id: ConsentId,
    session_id: SessionId,
    #[serde(rename = "type")]
    kind: aggregates::session::ConsentKind,
    granted: bool,
    text_version: Option<u32>,
    text_sha256: Option<&'a str>,
    locale: Option<&'a str>,
    method: ConsentMethod,
    actor: &'a str,
    ip: Option<&'a str>,
    user_agent: Option<&'a str>,
    #[serde(with = "seconds")]
    created_at: DateTime<Utc>,
}

/// The record that an event made.
pub(super) fn record(row: &dyn ErasedModel, source: Source<'_>, open: &mut Open<'_>) -> Result<String, DecodeError> {
    let mut event = SessionEvent::decode(source.name, source.schema, source.payload)?;
    open_personal(&mut event, open)?;
    let name = event.name();
    let session = row.as_any().downcast_ref::<Session>().map(|session| session.api.id);
    let session = session.ok_or_else(|| DecodeError::UnknownType(name.to_owned()))?;
    let shown = match &event {
        SessionEvent::ConsentRecorded(recorded) => shown(session, recorded.granted, &recorded.facts),
        SessionEvent::ConsentWithdrawn(withdrawn) => shown(session, false, &withdrawn.facts),
        _ => return Err(DecodeError::UnknownType(name.to_owned())),
    };
    shown.map_err(|source| DecodeError::Payload { name, source })
}

fn shown(session_id: SessionId, granted: bool, facts: &ConsentFacts) -> serde_json::Result<String> {
    serde_json::to_string(&Consent {
        id: facts.consent_id,
        session_id,
        kind: facts.kind,
        granted,
        text_version: facts.text_version,
        text_sha256: facts.text_sha256.as_deref(),
        locale: facts.locale.as_deref(),
        method: facts.method,
        actor: &facts.actor,
        ip: facts.ip.as_ref().and_then(|ip| ip.clear()).map(String::as_str),
        user_agent: facts.user_agent.as_ref().and_then(|agent| agent.clear()).map(String::as_str),
        created_at: facts.at,
    })
}

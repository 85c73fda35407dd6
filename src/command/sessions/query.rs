//! Questions about sessions that their rows do not answer.

use std::sync::Arc;

use aggregates::{
    Code, Refusal,
    id::{ConsentId, OrganizationId, ScriptId, SessionId},
    script::{Script, ScriptContent},
    session::{ConsentKind, ConsentMethod, ConsentRecord, Session},
};
use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    command::{Commands, Snapshot, Stop, Work},
    store,
};

impl Commands {
    /// What a version of a script says. A published version is frozen for ever, so what was read once stays true.
    ///
    /// # Errors
    /// When the store fails, or has no such published version.
    pub async fn script_content(&self, id: ScriptId, version: u32) -> Result<Arc<ScriptContent>, store::Error> {
        if let Some(content) = self.contents.get(&(id, version)) {
            return Ok(content);
        }
        let has = |script: &Script| script.version(version).is_some_and(|version| version.published);
        let script = self.state::<Script>(id, has).await?;
        let found = script.as_ref().and_then(|script| script.version(version)).filter(|version| version.published);
        let missing = || store::Error::Corrupt(format!("version {version} of {id}, which a campaign uses, is missing"));
        let content = Arc::new(found.ok_or_else(missing)?.content.clone());
        self.contents.insert((id, version), content.clone());
        Ok(content)
    }

    /// A session as the log has it now, with what its version of the script says; `None` when the organization has none
    /// of that id. For transcripts, and for asking what comes next
    /// ([`Session::next_step`](aggregates::session::Session::next_step)) before a slow model is asked to word it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn session(
        &self,
        id: SessionId,
        organization: OrganizationId,
    ) -> Result<Option<(Arc<Snapshot<Session>>, Arc<ScriptContent>)>, store::Error> {
        let Some(snapshot) = self.snapshot::<Session>(id, organization).await? else { return Ok(None) };
        let content = self.script_content(snapshot.state.script_id, snapshot.state.script_version).await?;
        Ok(Some((snapshot, content)))
    }

    /// `GET …/session/next`: the interviewer's latest turn; the inner refusal before the start.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn latest_turn(
        &self,
        id: SessionId,
        organization: OrganizationId,
    ) -> Result<Option<Result<Map<String, Value>, Refusal>>, store::Error> {
        let Some((snapshot, content)) = self.session(id, organization).await? else { return Ok(None) };
        let session = &snapshot.state;
        if session.is_erased() {
            return Ok(Some(Err(super::erased())));
        }
        let not_started = || Refusal::new(Code::SessionNotActive, "The interview has not been started.");
        let Some(turn) = session.latest_turn(&content) else { return Ok(Some(Err(not_started()))) };
        Ok(Some(Ok(self.shown_turn(&turn, (organization, session.script_id), &content).await?)))
    }

    /// Every consent record of a session, the oldest first.
    ///
    /// Consent is part of the session's stream, because its order with the answers is what has to be provable; and a
    /// session has few, so that listing them is a replay of one stream.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn consents(
        &self,
        id: SessionId,
        organization: OrganizationId,
    ) -> Result<Option<Vec<ConsentView>>, store::Error> {
        let snapshot = self.snapshot::<Session>(id, organization).await?;
        Ok(snapshot.map(|snapshot| snapshot.state.consents.iter().map(|record| ConsentView::of(id, record)).collect()))
    }
}

pub(super) async fn content(work: &Work<'_>, id: ScriptId, version: u32) -> Result<Arc<ScriptContent>, Stop> {
    Ok(work.commands().script_content(id, version).await?)
}

/// A consent record as the API shows it (contract 27).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsentView {
    /// Its id.
    pub id: ConsentId,
    /// The session.
    pub session_id: SessionId,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: ConsentKind,
    /// Whether it was given.
    pub granted: bool,
    /// The version of the text that was shown; null where the text was not ours.
    pub text_version: Option<u32>,
    /// The SHA-256 of the exact text that was shown, if that is known.
    pub text_sha256: Option<String>,
    /// The language of the text.
    pub locale: Option<String>,
    /// How it was given.
    pub method: ConsentMethod,
    /// Who recorded it.
    pub actor: String,
    /// The participant's address in the network.
    pub ip: Option<String>,
    /// What the participant's browser calls itself.
    pub user_agent: Option<String>,
    /// When.
    pub created_at: String,
    /// The same, to go by.
    #[serde(skip)]
    pub at: DateTime<Utc>,
}

impl ConsentView {
    /// As it is shown.
    pub fn of(session_id: SessionId, record: &ConsentRecord) -> Self {
        Self {
            id: record.id,
            session_id,
            kind: record.kind,
            granted: record.granted,
            text_version: record.text_version,
            text_sha256: record.text_sha256.clone(),
            locale: record.locale.clone(),
            method: record.method,
            actor: record.actor.clone(),
            ip: record.ip.clone(),
            user_agent: record.user_agent.clone(),
            created_at: shown(record.at),
            at: record.at.trunc_subsecs(0),
        }
    }
}

/// A time as the API shows it.
pub(super) fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

//! What can be done with sessions: by participants, by API keys, and by the clock.
//!
//! A participant's caller is the organization of the invite with the actor `participant`; which session a request is about
//! is settled by its token, before it comes here.

mod ending;
mod participant;
mod query;
mod turn;

use aggregates::{
    Code, Refusal,
    campaign::Campaign,
    id::{InviteId, SessionId},
    invite::{Invite, InviteCommand, InviteStatus},
    script::ScriptContent,
    session::{
        AnswerInput, ConsentInput, ConsentMethod, DeviceInput, NewConsent, NewSession, Participant, PauseCause,
        PauseInput, Produced, ResumeCause, Session, SessionCommand, SessionStatus, Spoken, Terms, TurnView,
    },
    value::Input,
};
use chrono::{DateTime, Duration, SubsecRound, Utc};
use serde_json::{Map, Value};

use self::{ending::conclude, query::content};
use super::{Answer, Command, Sent, Stop, Work, not_found};
use crate::trust::session_token::{self, Claims};

pub use ending::{Moods, moods};
pub use participant::ParticipantSession;
pub use query::ConsentView;

/// `POST /v1/interview/{token}/session`: opens a session, or comes back to the one that there is. One that is over can be
/// come back to as well: the link is all that a participant may have left, and consent can be withdrawn at any time.
///
/// Answers 201, or 200 where it comes back, with `{session, sessionToken, expiresAt}`.
pub struct OpenSession {
    /// The invite.
    pub invite: InviteId,
    /// The token of its link, under which the session's token is issued.
    pub link: String,
    /// The request's body.
    pub body: Sent,
}

impl Command for OpenSession {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let invite: Invite = work.load(self.invite).await?;
        let campaign: Campaign = work.load(invite.campaign_id).await?;
        let previous = match invite.session_id {
            Some(id) => Some((id, work.load::<Session>(id).await?)),
            None => None,
        };
        let device = DeviceInput::from_body(self.body.json()?)?;
        let now = work.now();
        if let Some((id, session)) = &previous
            && session.status.is_over()
            && matches!(invite.status, InviteStatus::Started | InviteStatus::Completed)
        {
            if session.is_erased() {
                return Err(erased().into());
            }
            return Ok(Answer::ok(self.body(work, *id)?));
        }
        let live = previous.filter(|(_, session)| !session.status.is_over());
        // Who has begun may come back after the invite's expiry, but who has not begun must begin in time.
        if live.as_ref().is_none_or(|(_, session)| session.status == SessionStatus::Created) {
            invite.admit_start(now)?;
        }
        campaign.admit_links()?;
        if let Some((id, session)) = live {
            if session.is_erased() {
                return Err(erased().into());
            }
            return Ok(Answer::ok(self.body(work, id)?));
        }

        let row = work.row::<Invite>(self.invite).ok_or_else(not_found)?;
        let email = row.api.email.clone().ok_or_else(erased)?;
        let (name, metadata) = (row.api.name.clone(), row.api.metadata.clone());
        let content = content(work, campaign.script_id, campaign.script_version).await?;
        let session_id: SessionId = work.new_id();
        let open = InviteCommand::OpenSession { session_id, replaces: invite.session_id, now };
        work.execute::<Invite>(self.invite, open)?;
        work.execute::<Session>(
            session_id,
            SessionCommand::Create(Box::new(NewSession {
                session_id,
                organization_id: work.caller().organization,
                campaign_id: invite.campaign_id,
                invite_id: self.invite,
                script_id: campaign.script_id,
                script_version: campaign.script_version,
                total_questions: u32::try_from(content.questions.len()).unwrap_or(u32::MAX),
                terms: Terms::of(&campaign.settings()),
                participant: Participant { email, name },
                metadata,
                device,
                start_by: invite.expires_at,
                now,
            })),
        )?;
        Ok(Answer::created(format!("/v1/sessions/{session_id}"), self.body(work, session_id)?))
    }
}

impl OpenSession {
    fn body(&self, work: &Work<'_>, id: SessionId) -> Result<String, Stop> {
        let organization = work.caller().organization;
        let expires_at = work.now().trunc_subsecs(0) + session_token::VALID_FOR;
        let claims = Claims { session: id, organization, expires_at };
        let token = session_token::issue(&work.commands().keys, claims, &self.link);
        participant::body_with(work, id, |body| {
            body.insert("sessionToken".to_owned(), token.into());
            body.insert("expiresAt".to_owned(), query::shown(expires_at).into());
        })
    }
}

/// `POST …/session/consent` and `POST /v1/sessions/{sessionId}/consent`. Answers 201 with the record.
pub struct RecordConsent {
    /// The session.
    pub session: SessionId,
    /// The request's body.
    pub body: Sent,
    /// Who asks.
    pub method: ConsentMethod,
    /// The address of a participant's connection; an API key's request names one in its body instead.
    pub ip: Option<String>,
    /// What the participant's browser calls itself.
    pub user_agent: Option<String>,
}

/// The greatest number of characters that are kept of what a browser calls itself.
const MAX_USER_AGENT: usize = 500;

impl Command for RecordConsent {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Session>(self.session).await?;
        let input = ConsentInput::from_json(self.body.json()?)?.validate()?;
        let ip = match self.method {
            ConsentMethod::Web => self.ip.clone(),
            ConsentMethod::Api => input.ip,
        };
        let consent = NewConsent {
            consent_id: work.new_id(),
            kind: input.kind,
            granted: input.granted,
            text_sha256: input.text_sha256,
            method: self.method,
            actor: work.caller().actor.clone(),
            ip,
            user_agent: self.user_agent.as_ref().map(|text| text.chars().take(MAX_USER_AGENT).collect()),
            now: work.now(),
        };
        work.execute::<Session>(self.session, SessionCommand::Consent(consent))?;
        conclude(work, self.session).await?;
        let session: Session = work.load(self.session).await?;
        let record = session.consents.last().ok_or_else(not_found)?;
        let body = serde_json::to_string(&ConsentView::of(self.session, record)).map_err(failed)?;
        Ok(Answer::created(format!("/v1/sessions/{}/consents", self.session), body))
    }
}

/// `POST …/session/start`. Answers `{session, messages, prompt, progress, done, nextSeq}`.
pub struct StartSession {
    /// The session.
    pub session: SessionId,
}

impl Command for StartSession {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let session: Session = work.load(self.session).await?;
        let content = content(work, session.script_id, session.script_version).await?;
        let now = work.now();
        if session.status == SessionStatus::Created {
            let campaign: Campaign = work.load(session.campaign_id).await?;
            let invite: Invite = work.load(session.invite_id).await?;
            invite.admit_start(now)?;
            campaign.admit_links()?;
            work.execute::<Invite>(session.invite_id, InviteCommand::Start { session_id: self.session, now })?;
        }
        work.execute::<Session>(self.session, SessionCommand::Start { content: content.clone(), now })?;
        let session: Session = work.load(self.session).await?;
        let turn = session.latest_turn(&content).ok_or_else(not_found)?;
        let turn = shown_turn(work, &session, &turn, &content).await?;
        Ok(Answer::ok(participant::body_with(work, self.session, |body| body.extend(turn))?))
    }
}

/// `POST …/session/answers`, and `…/answers/spoken` once the words are known. Answers 201 with what comes next, the same
/// again for a retried answer, and with what was `heard` in a spoken one.
///
/// Whoever words follow-ups and transitions is asked before: see [`super::Commands::session`] and
/// [`Session::next_step`](aggregates::session::Session::next_step).
pub struct AnswerPrompt {
    /// The session.
    pub session: SessionId,
    /// The request's body.
    pub body: Sent,
    /// What is known about the answer if it was spoken.
    pub spoken: Option<Spoken>,
    /// Wording for what comes next, for exactly this prompt; the interviewer's own is used where it is missing.
    pub produced: Option<Produced>,
}

impl Command for AnswerPrompt {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let session: Session = work.load(self.session).await?;
        let content = content(work, session.script_id, session.script_version).await?;
        let answer = AnswerInput::from_json(self.body.json()?)?.validate()?;
        let seq = answer.seq;
        heard_of(work, self.session, &session)?;
        let command = SessionCommand::Answer {
            answer,
            spoken: self.spoken.clone(),
            produced: self.produced.clone(),
            content: content.clone(),
            now: work.now(),
        };
        work.execute::<Session>(self.session, command)?;
        conclude(work, self.session).await?;
        let session: Session = work.load(self.session).await?;
        let turn = session.turn_after(seq, &content).ok_or_else(not_found)?;
        let mut body = shown_turn(work, &session, &turn, &content).await?;
        if let Some(recording) = self.spoken.as_ref().and_then(|spoken| spoken.file_id) {
            let line = session.utterances().iter().find(|line| line.file_id == Some(recording));
            body.insert("heard".to_owned(), line.and_then(|line| line.text.clone()).into());
        }
        Ok(Answer { status: 201, ..Answer::ok(serde_json::to_string(&body).map_err(failed)?) })
    }
}

async fn shown_turn(
    work: &Work<'_>,
    session: &Session,
    turn: &TurnView,
    content: &ScriptContent,
) -> Result<Map<String, Value>, Stop> {
    let place = (work.caller().organization, session.script_id);
    Ok(work.commands().shown_turn(turn, place, content).await?)
}

/// `POST …/session/pause` and `POST /v1/sessions/{sessionId}/pause`.
pub struct PauseSession {
    /// The session.
    pub session: SessionId,
    /// Who asks: [`PauseCause::Participant`] or [`PauseCause::Api`].
    pub cause: PauseCause,
    /// The request's body.
    pub body: Sent,
}

impl Command for PauseSession {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Session>(self.session).await?;
        let reason = PauseInput::from_json(self.body.json()?)?.validate()?;
        let command = SessionCommand::Pause { cause: self.cause, reason, now: work.now() };
        work.execute::<Session>(self.session, command)?;
        shown(work, self.session, self.cause == PauseCause::Api)
    }
}

/// `POST …/session/resume` and `POST /v1/sessions/{sessionId}/resume`.
pub struct ResumeSession {
    /// The session.
    pub session: SessionId,
    /// Who asks: [`ResumeCause::Participant`] or [`ResumeCause::Api`].
    pub cause: ResumeCause,
}

impl Command for ResumeSession {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Session>(self.session).await?;
        work.execute::<Session>(self.session, SessionCommand::Resume { cause: self.cause, now: work.now() })?;
        shown(work, self.session, self.cause == ResumeCause::Api)
    }
}

/// `POST …/session/complete`. Answers `{session}`.
pub struct CompleteSession {
    /// The session.
    pub session: SessionId,
}

impl Command for CompleteSession {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let session: Session = work.load(self.session).await?;
        let content = content(work, session.script_id, session.script_version).await?;
        heard_of(work, self.session, &session)?;
        work.execute::<Session>(self.session, SessionCommand::Complete { content, now: work.now() })?;
        conclude(work, self.session).await?;
        shown(work, self.session, false)
    }
}

/// `POST …/session/leave`. Answers `{session}`.
pub struct LeaveSession {
    /// The session.
    pub session: SessionId,
}

impl Command for LeaveSession {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Session>(self.session).await?;
        work.execute::<Session>(self.session, SessionCommand::Leave { now: work.now() })?;
        conclude(work, self.session).await?;
        shown(work, self.session, false)
    }
}

/// The participant's page was heard of again: resumes what its silence has paused, and changes nothing else. A heartbeat
/// needs this only while [`Session::pause_cause`] is [`PauseCause::HeartbeatLost`].
pub struct RestoreHeartbeat {
    /// The session.
    pub session: SessionId,
}

impl Command for RestoreHeartbeat {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Session>(self.session).await?;
        work.execute::<Session>(self.session, SessionCommand::HeartbeatRestored { now: work.now() })?;
        shown(work, self.session, false)
    }
}

/// What the clock does to a session. Each is harmless to repeat, and does nothing before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The page has fallen silent: pauses, or completes where nothing is left to ask.
    HeartbeatLost {
        /// When it was last heard of.
        last_seen: DateTime<Utc>,
    },
    /// The greatest duration is reached; see [`Session::time_limit`] for when to look again.
    TimeLimit {
        /// How much longer the current answer may take.
        grace: Duration,
    },
    /// It has been paused for so long.
    PauseTimeout(Duration),
    /// It was not started while its invite was valid; see [`Session::start_by`].
    NeverStarted,
}

/// Does to sessions of one organization what their time has come for.
pub struct EndInTime {
    /// The sessions, and what for.
    pub due: Vec<(SessionId, Due)>,
}

impl Command for EndInTime {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let now = work.now();
        for (session, due) in &self.due {
            work.load::<Session>(*session).await?;
            let command = match *due {
                Due::HeartbeatLost { last_seen } => SessionCommand::HeartbeatLost { last_seen, now },
                Due::TimeLimit { grace } => SessionCommand::EndForTime { grace, now },
                Due::PauseTimeout(timeout) => SessionCommand::EndForPause { timeout, now },
                Due::NeverStarted => SessionCommand::GiveUp { now },
            };
            work.execute::<Session>(*session, command)?;
            conclude(work, *session).await?;
        }
        Ok(Answer::no_content())
    }
}

/// What a participant says is a sign of life: it ends a pause that silence has caused.
fn heard_of(work: &mut Work<'_>, id: SessionId, session: &Session) -> Result<(), Stop> {
    if session.pause_cause == Some(PauseCause::HeartbeatLost) {
        work.execute::<Session>(id, SessionCommand::HeartbeatRestored { now: work.now() })?;
    }
    Ok(())
}

/// The session as its audience sees it: an API key the whole document, the participant `{session}`.
fn shown(work: &Work<'_>, id: SessionId, to_api: bool) -> Result<Answer, Stop> {
    let body = if to_api { work.document::<Session>(id)? } else { participant::body_with(work, id, |_| {})? };
    Ok(Answer::ok(body))
}

fn erased() -> Refusal {
    Refusal::new(Code::Erased, "The participant's personal data has been erased.")
}

fn failed(error: serde_json::Error) -> Stop {
    Stop::Failed(error.into())
}

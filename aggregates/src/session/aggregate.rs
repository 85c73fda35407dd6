//! The session's state.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Entity, Personal,
    id::{CampaignId, FileId, InviteId, OrganizationId, ScriptId, SessionId},
    session::{
        ConsentFacts, ConsentRecord, EndReason, Given, Participant, PauseCause, Prompt, PromptKind, Sentiment,
        SessionCommand, SessionCreated, SessionError, SessionEvent, SessionPrompted, SessionStatus, Speaker, Terms,
        Utterance, state::opened, timeline::Timeline,
    },
    value::Email,
};

/// A session: one interview. It holds what was said in the clear, so it stays in memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its id, once it exists.
    pub id: Option<SessionId>,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its campaign.
    pub campaign_id: CampaignId,
    /// The invite that led here.
    pub invite_id: InviteId,
    /// The script.
    pub script_id: ScriptId,
    /// The version of the script.
    pub script_version: u32,
    /// How many questions that version has.
    pub total_questions: u32,
    /// What holds for this interview.
    pub terms: Terms,
    /// Who is interviewed; none once the person is erased.
    pub participant: Option<Participant>,
    /// The first instant at which it can no longer be started.
    pub start_by: DateTime<Utc>,
    /// Where it stands.
    pub status: SessionStatus,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
    /// What paused it, while it is paused.
    pub pause_cause: Option<PauseCause>,
    /// When it was paused last.
    pub paused_at: Option<DateTime<Utc>>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The instant of the last event: nothing happens before it, whatever another node's clock says.
    pub last_at: DateTime<Utc>,
    /// How far the interview was then: milliseconds, pauses left out.
    pub elapsed: u64,
    /// Consent to recording, as last given or refused.
    pub recording: Option<bool>,
    /// Consent to processing, as last given or refused.
    pub data_processing: Option<bool>,
    /// Whether consent was withdrawn. Once the interview is over that stands; before, it lasts until nothing is refused any
    /// more. Nothing is stored and nothing analysed from then on.
    pub withdrawn: bool,
    /// Every consent record, the oldest first.
    pub consents: Vec<ConsentRecord>,
    /// What waits for an answer.
    pub current: Option<Prompt>,
    /// How many questions of the script were asked.
    pub questions_asked: u32,
    /// How many questions of the script were answered.
    pub questions_answered: u32,
    /// How many follow-ups the current question has had.
    pub follow_ups: u32,
    /// How often it was paused.
    pub pauses: u32,
    /// Bytes of all that was said.
    pub said: usize,
    /// Whether a complete transcript was declared.
    pub transcript_ready: bool,
    /// The mood of what was said.
    pub sentiment: Option<Sentiment>,
    pub(super) timeline: Timeline,
    pub(super) turns: Vec<TurnState>,
    pub(super) taken: BTreeMap<u64, Taken>,
}

/// A turn of the interviewer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TurnState {
    /// Its first utterance.
    pub first: usize,
    /// What it asked.
    pub prompt: Option<Prompt>,
    /// How many questions of the script were answered then.
    pub answered: u32,
}

/// An answer that was accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Taken {
    /// The number of the prompt.
    pub prompt: u32,
    /// What the prompt was.
    pub kind: PromptKind,
    /// The question that it was, or was about.
    pub question_id: String,
    /// What was answered; none where it was skipped, or where the person is erased.
    pub given: Option<Given>,
    /// The recording, where it was spoken.
    pub recording: Option<FileId>,
    /// The turn that followed.
    pub turn: usize,
}

impl Session {
    /// How far the interview is at an instant: milliseconds, pauses left out.
    pub fn elapsed_at(&self, now: DateTime<Utc>) -> u64 {
        let running = match self.status {
            SessionStatus::InProgress => u64::try_from((now - self.last_at).num_milliseconds()).unwrap_or(0),
            _ => 0,
        };
        self.elapsed.saturating_add(running)
    }

    /// The greatest length of the interview, in milliseconds.
    pub fn max_elapsed(&self) -> u64 {
        u64::from(self.terms.max_duration) * 1_000
    }

    /// When a running interview is out of time: at its greatest duration, or, while an answer may still come, so much
    /// later. A pause moves it.
    pub fn time_limit(&self, grace: Duration) -> Option<DateTime<Utc>> {
        let grace = if self.current.is_some() { u64::try_from(grace.num_milliseconds()).unwrap_or(0) } else { 0 };
        let left = self.max_elapsed().saturating_add(grace).saturating_sub(self.elapsed);
        let left = Duration::milliseconds(i64::try_from(left).unwrap_or(i64::MAX / 1_000));
        (self.status == SessionStatus::InProgress).then(|| self.last_at + left)
    }

    /// Since when it is paused.
    pub fn paused_since(&self) -> Option<DateTime<Utc>> {
        self.paused_at.filter(|_| self.status == SessionStatus::Paused)
    }

    /// Whether nothing is left to ask.
    pub fn is_done(&self) -> bool {
        self.started_at.is_some() && self.current.is_none()
    }

    /// Whether the participant agreed to everything that an interview needs, or nothing is needed and nothing was refused.
    pub fn may_start(&self) -> bool {
        let agreed = |consent: Option<bool>| consent.unwrap_or(!self.terms.require_consent);
        agreed(self.recording) && agreed(self.data_processing)
    }

    /// Whether its participant may be recorded: agreed to, or not asked for and not refused.
    pub fn may_be_recorded(&self) -> bool {
        !self.withdrawn && self.recording.unwrap_or(!self.terms.require_consent)
    }

    /// Whether the participant has refused consent to processing, or taken back any.
    pub fn refuses_processing(&self) -> bool {
        self.withdrawn || self.data_processing == Some(false)
    }

    /// The recording that was accepted as the answer with a sequence number.
    pub fn recording_of(&self, seq: u64) -> Option<FileId> {
        self.taken.get(&seq)?.recording
    }

    /// A line of the interviewer's latest turn, by the id of its utterance.
    pub fn current_line(&self, id: &str) -> Option<&Utterance> {
        let lines = self.utterances().get(self.turns.last()?.first..)?;
        lines.iter().find(|line| line.id == id && line.speaker == Speaker::Ai)
    }

    /// Everything that was said, in order.
    pub fn utterances(&self) -> &[Utterance] {
        &self.timeline.utterances
    }

    /// What was answered, in the order of the answers in [`Session::utterances`]; nothing once the person is erased.
    pub fn answers(&self) -> impl Iterator<Item = &Given> {
        let mut taken: Vec<&Taken> = self.taken.values().collect();
        // A client chooses its sequence numbers: they may come in any order.
        taken.sort_by_key(|taken| taken.turn);
        taken.into_iter().filter_map(|taken| taken.given.as_ref())
    }

    /// Whether the person's data has been erased, so that nothing can be added to it.
    pub fn is_erased(&self) -> bool {
        self.id.is_some() && self.participant.is_none()
    }

    /// Whether the interview is over, was begun, and its transcript has not been declared complete.
    pub fn owes_transcript(&self) -> bool {
        self.status.is_over() && self.started_at.is_some() && !self.transcript_ready && !self.is_erased()
    }

    fn created(&mut self, created: SessionCreated) {
        self.id = Some(created.session_id);
        self.organization_id = created.organization_id;
        self.campaign_id = created.campaign_id;
        self.invite_id = created.invite_id;
        self.script_id = created.script_id;
        self.script_version = created.script_version;
        self.total_questions = created.total_questions;
        self.terms = created.terms;
        let name = created.name.clear().cloned().flatten();
        self.participant = created.email.clear().cloned().map(|email| Participant { email, name });
        self.start_by = created.start_by;
        self.last_at = created.at;
    }

    fn consented(&mut self, granted: bool, withdrawal: bool, facts: ConsentFacts) {
        let types = facts.kind.types();
        if types.contains(&crate::consent::ConsentType::Recording) {
            self.recording = Some(granted);
        }
        if types.contains(&crate::consent::ConsentType::DataProcessing) {
            self.data_processing = Some(granted);
        }
        if withdrawal {
            self.withdrawn = true;
            self.sentiment = None;
        } else if granted && !self.status.is_over() {
            self.withdrawn &= self.recording == Some(false) || self.data_processing == Some(false);
        }
        self.consents.push(ConsentRecord {
            id: facts.consent_id,
            kind: facts.kind,
            granted,
            withdrawal,
            text_version: facts.text_version,
            text_sha256: facts.text_sha256,
            locale: facts.locale,
            method: facts.method,
            actor: facts.actor,
            ip: opened(facts.ip.as_ref()),
            user_agent: opened(facts.user_agent.as_ref()),
            at: facts.at,
        });
        let elapsed = self.elapsed_at(facts.at);
        self.pass(facts.at, elapsed);
    }

    fn prompted(&mut self, prompted: SessionPrompted) {
        let first = self.timeline.open_turn();
        let about = prompted.prompt.as_ref().map(|asked| asked.question_id.clone());
        let mut texts = prompted.texts.clear().cloned().unwrap_or_default().into_iter();
        for said in prompted.said {
            use crate::session::UtteranceKind::{FollowUp, Question};
            let question_id = about.clone().filter(|_| matches!(said.kind, Question | FollowUp));
            let text = texts.next();
            self.said += text.as_ref().map_or(0, String::len);
            self.timeline.say(said.kind, text, said.origin, question_id, prompted.elapsed);
        }
        self.current = prompted.prompt.map(|asked| Prompt {
            number: asked.number,
            kind: asked.kind,
            question_id: asked.question_id,
            asked_at: prompted.elapsed,
        });
        match self.current.as_ref().map(|prompt| prompt.kind) {
            Some(PromptKind::Question) => {
                self.questions_asked += 1;
                self.follow_ups = 0;
            }
            Some(PromptKind::FollowUp) => self.follow_ups += 1,
            None => {}
        }
        self.turns.push(TurnState { first, prompt: self.current.clone(), answered: self.questions_answered });
        self.pass(prompted.at, prompted.elapsed);
    }

    fn ended(&mut self, status: SessionStatus, reason: EndReason, at: DateTime<Utc>, elapsed: u64) {
        self.status = status;
        self.end_reason = Some(reason);
        self.ended_at = Some(at);
        self.current = None;
        self.pause_cause = None;
        self.pass(at, elapsed);
    }

    fn pass(&mut self, at: DateTime<Utc>, elapsed: u64) {
        self.last_at = at;
        self.elapsed = elapsed;
    }
}

impl Entity for Session {
    type Id = SessionId;

    fn organization_id(&self) -> Option<OrganizationId> {
        self.id.map(|_| self.organization_id)
    }

    fn subject(&self) -> Option<&str> {
        self.participant.as_ref().map(|participant| Email::normalized(&participant.email))
    }

    fn weight(&self) -> usize {
        // What was answered is there twice: as it was given, and as it reads in the transcript.
        2 * self.said + 256 * (self.utterances().len() + self.turns.len() + self.taken.len() + 2 * self.consents.len())
    }

    fn decide(&self, command: SessionCommand) -> Result<Vec<SessionEvent>, SessionError> {
        self.decided(command)
    }
}

impl Aggregate for Session {
    const TYPE: &'static str = "session";
    type Command = SessionCommand;
    type Event = SessionEvent;
    type Error = SessionError;
    type Services = ();

    async fn handle(&mut self, command: SessionCommand, (): &(), sink: &EventSink<Self>) -> Result<(), SessionError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Created(created) => self.created(created),
            SessionEvent::ConsentRecorded(recorded) => self.consented(recorded.granted, false, recorded.facts),
            SessionEvent::ConsentWithdrawn(withdrawn) => self.consented(false, true, withdrawn.facts),
            SessionEvent::Started(started) => {
                self.status = SessionStatus::InProgress;
                self.started_at = Some(started.at);
                self.pass(started.at, 0);
            }
            SessionEvent::Prompted(prompted) => self.prompted(prompted),
            SessionEvent::Answered(answered) => {
                let given = answered.given.clear().cloned();
                let text = given.as_ref().map(|given| given.text(&self.terms.language));
                self.said += text.as_ref().map_or(0, String::len);
                let (question_id, spoken) = (answered.question_id.clone(), answered.spoken.as_ref());
                self.timeline.answer(text, question_id, spoken, answered.elapsed);
                self.questions_answered += u32::from(answered.kind == PromptKind::Question);
                let (prompt, kind, question_id) = (answered.prompt, answered.kind, answered.question_id);
                let (recording, turn) = (answered.spoken.and_then(|spoken| spoken.file_id), self.turns.len());
                self.taken.insert(answered.seq, Taken { prompt, kind, question_id, given, recording, turn });
                self.current = None;
                self.pass(answered.at, answered.elapsed);
            }
            SessionEvent::Skipped(skipped) => {
                self.timeline.skip(skipped.elapsed);
                let (prompt, kind, question_id) = (skipped.prompt, skipped.kind, skipped.question_id);
                let turn = self.turns.len();
                let taken = Taken { prompt, kind, question_id, given: None, recording: None, turn };
                self.taken.insert(skipped.seq, taken);
                self.current = None;
                self.pass(skipped.at, skipped.elapsed);
            }
            SessionEvent::Paused(paused) => {
                self.status = SessionStatus::Paused;
                self.pauses += 1;
                self.pause_cause = Some(paused.cause);
                self.paused_at = Some(paused.at);
                self.pass(paused.at, paused.elapsed);
            }
            SessionEvent::Resumed(resumed) => {
                self.status = SessionStatus::InProgress;
                self.pause_cause = None;
                self.last_at = resumed.at;
            }
            SessionEvent::Completed(completed) => {
                self.ended(SessionStatus::Completed, completed.reason, completed.at, completed.elapsed);
            }
            SessionEvent::Abandoned(abandoned) => {
                self.ended(SessionStatus::Abandoned, abandoned.reason, abandoned.at, abandoned.elapsed);
            }
            SessionEvent::TranscriptReady(ready) => {
                self.transcript_ready = true;
                self.sentiment = ready.sentiment.as_ref().and_then(Personal::clear).copied();
            }
        }
    }
}

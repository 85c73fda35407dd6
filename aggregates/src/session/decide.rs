//! The session's rules.

use chrono::{DateTime, Duration, Utc};

use crate::{
    FieldError, consent,
    id::FileId,
    script::{Question, QuestionType, ScriptContent},
    session::{
        Asked, ConsentFacts, ConsentMethod, ConsentRecorded, ConsentWithdrawn, EndReason, Given, MUCH_SAID, NewAnswer,
        NewConsent, NewSession, PauseCause, Produced, Prompt, PromptKind, Reply, ResumeCause, SHORT_ANSWER, Said,
        Sentiment, Session, SessionAbandoned, SessionAnswered, SessionCommand, SessionCompleted, SessionCreated,
        SessionError, SessionEvent, SessionPaused, SessionPrompted, SessionResumed, SessionSkipped, SessionStarted,
        SessionStatus, Spoken, TranscriptReady, aggregate::Taken, flow::Turn, state::prompt_id_of,
    },
};

/// Consent records that a session may have, besides withdrawals that change something.
const MAX_CONSENTS: usize = 200;
/// Pauses that a session may have, besides those that silence causes.
const MAX_PAUSES: u32 = 500;

type Decision = Result<Vec<SessionEvent>, SessionError>;

impl Session {
    pub(super) fn decided(&self, command: SessionCommand) -> Decision {
        match command {
            SessionCommand::Create(_) if self.id.is_some() => Err(SessionError::AlreadyExists),
            SessionCommand::Create(new) => Ok(vec![SessionEvent::Created(create(*new))]),
            _ if self.id.is_none() => Err(SessionError::NotFound),
            SessionCommand::Consent(consent) => self.consent(consent),
            SessionCommand::Start { content, now } => self.start(&content, self.not_before(now)),
            SessionCommand::Answer { answer, spoken, produced, content, now } => {
                self.answer(&answer, spoken, produced, &content, self.not_before(now))
            }
            SessionCommand::Pause { cause, reason, now } => {
                self.require(SessionStatus::InProgress)?;
                self.require_person()?;
                if self.pauses >= MAX_PAUSES {
                    return Err(SessionError::TooMany("500 pauses"));
                }
                let now = self.not_before(now);
                Ok(vec![self.pause(cause, reason, self.elapsed_at(now), now)])
            }
            SessionCommand::Resume { cause, now } => {
                self.require(SessionStatus::Paused)?;
                self.require_person()?;
                Ok(vec![SessionEvent::Resumed(SessionResumed { cause, at: self.not_before(now) })])
            }
            SessionCommand::HeartbeatLost { last_seen, now } => Ok(self.lost(last_seen, self.not_before(now))),
            SessionCommand::HeartbeatRestored { now } => Ok(self.restored(self.not_before(now))),
            SessionCommand::Complete { content, now } => self.complete(&content, self.not_before(now)),
            SessionCommand::Leave { now } => {
                if self.status.is_over() {
                    return Err(SessionError::NotActive(self.status));
                }
                Ok(vec![self.abandoned(EndReason::ParticipantLeft, self.not_before(now))])
            }
            SessionCommand::EndForTime { grace, now } => Ok(self.end_for_time(grace, self.not_before(now))),
            SessionCommand::EndForPause { timeout, now } => Ok(self.end_for_pause(timeout, self.not_before(now))),
            SessionCommand::GiveUp { now } => {
                let due = self.status == SessionStatus::Created && now >= self.start_by;
                let event = due.then(|| self.abandoned(EndReason::NeverStarted, self.not_before(now)));
                Ok(event.into_iter().collect())
            }
            SessionCommand::ReadyTranscript { sentiment, now } => {
                Ok(self.ready_transcript(sentiment, self.not_before(now)))
            }
        }
    }

    /// The present instant, but never before the last event: two nodes' clocks may differ, and time does not run backwards
    /// in a conversation.
    fn not_before(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now.max(self.last_at)
    }

    fn require(&self, status: SessionStatus) -> Result<(), SessionError> {
        if self.status == status { Ok(()) } else { Err(SessionError::NotActive(self.status)) }
    }

    fn require_person(&self) -> Result<(), SessionError> {
        if self.is_erased() { Err(SessionError::Erased) } else { Ok(()) }
    }

    fn consent(&self, new: NewConsent) -> Decision {
        let at = self.not_before(new.now);
        let text = self.consent_text(&new).map_err(|error| SessionError::Invalid(vec![error]))?;
        self.require_person()?;
        let facts = ConsentFacts {
            consent_id: new.consent_id,
            kind: new.kind,
            text_version: text.version,
            text_sha256: text.sha256,
            locale: text.locale,
            method: new.method,
            actor: new.actor,
            ip: new.ip.map(Into::into),
            user_agent: new.user_agent.map(Into::into),
            at,
        };
        let said = |kind: &consent::ConsentType| match kind {
            consent::ConsentType::Recording => self.recording,
            consent::ConsentType::DataProcessing => self.data_processing,
        };
        let types = new.kind.types();
        // Nobody who refuses for the first time is ever turned away.
        let repeats = types.iter().all(|kind| said(kind) == Some(false));
        if self.consents.len() >= MAX_CONSENTS && (new.granted || repeats) {
            return Err(SessionError::TooMany("200 consent records"));
        }
        let running = matches!(self.status, SessionStatus::InProgress | SessionStatus::Paused);
        // Once it has begun, a refusal takes back what the interview was held under, even where nobody had to ask.
        let withdraws = self.started_at.is_some() || types.iter().any(|kind| said(kind) == Some(true));
        if new.granted || !withdraws {
            return Ok(vec![SessionEvent::ConsentRecorded(ConsentRecorded { granted: new.granted, facts })]);
        }
        let mut events = vec![SessionEvent::ConsentWithdrawn(ConsentWithdrawn { facts })];
        if running {
            events.push(self.abandoned(EndReason::ConsentWithdrawn, at));
        }
        Ok(events)
    }

    fn consent_text(&self, new: &NewConsent) -> Result<ShownText, FieldError> {
        let shown = consent::shown(&self.terms.language, new.kind.types());
        let ours = ShownText { version: Some(shown.version), sha256: Some(shown.sha256), locale: Some(shown.locale) };
        match (&new.text_sha256, new.method) {
            (None, ConsentMethod::Web) => Ok(ours),
            // Somebody with an API key has asked in words of their own, unless they say that these were ours.
            (None, ConsentMethod::Api) => Ok(ShownText::default()),
            (Some(hash), _) if Some(hash) == ours.sha256.as_ref() => Ok(ours),
            (Some(hash), ConsentMethod::Api) => Ok(ShownText { sha256: Some(hash.clone()), ..ShownText::default() }),
            (Some(_), ConsentMethod::Web) => {
                Err(FieldError::new("textSha256", "not_found", "is not that of the text that is to be shown"))
            }
        }
    }

    fn start(&self, content: &ScriptContent, now: DateTime<Utc>) -> Decision {
        self.require(SessionStatus::Created)?;
        self.require_person()?;
        if !self.may_start() {
            return Err(SessionError::ConsentRequired);
        }
        let turn = self.first_turn(content);
        Ok(vec![SessionEvent::Started(SessionStarted { at: now }), self.prompted_as(turn, 0, now)])
    }

    /// Whether the participant may be recorded: nobody's voice is kept without a yes.
    ///
    /// # Errors
    /// [`SessionError::Erased`] and [`SessionError::NotRecorded`].
    pub fn admit_voice(&self) -> Result<(), SessionError> {
        self.require_person()?;
        if self.recording == Some(true) && !self.withdrawn { Ok(()) } else { Err(SessionError::NotRecorded) }
    }

    /// Whether a recording may be the answer to a prompt. One whose sequence number has counted already may be the same
    /// again; that is for the caller to tell (see [`Session::recording_of`]).
    ///
    /// # Errors
    /// What [`crate::session::SessionCommand::Answer`] would refuse, as far as it can be told before the words are known,
    /// and what [`Session::admit_voice`] does.
    pub fn admit_recording(&self, prompt_id: &str, seq: u64, content: &ScriptContent) -> Result<(), SessionError> {
        self.admit_voice()?;
        if let Some(taken) = self.taken.get(&seq) {
            let same = taken.recording.is_some() && prompt_id_of(taken.prompt) == prompt_id;
            return if same { Ok(()) } else { Err(SessionError::SequenceReused) };
        }
        // An answer ends the pause that silence has caused.
        if self.pause_cause != Some(PauseCause::HeartbeatLost) {
            self.require(SessionStatus::InProgress)?;
        }
        let prompt = self.current.as_ref().filter(|prompt| prompt.id() == prompt_id);
        let prompt = prompt.ok_or(SessionError::NotCurrent)?;
        let question = question(content, &prompt.question_id).ok_or(SessionError::NotCurrent)?;
        if prompt.kind == PromptKind::Question && question.kind != QuestionType::Open {
            let message = "is not answered in words, so it cannot be answered aloud";
            return Err(SessionError::Invalid(vec![FieldError::new("promptId", "not_allowed", message)]));
        }
        Ok(())
    }

    /// The prompt that this answers, and what it says; `None` when it was accepted before. The same recording is the same
    /// answer, whatever words were heard in it this time.
    pub(super) fn admit_answer(
        &self,
        answer: &NewAnswer,
        recording: Option<FileId>,
        content: &ScriptContent,
    ) -> Result<Option<(&Prompt, Option<Given>)>, SessionError> {
        if self.id.is_none() {
            return Err(SessionError::NotFound);
        }
        self.require_person()?;
        if let Some(taken) = self.taken.get(&answer.seq) {
            let same_recording = recording.is_some() && taken.recording == recording;
            let same =
                prompt_id_of(taken.prompt) == answer.prompt_id && (same_recording || is_same(taken, answer, content));
            return if same { Ok(None) } else { Err(SessionError::SequenceReused) };
        }
        // What is wrong with the answer itself is told before what is wrong with the moment (contract 4), as far as the prompt
        // is one that was ever asked.
        let asked = self.turns.iter().filter_map(|turn| turn.prompt.as_ref());
        let named = asked.rev().find(|prompt| prompt.id() == answer.prompt_id);
        let named = named.and_then(|prompt| Some((prompt, question(content, &prompt.question_id)?)));
        let given = match named {
            Some((prompt, question)) => answer.reply.check(prompt.kind, question).map_err(SessionError::Invalid)?,
            None => None,
        };
        self.require(SessionStatus::InProgress)?;
        let prompt = self.current.as_ref().filter(|prompt| prompt.id() == answer.prompt_id);
        let prompt = prompt.filter(|_| named.is_some()).ok_or(SessionError::NotCurrent)?;
        if let Some(Given::Text(text)) = &given
            && self.said >= MUCH_SAID
            && text.chars().count() > SHORT_ANSWER
        {
            let message = format!("must have at most {SHORT_ANSWER} characters, since so much has been said already");
            return Err(SessionError::Invalid(vec![FieldError::new("text", "too_long", message)]));
        }
        Ok(Some((prompt, given)))
    }

    fn answer(
        &self,
        answer: &NewAnswer,
        spoken: Option<Spoken>,
        produced: Option<Produced>,
        content: &ScriptContent,
        now: DateTime<Utc>,
    ) -> Decision {
        let recording = spoken.as_ref().and_then(|spoken| spoken.file_id);
        let Some((prompt, given)) = self.admit_answer(answer, recording, content)? else { return Ok(Vec::new()) };
        let elapsed = self.elapsed_at(now);
        let (number, kind, question_id, seq) = (prompt.number, prompt.kind, prompt.question_id.clone(), answer.seq);
        let taken = match &given {
            Some(given) => SessionEvent::Answered(SessionAnswered {
                prompt: number,
                kind,
                question_id,
                seq,
                given: given.clone().into(),
                spoken,
                elapsed,
                at: now,
            }),
            None => SessionEvent::Skipped(SessionSkipped { prompt: number, kind, question_id, seq, elapsed, at: now }),
        };
        let step = self.step_after(prompt, given.as_ref(), content, elapsed);
        let turn = self.turn(&step, given.as_ref(), produced);
        let over = turn.over;
        let mut events = vec![taken, self.prompted_as(turn, elapsed, now)];
        events.extend(over.map(|reason| completed(reason, elapsed, now)));
        Ok(events)
    }

    fn complete(&self, content: &ScriptContent, now: DateTime<Utc>) -> Decision {
        self.require(SessionStatus::InProgress)?;
        self.require_person()?;
        let elapsed = self.elapsed_at(now);
        if elapsed >= self.max_elapsed() {
            return Ok(self.finish(EndReason::TimeLimit, elapsed, now));
        }
        if self.current.is_some() {
            let open = content.questions.iter().any(|question| question.required && !self.has_answered(question));
            if open {
                return Err(SessionError::Unanswered);
            }
        }
        Ok(self.finish(EndReason::Finished, elapsed, now))
    }

    fn has_answered(&self, question: &Question) -> bool {
        self.taken.values().any(|taken| {
            taken.kind == PromptKind::Question && taken.question_id == question.id && taken.given.is_some()
        })
    }

    fn pause(&self, cause: PauseCause, reason: Option<String>, elapsed: u64, now: DateTime<Utc>) -> SessionEvent {
        SessionEvent::Paused(SessionPaused { cause, reason: reason.map(Into::into), elapsed, at: now })
    }

    fn lost(&self, last_seen: DateTime<Utc>, now: DateTime<Utc>) -> Vec<SessionEvent> {
        if self.status != SessionStatus::InProgress {
            return Vec::new();
        }
        let elapsed = self.elapsed_at(last_seen.clamp(self.last_at, now));
        if self.is_done() {
            return self.finish(EndReason::Finished, elapsed, now);
        }
        if self.pauses >= 2 * MAX_PAUSES {
            // Nobody falls silent so often: this would go on for ever.
            return vec![SessionEvent::Abandoned(SessionAbandoned {
                reason: EndReason::PauseTimeout,
                elapsed,
                at: now,
            })];
        }
        vec![self.pause(PauseCause::HeartbeatLost, None, elapsed, now)]
    }

    fn restored(&self, now: DateTime<Utc>) -> Vec<SessionEvent> {
        let silent = self.status == SessionStatus::Paused && self.pause_cause == Some(PauseCause::HeartbeatLost);
        let resumed = SessionResumed { cause: ResumeCause::HeartbeatRestored, at: now };
        if silent && !self.is_erased() { vec![SessionEvent::Resumed(resumed)] } else { Vec::new() }
    }

    fn end_for_time(&self, grace: Duration, now: DateTime<Utc>) -> Vec<SessionEvent> {
        match self.time_limit(grace) {
            Some(limit) if now >= limit => self.finish(EndReason::TimeLimit, self.elapsed_at(now), now),
            _ => Vec::new(),
        }
    }

    fn end_for_pause(&self, timeout: Duration, now: DateTime<Utc>) -> Vec<SessionEvent> {
        match self.paused_since() {
            Some(since) if now >= since + timeout => {
                if self.is_done() {
                    // Everything was said: what was missing is only the participant's click.
                    return self.finish(EndReason::Finished, self.elapsed, now);
                }
                vec![self.abandoned(EndReason::PauseTimeout, now)]
            }
            _ => Vec::new(),
        }
    }

    /// Completes, after a closing if none was said. An erased person cannot be told anything any more.
    fn finish(&self, reason: EndReason, elapsed: u64, now: DateTime<Utc>) -> Vec<SessionEvent> {
        let mut events = Vec::new();
        if !self.is_done() && !self.is_erased() {
            let turn = Turn { said: vec![self.closing(reason)], prompt: None, over: None };
            events.push(self.prompted_as(turn, elapsed, now));
        }
        // Time is up only for an interview that had something left to ask.
        let reason = if self.is_done() { EndReason::Finished } else { reason };
        events.push(completed(reason, elapsed, now));
        events
    }

    fn abandoned(&self, reason: EndReason, now: DateTime<Utc>) -> SessionEvent {
        SessionEvent::Abandoned(SessionAbandoned { reason, elapsed: self.elapsed_at(now), at: now })
    }

    fn ready_transcript(&self, sentiment: Option<Sentiment>, now: DateTime<Utc>) -> Vec<SessionEvent> {
        if !self.owes_transcript() {
            return Vec::new();
        }
        // Who has withdrawn consent is not analysed any more. Two decimals, so that a row reads back as it was written.
        let sentiment = sentiment
            .filter(|mood| mood.score.is_finite() && !self.withdrawn)
            .map(|mood| Sentiment { score: (mood.score.clamp(-1.0, 1.0) * 100.0).round() / 100.0, ..mood });
        vec![SessionEvent::TranscriptReady(TranscriptReady {
            partial: self.status == SessionStatus::Abandoned,
            utterances: u32::try_from(self.utterances().len()).unwrap_or(u32::MAX),
            sentiment: sentiment.map(Into::into),
            at: now,
        })]
    }

    fn prompted_as(&self, turn: Turn, elapsed: u64, now: DateTime<Utc>) -> SessionEvent {
        let asked = self.turns.iter().filter(|turn| turn.prompt.is_some()).count();
        let number = u32::try_from(asked).unwrap_or(u32::MAX).saturating_add(1);
        let (said, texts): (Vec<_>, Vec<_>) =
            turn.said.into_iter().map(|(kind, line)| (Said { kind, origin: line.origin }, line.text)).unzip();
        SessionEvent::Prompted(SessionPrompted {
            said,
            texts: texts.into(),
            prompt: turn.prompt.map(|(kind, question_id)| Asked { number, kind, question_id }),
            elapsed,
            at: now,
        })
    }
}

#[derive(Default)]
struct ShownText {
    version: Option<u32>,
    sha256: Option<String>,
    locale: Option<String>,
}

fn create(new: NewSession) -> SessionCreated {
    SessionCreated {
        session_id: new.session_id,
        organization_id: new.organization_id,
        campaign_id: new.campaign_id,
        invite_id: new.invite_id,
        script_id: new.script_id,
        script_version: new.script_version,
        total_questions: new.total_questions,
        terms: new.terms,
        email: new.participant.email.into(),
        name: new.participant.name.into(),
        metadata: new.metadata.into(),
        device: new.device.into(),
        start_by: new.start_by,
        at: new.now,
    }
}

fn completed(reason: EndReason, elapsed: u64, now: DateTime<Utc>) -> SessionEvent {
    SessionEvent::Completed(SessionCompleted { reason, elapsed, at: now })
}

fn question<'a>(content: &'a ScriptContent, id: &str) -> Option<&'a Question> {
    content.questions.iter().find(|question| question.id == id)
}

/// Whether an answer that was accepted says the same as one that comes now, to the same prompt.
fn is_same(taken: &Taken, answer: &NewAnswer, content: &ScriptContent) -> bool {
    match (&taken.given, &answer.reply) {
        (None, reply) => *reply == Reply::Skip,
        (Some(given), reply) => {
            let Some(question) = question(content, &taken.question_id) else { return false };
            reply.check(taken.kind, question).is_ok_and(|now| now.as_ref() == Some(given))
        }
    }
}

//! Two tabs, a clock and a company, all doing what they like.

use std::collections::BTreeMap;

use aggregates::{
    Code, Entity,
    session::{
        ConsentKind, EndReason, PauseCause, Reply, ResumeCause, Session, SessionCommand, SessionEvent, SessionStatus,
    },
};
use chrono::Duration;
use proptest::{prelude::*, sample::select};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use serde_json::json;

use crate::{
    common::{Live, at},
    models::{Outcome, run},
    sessions::{self, content},
};

const LIMIT: i64 = 600;
const GRACE: i64 = 120;
const START_BY: i64 = 3_600;
const PAUSE_TIMEOUT: i64 = 1_000;

/// What is said in an answer. The script asks: open (required, two follow-ups), rating (optional), choice, yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    Short,
    Long,
    Four,
    Red,
    Yes,
    Skip,
}

impl Words {
    fn reply(self) -> Reply {
        match self {
            Self::Short => Reply::Text("Good.".into()),
            Self::Long => Reply::Text(sessions::LONG.into()),
            Self::Four => Reply::Value(json!(4)),
            Self::Red => Reply::Value(json!("Red")),
            Self::Yes => Reply::Value(json!(true)),
            Self::Skip => Reply::Skip,
        }
    }

    /// Whether the n-th question, or a follow-up to it, takes such an answer.
    fn fits(self, question: u32, follow_up: bool) -> bool {
        match self {
            Self::Skip => follow_up || question == 2,
            Self::Short | Self::Long => question == 1,
            Self::Four => question == 2,
            Self::Red => question == 3,
            Self::Yes => question == 4,
        }
    }
}

#[derive(Clone, Debug)]
enum Move {
    Wait(i64),
    Consent(ConsentKind, bool),
    Start,
    /// An answer to the current prompt, or to the one so many before it; with the next sequence number, or an older one.
    Answer {
        back: u32,
        seq_back: u64,
        words: Words,
    },
    Pause,
    Resume,
    Lost(i64),
    Restored,
    Complete,
    Leave,
    EndForTime,
    EndForPause,
    GiveUp,
}

#[derive(Clone, Debug)]
struct Model {
    now: i64,
    status: SessionStatus,
    reason: Option<EndReason>,
    recording: Option<bool>,
    processing: Option<bool>,
    withdrawn: bool,
    /// The question that is asked, and how many follow-ups it had.
    asking: Option<(u32, u32)>,
    prompts: u32,
    /// What each prompt was, like `asking`.
    asked: Vec<(u32, u32)>,
    taken: BTreeMap<u64, (u32, Words)>,
    answered: Vec<u32>,
    /// Seconds of interview up to `since`, from which on it runs, or rests.
    seconds: i64,
    since: i64,
    lost: bool,
    prompt_since: i64,
    outcome: Outcome,
}

impl Model {
    fn elapsed(&self) -> i64 {
        self.seconds + if self.status == SessionStatus::InProgress { self.now - self.since } else { 0 }
    }

    fn tick(&mut self, seconds: i64) {
        (self.seconds, self.since) = (seconds, self.now);
    }

    fn end(&mut self, status: SessionStatus, reason: EndReason, seconds: i64) {
        self.tick(seconds);
        (self.status, self.reason, self.asking) = (status, Some(reason), None);
    }

    /// Completes, and says how many events that takes: a closing that is still to be said is one.
    fn finish(&mut self, reason: EndReason, seconds: i64) -> usize {
        let (events, reason) = if self.asking.is_some() { (2, reason) } else { (1, EndReason::Finished) };
        self.end(SessionStatus::Completed, reason, seconds);
        events
    }

    fn consent(&mut self, kind: ConsentKind, granted: bool) -> usize {
        let (one, two) = (kind != ConsentKind::DataProcessing, kind != ConsentKind::Recording);
        let had = one && self.recording == Some(true) || two && self.processing == Some(true);
        let begun = self.prompts > 0;
        if one {
            self.recording = Some(granted);
        }
        if two {
            self.processing = Some(granted);
        }
        if !granted {
            self.withdrawn |= had || begun;
        } else if !self.status.is_over() && self.recording != Some(false) && self.processing != Some(false) {
            self.withdrawn = false;
        }
        if self.status == SessionStatus::InProgress {
            let seconds = self.elapsed();
            self.tick(seconds);
        }
        let running = matches!(self.status, SessionStatus::InProgress | SessionStatus::Paused);
        if running && !granted {
            let seconds = self.elapsed();
            self.end(SessionStatus::Abandoned, EndReason::ConsentWithdrawn, seconds);
            return 2;
        }
        1
    }

    fn answer(&mut self, prompt: u32, seq: u64, words: Words) -> Outcome {
        if let Some(taken) = self.taken.get(&seq) {
            return if *taken == (prompt, words) { Ok(0) } else { Err(Code::Conflict) };
        }
        // An answer that its prompt does not take is told so before it is told that this is not the moment.
        let at = usize::try_from(prompt).expect("small").checked_sub(1);
        let asked = at.and_then(|at| self.asked.get(at));
        if asked.is_some_and(|(question, follow_ups)| !words.fits(*question, *follow_ups > 0)) {
            return Err(Code::ValidationError);
        }
        if self.status != SessionStatus::InProgress {
            return Err(Code::SessionNotActive);
        }
        let Some((question, follow_ups)) = self.asking.filter(|_| prompt == self.prompts) else {
            return Err(Code::Conflict);
        };
        self.taken.insert(seq, (prompt, words));
        if follow_ups == 0 && words != Words::Skip {
            self.answered.push(question);
        }
        let seconds = self.elapsed();
        self.tick(seconds);
        self.prompts += 1;
        if seconds >= LIMIT {
            self.prompts -= 1;
            self.end(SessionStatus::Completed, EndReason::TimeLimit, seconds);
            return Ok(3);
        }
        self.asking = match (question, words) {
            (1, Words::Short) if follow_ups < 2 && seconds - self.prompt_since < 90 => Some((1, follow_ups + 1)),
            (4, _) => None,
            _ => Some((question + 1, 0)),
        };
        match self.asking {
            Some(asking) => self.asked.push(asking),
            None => self.prompts -= 1,
        }
        self.prompt_since = seconds;
        Ok(2)
    }

    fn decide(&mut self, mv: &Move) -> Outcome {
        use SessionStatus::{Abandoned, Created, InProgress, Paused};
        let over = self.status.is_over();
        match *mv {
            Move::Wait(seconds) => self.now += seconds,
            Move::Consent(kind, granted) => return Ok(self.consent(kind, granted)),
            Move::Start if self.status != Created => return Err(Code::SessionNotActive),
            Move::Start if self.recording != Some(true) || self.processing != Some(true) => {
                return Err(Code::ConsentRequired);
            }
            Move::Start => {
                (self.status, self.asking, self.prompts, self.prompt_since) = (InProgress, Some((1, 0)), 1, 0);
                self.asked.push((1, 0));
                self.tick(0);
                return Ok(2);
            }
            Move::Answer { back, seq_back, words } => {
                let seq = self.next_seq().saturating_sub(seq_back);
                return self.answer(self.prompts.saturating_sub(back), seq, words);
            }
            Move::Pause if self.status != InProgress => return Err(Code::SessionNotActive),
            Move::Pause => {
                let seconds = self.elapsed();
                self.tick(seconds);
                (self.status, self.lost) = (Paused, false);
                return Ok(1);
            }
            Move::Resume if self.status != Paused => return Err(Code::SessionNotActive),
            Move::Resume => {
                let seconds = self.seconds;
                self.tick(seconds);
                self.status = InProgress;
                return Ok(1);
            }
            Move::Lost(silence) if self.status == InProgress => {
                let seconds = self.seconds + (self.now - silence).max(self.since) - self.since;
                if self.asking.is_none() {
                    return Ok(self.finish(EndReason::Finished, seconds));
                }
                self.tick(seconds);
                (self.status, self.lost) = (Paused, true);
                return Ok(1);
            }
            Move::Restored if self.status == Paused && self.lost => {
                let seconds = self.seconds;
                self.tick(seconds);
                self.status = InProgress;
                return Ok(1);
            }
            Move::Complete if self.status != InProgress => return Err(Code::SessionNotActive),
            Move::Complete if self.elapsed() >= LIMIT => {
                let seconds = self.elapsed();
                return Ok(self.finish(EndReason::TimeLimit, seconds));
            }
            Move::Complete if self.asking.is_some() && [1, 3, 4].iter().any(|q| !self.answered.contains(q)) => {
                return Err(Code::Conflict);
            }
            Move::Complete => {
                let seconds = self.elapsed();
                return Ok(self.finish(EndReason::Finished, seconds));
            }
            Move::Leave if over => return Err(Code::SessionNotActive),
            Move::Leave => {
                let seconds = self.elapsed();
                self.end(Abandoned, EndReason::ParticipantLeft, seconds);
                return Ok(1);
            }
            Move::EndForTime if self.status == InProgress => {
                let limit = LIMIT + if self.asking.is_some() { GRACE } else { 0 };
                let seconds = self.elapsed();
                return Ok(if seconds >= limit { self.finish(EndReason::TimeLimit, seconds) } else { 0 });
            }
            Move::EndForPause if self.status == Paused && self.now - self.since >= PAUSE_TIMEOUT => {
                let seconds = self.seconds;
                if self.asking.is_none() {
                    return Ok(self.finish(EndReason::Finished, seconds));
                }
                self.end(Abandoned, EndReason::PauseTimeout, seconds);
                return Ok(1);
            }
            Move::GiveUp if self.status == Created && self.now >= START_BY => {
                self.end(Abandoned, EndReason::NeverStarted, 0);
                return Ok(1);
            }
            Move::Lost(_) | Move::Restored | Move::EndForTime | Move::EndForPause | Move::GiveUp => {}
        }
        Ok(0)
    }

    fn next_seq(&self) -> u64 {
        self.taken.last_key_value().map_or(1, |(seq, _)| seq + 1)
    }
}

impl ReferenceStateMachine for Model {
    type State = (Self, Self);
    type Transition = Move;

    fn init_state() -> BoxedStrategy<(Self, Self)> {
        let model = Self {
            now: 0,
            status: SessionStatus::Created,
            reason: None,
            recording: None,
            processing: None,
            withdrawn: false,
            asking: None,
            prompts: 0,
            asked: Vec::new(),
            taken: BTreeMap::new(),
            answered: Vec::new(),
            seconds: 0,
            since: 0,
            lost: false,
            prompt_since: 0,
            outcome: Ok(0),
        };
        Just((model.clone(), model)).boxed()
    }

    fn transitions((model, _): &(Self, Self)) -> BoxedStrategy<Move> {
        let kinds = [ConsentKind::Recording, ConsentKind::DataProcessing, ConsentKind::All];
        let words = [Words::Short, Words::Long, Words::Four, Words::Red, Words::Yes, Words::Skip];
        let answer = (prop_oneof![6 => Just(0_u32), 1 => 1..3_u32], prop_oneof![6 => Just(0_u64), 1 => 1..4_u64]);
        let answer = |words| {
            (answer.clone(), words).prop_map(|((back, seq_back), words)| Move::Answer { back, seq_back, words })
        };
        // Mostly such answers as the current question takes, so that interviews come to their end.
        let fitting: Vec<_> = match model.asking {
            Some((question, follow_ups)) => words.into_iter().filter(|w| w.fits(question, follow_ups > 0)).collect(),
            None => words.to_vec(),
        };
        let early = if model.status == SessionStatus::Created { 6 } else { 1 };
        prop_oneof![
            6 => (0..40_i64).prop_map(Move::Wait),
            1 => select(vec![90, LIMIT, LIMIT + 120, PAUSE_TIMEOUT, START_BY]).prop_map(Move::Wait),
            early => (select(kinds.to_vec()), prop::bool::weighted(0.9)).prop_map(|(kind, granted)| Move::Consent(kind, granted)),
            early => Just(Move::Consent(ConsentKind::All, true)),
            early => Just(Move::Start),
            24 => answer(select(fitting).boxed()),
            3 => answer(select(words.to_vec()).boxed()),
            1 => Just(Move::Pause),
            3 => Just(Move::Resume),
            1 => (0..150_i64).prop_map(Move::Lost),
            2 => Just(Move::Restored),
            1 => Just(Move::Complete),
            1 => prop_oneof![1 => Just(Move::Leave), 9 => Just(Move::EndForPause)],
            2 => Just(Move::EndForTime),
            1 => Just(Move::GiveUp),
        ]
        .boxed()
    }

    fn apply((before, _): (Self, Self), mv: &Move) -> (Self, Self) {
        // The test sees the state after a move, but which prompt and sequence number are meant was said before it.
        let mut after = before.clone();
        after.outcome = after.decide(mv);
        (after, before)
    }
}

struct Test;

impl StateMachineTest for Test {
    type SystemUnderTest = Live<Session>;
    type Reference = Model;

    fn init_test(_: &(Model, Model)) -> Live<Session> {
        let mut live = Live::default();
        live.run(SessionCommand::Create(Box::new(sessions::new_session(sessions::terms())))).expect("created");
        live
    }

    fn apply(mut live: Live<Session>, (model, before): &(Model, Model), mv: Move) -> Live<Session> {
        let now = at(model.now);
        let command = match mv {
            Move::Wait(_) => return live,
            Move::Consent(kind, granted) => sessions::consent(kind, granted, now),
            Move::Start => sessions::start(now),
            Move::Answer { back, seq_back, words } => {
                let prompt = format!("p{}", before.prompts.saturating_sub(back));
                sessions::answer(&prompt, before.next_seq().saturating_sub(seq_back), words.reply(), now)
            }
            Move::Pause => SessionCommand::Pause { cause: PauseCause::Api, reason: None, now },
            Move::Resume => SessionCommand::Resume { cause: ResumeCause::Api, now },
            Move::Lost(silence) => SessionCommand::HeartbeatLost { last_seen: now - Duration::seconds(silence), now },
            Move::Restored => SessionCommand::HeartbeatRestored { now },
            Move::Complete => SessionCommand::Complete { content: content(), now },
            Move::Leave => SessionCommand::Leave { now },
            Move::EndForTime => SessionCommand::EndForTime { grace: Duration::seconds(GRACE), now },
            Move::EndForPause => SessionCommand::EndForPause { timeout: Duration::seconds(PAUSE_TIMEOUT), now },
            Move::GiveUp => SessionCommand::GiveUp { now },
        };
        assert_eq!(run(&mut live, command), model.outcome);
        live
    }

    fn check_invariants(live: &Live<Session>, (model, _): &(Model, Model)) {
        live.check();
        let state = &live.state;
        assert_eq!((state.status, state.end_reason), (model.status, model.reason));
        assert_eq!(state.questions_answered as usize, model.answered.len());
        assert_eq!(state.elapsed_at(at(model.now)), model.elapsed().unsigned_abs() * 1_000);
        assert_eq!(state.current.is_some(), model.asking.is_some());
        assert_eq!(state.withdrawn, model.withdrawn);
        // Terms of this model require consent.
        assert_eq!(state.may_be_recorded(), model.recording == Some(true) && !model.withdrawn);
        assert!(state.organization_id().is_some());
        sessions::monotonic(state.utterances());
        // In the order of the log: nothing that was said follows a withdrawal that ended the interview, or any other end.
        let end = live
            .events
            .iter()
            .position(|event| matches!(event, SessionEvent::Completed(_) | SessionEvent::Abandoned(_)));
        let said = live.events.iter().rposition(|event| {
            matches!(event, SessionEvent::Answered(_) | SessionEvent::Skipped(_) | SessionEvent::Prompted(_))
        });
        assert!(end.is_none() || said < end);
        // No question of the script is asked twice or left out.
        let asked = live.events.iter().filter_map(|event| match event {
            SessionEvent::Prompted(prompted) => prompted.prompt.as_ref(),
            _ => None,
        });
        let questions: Vec<_> = asked
            .filter(|asked| asked.kind == aggregates::session::PromptKind::Question)
            .map(|asked| asked.question_id.clone())
            .collect();
        assert_eq!(questions, ["q1", "q2", "q3", "q4"][..questions.len()]);
    }
}

prop_state_machine! {
    #[test]
    fn a_session_behaves_like_its_model(sequential 1..80 => Test);
}

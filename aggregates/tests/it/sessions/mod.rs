//! Sessions, given/when/then; and what their tests share.

mod bodies;
mod rules;
mod time;
mod wording;

use std::sync::Arc;

use aggregates::{
    Code, Entity, Event, Refusal,
    script::{FollowUp, Question, QuestionType, Scale, ScriptContent},
    session::{
        ConsentKind, ConsentMethod, Device, NewAnswer, NewConsent, NewSession, Participant, PauseCause, Produced,
        Prompt, Reply, ResumeCause, Sentiment, Session, SessionCommand, Terms, TurnView, Utterance,
    },
    value::{Email, Metadata},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::common::{Live, at, id, object, t0};

pub const LONG: &str = "The basket was emptied twice, and I had to search for every product again before I could pay.";

/// One question of each type; the rating may be skipped, and the open one is followed up on twice at most.
pub fn content() -> Arc<ScriptContent> {
    let question = |n: u32, kind, required| Question {
        id: format!("q{n}"),
        text: format!("Question {n}?"),
        kind,
        required,
        follow_up: None,
        max_duration: None,
        order: n,
        options: None,
        scale: None,
        media: Vec::new(),
    };
    let follow_up = FollowUp { enabled: true, max_follow_ups: Some(2), prompt: Some("Dig deeper".into()) };
    Arc::new(ScriptContent {
        system_prompt: "Be kind.".into(),
        questions: vec![
            Question { follow_up: Some(follow_up), max_duration: Some(90), ..question(1, QuestionType::Open, true) },
            Question { scale: Some(Scale { min: 1, max: 5 }), ..question(2, QuestionType::Rating, false) },
            Question {
                options: Some(vec!["Red".into(), "Blue".into()]),
                ..question(3, QuestionType::MultipleChoice, true)
            },
            question(4, QuestionType::YesNo, true),
        ],
        settings: object(json!({})),
    })
}

pub fn terms() -> Terms {
    Terms { max_duration: 600, ..Terms::default() }
}

pub fn new_session(terms: Terms) -> NewSession {
    NewSession {
        session_id: id(20),
        organization_id: id(1),
        campaign_id: id(3),
        invite_id: id(4),
        script_id: id(2),
        script_version: 1,
        total_questions: 4,
        terms,
        participant: Participant { email: Email::parse("Ada@Example.com").expect("good"), name: Some("Ada".into()) },
        metadata: Metadata::try_from(object(json!({"k": "v"}))).expect("good"),
        device: Some(Device { browser: Some("Chrome 120".into()), os: None, kind: Some("desktop".into()) }),
        start_by: at(3_600),
        now: t0(),
    }
}

pub fn consent(kind: ConsentKind, granted: bool, now: DateTime<Utc>) -> SessionCommand {
    SessionCommand::Consent(NewConsent {
        consent_id: id(30),
        kind,
        granted,
        text_sha256: None,
        method: ConsentMethod::Web,
        actor: "participant".into(),
        ip: Some("192.0.2.7".into()),
        user_agent: Some("Mozilla/5.0".into()),
        now,
    })
}

pub fn start(now: DateTime<Utc>) -> SessionCommand {
    SessionCommand::Start { content: content(), now }
}

pub fn reply(prompt_id: &str, seq: u64, reply: Reply) -> NewAnswer {
    NewAnswer { prompt_id: prompt_id.into(), seq, reply }
}

pub fn answer(prompt_id: &str, seq: u64, given: Reply, now: DateTime<Utc>) -> SessionCommand {
    answer_with(reply(prompt_id, seq, given), None, now)
}

pub fn answer_with(answer: NewAnswer, produced: Option<Produced>, now: DateTime<Utc>) -> SessionCommand {
    SessionCommand::Answer { answer, spoken: None, produced, content: content(), now }
}

pub fn text(words: &str) -> Reply {
    Reply::Text(words.into())
}

pub fn value(value: Value) -> Reply {
    Reply::Value(value)
}

pub fn complete(now: DateTime<Utc>) -> SessionCommand {
    SessionCommand::Complete { content: content(), now }
}

pub fn pause(cause: PauseCause, now: DateTime<Utc>) -> SessionCommand {
    SessionCommand::Pause { cause, reason: Some("Phone".into()), now }
}

pub fn resume(now: DateTime<Utc>) -> SessionCommand {
    SessionCommand::Resume { cause: ResumeCause::Participant, now }
}

pub fn ready(mood: Option<Sentiment>, now: DateTime<Utc>) -> SessionCommand {
    SessionCommand::ReadyTranscript { sentiment: mood, now }
}

/// A session on which one command after another is run.
pub struct Interview(pub Live<Session>);

impl Interview {
    pub fn created(terms: Terms) -> Self {
        let mut interview = Self(Live::default());
        interview.run(SessionCommand::Create(Box::new(new_session(terms))));
        interview
    }

    /// With consent, and begun at [`t0`].
    pub fn started() -> Self {
        let mut interview = Self::created(terms());
        interview.run(consent(ConsentKind::All, true, t0()));
        interview.run(start(t0()));
        interview
    }

    /// Runs a command that is allowed, and names the events that came of it.
    #[track_caller]
    pub fn run(&mut self, command: SessionCommand) -> Vec<&'static str> {
        let from = self.0.events.len();
        if let Err(error) = self.0.run(command) {
            panic!("refused: {error:?}");
        }
        self.0.check();
        self.0.events[from..].iter().map(Event::name).collect()
    }

    #[track_caller]
    pub fn refuses(&self, command: SessionCommand) -> Refusal {
        self.0.state.decide(command).expect_err("refused").into()
    }

    pub fn code(&self, command: SessionCommand) -> Code {
        self.refuses(command).code
    }

    pub fn state(&self) -> &Session {
        &self.0.state
    }

    pub fn view(&self) -> TurnView {
        self.view_of(&content())
    }

    pub fn view_of(&self, content: &ScriptContent) -> TurnView {
        self.state().latest_turn(content).expect("a turn")
    }

    pub fn prompt(&self) -> String {
        self.state().current.as_ref().map(Prompt::id).expect("a prompt")
    }

    /// Answers everything, ten seconds each, from the given second on.
    pub fn answer_all(&mut self, from: i64) {
        for (n, given) in
            [text(LONG), value(json!(4)), value(json!("Blue")), value(json!(true))].into_iter().enumerate()
        {
            let n = i64::try_from(n).expect("small");
            self.run(answer(&format!("p{}", n + 1), n.unsigned_abs() + 1, given, at(from + 10 * (n + 1))));
        }
    }
}

/// Subtitles need this.
pub fn monotonic(lines: &[Utterance]) {
    let mut end = 0;
    for line in lines {
        assert!(line.start_ms >= end && line.end_ms > line.start_ms, "{line:?} after {end}");
        end = line.end_ms;
    }
}

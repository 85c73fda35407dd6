use std::sync::Arc;

use aggregates::{
    Code, Entity, Event, Personal, Refusal,
    consent::{self, ConsentType},
    id::FileId,
    script::{FollowUp, Question, QuestionType, Scale, ScriptContent},
    session::{
        ANSWER_GRACE, AnswerInput, ConsentInput, ConsentKind, ConsentMethod, Device, DeviceInput, EndReason, Given,
        Line, NewAnswer, NewConsent, NewSession, OriginKind, Overall, Participant, PauseCause, PauseInput, Produced,
        Prompt, Reply, ResumeCause, Sentiment, Session, SessionCommand, SessionEvent, SessionStatus, Speaker, Spoken,
        Step, Terms, TurnView, Utterance, UtteranceKind,
    },
    value::{Email, Metadata},
};
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use crate::common::{Live, at, fields, id, invalid, malformed, object, read, t0};

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

fn answer_with(answer: NewAnswer, produced: Option<Produced>, now: DateTime<Utc>) -> SessionCommand {
    SessionCommand::Answer { answer, spoken: None, produced, content: content(), now }
}

fn text(words: &str) -> Reply {
    Reply::Text(words.into())
}

fn value(value: Value) -> Reply {
    Reply::Value(value)
}

fn complete(now: DateTime<Utc>) -> SessionCommand {
    SessionCommand::Complete { content: content(), now }
}

fn pause(cause: PauseCause, now: DateTime<Utc>) -> SessionCommand {
    SessionCommand::Pause { cause, reason: Some("Phone".into()), now }
}

fn resume(now: DateTime<Utc>) -> SessionCommand {
    SessionCommand::Resume { cause: ResumeCause::Participant, now }
}

fn ready(mood: Option<Sentiment>, now: DateTime<Utc>) -> SessionCommand {
    SessionCommand::ReadyTranscript { sentiment: mood, now }
}

/// A session on which one command after another is run.
struct Interview(Live<Session>);

impl Interview {
    fn created(terms: Terms) -> Self {
        let mut interview = Self(Live::default());
        interview.run(SessionCommand::Create(Box::new(new_session(terms))));
        interview
    }

    /// With consent, and begun at [`t0`].
    fn started() -> Self {
        let mut interview = Self::created(terms());
        interview.run(consent(ConsentKind::All, true, t0()));
        interview.run(start(t0()));
        interview
    }

    /// Runs a command that is allowed, and names the events that came of it.
    #[track_caller]
    fn run(&mut self, command: SessionCommand) -> Vec<&'static str> {
        let from = self.0.events.len();
        if let Err(error) = self.0.run(command) {
            panic!("refused: {error:?}");
        }
        self.0.check();
        self.0.events[from..].iter().map(Event::name).collect()
    }

    #[track_caller]
    fn refuses(&self, command: SessionCommand) -> Refusal {
        self.0.state.decide(command).expect_err("refused").into()
    }

    fn code(&self, command: SessionCommand) -> Code {
        self.refuses(command).code
    }

    fn state(&self) -> &Session {
        &self.0.state
    }

    fn view(&self) -> TurnView {
        self.state().latest_turn(&content()).expect("a turn")
    }

    fn prompt(&self) -> String {
        self.state().current.as_ref().map(Prompt::id).expect("a prompt")
    }

    /// Answers everything, ten seconds each, from the given second on.
    fn answer_all(&mut self, from: i64) {
        for (n, given) in
            [text(LONG), value(json!(4)), value(json!("Blue")), value(json!(true))].into_iter().enumerate()
        {
            let n = i64::try_from(n).expect("small");
            self.run(answer(&format!("p{}", n + 1), n.unsigned_abs() + 1, given, at(from + 10 * (n + 1))));
        }
    }
}

#[test]
fn a_session_is_created_once_with_what_the_invite_says() {
    let interview = Interview::created(terms());
    let state = interview.state();
    assert_eq!((state.status, state.organization_id()), (SessionStatus::Created, Some(id(1))));
    assert_eq!(state.subject(), Some("ada@example.com"));
    assert_eq!(state.latest_turn(&content()), None);
    let again = SessionCommand::Create(Box::new(new_session(terms())));
    assert_eq!(interview.code(again), Code::Conflict);
    let nobody = Session::default();
    for command in [start(t0()), SessionCommand::Leave { now: t0() }, consent(ConsentKind::All, true, t0())] {
        assert_eq!(Refusal::from(nobody.decide(command).expect_err("refused")).code, Code::NotFound);
    }
}

#[test]
fn a_whole_interview() {
    let mut interview = Interview::created(terms());
    assert_eq!(interview.run(consent(ConsentKind::All, true, at(5))), ["consent.recorded"]);
    assert_eq!(interview.run(start(at(10))), ["session.started", "session.prompted"]);
    let view = interview.view();
    assert_eq!(view.messages.iter().map(|message| message.kind).collect::<Vec<_>>(), [UtteranceKind::Greeting]);
    let shown = serde_json::to_value(view.prompt).expect("JSON");
    assert_eq!(
        shown,
        json!({
            "id": "p1", "kind": "question", "questionId": "q1", "text": "Question 1?", "type": "open", "options": null,
            "scale": null, "required": true, "maxDuration": 90,
        })
    );
    assert_eq!(interview.run(answer("p1", 1, text("Fine."), at(20))), ["session.answered", "session.prompted"]);
    let view = interview.view();
    let follow_up = view.prompt.clone().expect("a follow-up");
    assert_eq!((follow_up.id.as_str(), follow_up.question_id.as_str(), follow_up.required), ("p2", "q1", false));
    assert_eq!((view.progress.answered, view.progress.total, view.next_seq), (1, 4, 2));
    interview.run(answer("p2", 2, text(LONG), at(30)));
    assert_eq!(interview.run(answer("p3", 3, Reply::Skip, at(40))), ["session.skipped", "session.prompted"]);
    interview.run(answer("p4", 4, value(json!("Red")), at(50)));
    assert!(!interview.view().done);
    interview.run(answer("p5", 5, value(json!(false)), at(60)));
    let view = interview.view();
    assert!(view.done && view.prompt.is_none() && interview.state().is_done());
    assert_eq!(view.messages.iter().map(|message| message.kind).collect::<Vec<_>>(), [UtteranceKind::Closing]);
    assert_eq!(interview.state().status, SessionStatus::InProgress, "the participant says when it is over");
    assert_eq!(interview.run(complete(at(65))), ["session.completed"]);
    let state = interview.state();
    assert_eq!((state.status, state.end_reason), (SessionStatus::Completed, Some(EndReason::Finished)));
    assert_eq!((state.questions_answered, state.elapsed), (3, 55_000), "neither the skip nor the follow-up counts");
    let mood = Sentiment { overall: Overall::Positive, score: 0.5 };
    assert_eq!(interview.run(ready(Some(mood), at(65))), ["transcript.ready"]);
    assert_eq!(interview.state().sentiment, Some(mood));
    assert_eq!(interview.run(ready(None, at(66))), [""; 0], "once");

    let lines: Vec<_> = interview
        .state()
        .utterances()
        .iter()
        .map(|line| (line.speaker.as_str(), line.kind.as_str(), line.question_id.as_deref()))
        .collect();
    assert_eq!(
        lines,
        [
            ("ai", "greeting", None),
            ("ai", "question", Some("q1")),
            ("participant", "answer", Some("q1")),
            ("ai", "follow_up", Some("q1")),
            ("participant", "answer", Some("q1")),
            ("ai", "transition", None),
            ("ai", "question", Some("q2")),
            ("ai", "transition", None),
            ("ai", "question", Some("q3")),
            ("participant", "answer", Some("q3")),
            ("ai", "transition", None),
            ("ai", "question", Some("q4")),
            ("participant", "answer", Some("q4")),
            ("ai", "closing", None),
        ]
    );
    let last: Vec<_> =
        interview.state().utterances().iter().filter(|line| line.speaker == Speaker::Participant).collect();
    assert_eq!(last.last().and_then(|line| line.text.as_deref()), Some("No"));
    for command in [
        start(at(70)),
        complete(at(70)),
        resume(at(70)),
        pause(PauseCause::Api, at(70)),
        SessionCommand::Leave { now: at(70) },
        answer("p5", 6, value(json!(true)), at(70)),
    ] {
        assert_eq!(interview.code(command), Code::SessionNotActive);
    }
}

#[test]
fn consent_comes_first_where_it_is_required() {
    let mut interview = Interview::created(terms());
    assert_eq!(interview.code(start(t0())), Code::ConsentRequired);
    interview.run(consent(ConsentKind::Recording, true, t0()));
    assert_eq!(interview.code(start(t0())), Code::ConsentRequired, "one of two");
    interview.run(consent(ConsentKind::DataProcessing, true, t0()));
    interview.run(start(t0()));

    let mut refusing = Interview::created(terms());
    assert_eq!(refusing.run(consent(ConsentKind::All, false, t0())), ["consent.recorded"]);
    assert_eq!(refusing.state().status, SessionStatus::Created);
    assert_eq!(refusing.code(start(t0())), Code::ConsentRequired);
    refusing.run(consent(ConsentKind::All, true, t0()));
    assert_eq!(refusing.run(consent(ConsentKind::All, false, t0())), ["consent.withdrawn"]);
    assert_eq!(refusing.state().status, SessionStatus::Created, "it did not run");
    assert_eq!(refusing.state().consents.len(), 3);

    let free = Terms { require_consent: false, ..terms() };
    let mut unasked = Interview::created(free.clone());
    unasked.run(start(t0()));
    let mut unwilling = Interview::created(free);
    unwilling.run(consent(ConsentKind::Recording, false, t0()));
    assert_eq!(unwilling.code(start(t0())), Code::ConsentRequired, "a refusal counts even where nobody had to ask");
}

#[test]
fn a_consent_record_keeps_what_was_shown() {
    let mut interview = Interview::created(Terms { language: "de-AT".into(), ..terms() });
    interview.run(consent(ConsentKind::Recording, true, at(1)));
    let ours = consent::texts("de")[0];
    let record = interview.state().consents[0].clone();
    assert_eq!(
        (record.text_version, record.text_sha256, record.locale),
        (Some(1), Some(ours.sha256()), Some("de".into()))
    );
    assert_eq!((record.ip.as_deref(), record.user_agent.as_deref()), (Some("192.0.2.7"), Some("Mozilla/5.0")));
    assert_eq!((record.actor.as_str(), record.method, record.at), ("participant", ConsentMethod::Web, at(1)));

    let with = |method, text_sha256: Option<String>| match consent(ConsentKind::All, true, at(2)) {
        SessionCommand::Consent(consent) => SessionCommand::Consent(NewConsent { method, text_sha256, ..consent }),
        _ => unreachable!("a consent"),
    };
    let both = consent::shown("de", &[ConsentType::Recording, ConsentType::DataProcessing]);
    interview.run(with(ConsentMethod::Web, Some(both.sha256.clone())));
    assert_eq!(interview.state().consents[1].text_sha256, Some(both.sha256.clone()));
    let other = "ab".repeat(32);
    assert_eq!(
        fields(&interview.refuses(with(ConsentMethod::Web, Some(other.clone())))),
        [("textSha256", "not_found")],
        "a participant is shown ours"
    );
    interview.run(with(ConsentMethod::Api, Some(other.clone())));
    interview.run(with(ConsentMethod::Api, None));
    interview.run(with(ConsentMethod::Api, Some(both.sha256)));
    let known: Vec<_> = interview.state().consents[2..]
        .iter()
        .map(|record| (record.text_version, record.text_sha256.is_some()))
        .collect();
    assert_eq!(known, [(None, true), (None, false), (Some(1), true)]);
}

#[test]
fn after_a_withdrawal_nothing_is_accepted() {
    let mood = Sentiment { overall: Overall::Negative, score: -0.4 };
    for (paused, kind) in
        [(false, ConsentKind::Recording), (true, ConsentKind::DataProcessing), (false, ConsentKind::All)]
    {
        let mut interview = Interview::started();
        interview.run(answer("p1", 1, text(LONG), at(10)));
        if paused {
            interview.run(pause(PauseCause::Participant, at(15)));
        }
        assert_eq!(interview.run(consent(kind, false, at(20))), ["consent.withdrawn", "session.abandoned"]);
        let state = interview.state();
        assert_eq!(state.end_reason, Some(EndReason::ConsentWithdrawn));
        assert_eq!(state.elapsed, if paused { 15_000 } else { 20_000 });
        assert_eq!(interview.code(answer("p2", 2, value(json!(3)), at(21))), Code::SessionNotActive);
        assert_eq!(interview.code(resume(at(21))), Code::SessionNotActive);
        // A retry of what was accepted before is told the same again, and adds nothing.
        assert_eq!(interview.run(answer("p1", 1, text(LONG), at(22))), [""; 0]);
        interview.run(consent(kind, true, at(23)));
        assert_eq!(interview.state().status, SessionStatus::Abandoned, "an end is an end");
        interview.run(ready(Some(mood), at(24)));
        assert_eq!(interview.state().sentiment, None, "what was withdrawn is not analysed");
        let answers = interview.0.events.iter().rposition(|event| matches!(event, SessionEvent::Answered(_)));
        let withdrawal = interview.0.events.iter().position(|event| matches!(event, SessionEvent::ConsentWithdrawn(_)));
        assert!(answers < withdrawal);
    }
}

#[test]
fn a_retried_answer_counts_once() {
    let mut interview = Interview::started();
    interview.run(answer("p1", 7, text(&format!(" {LONG} ")), at(10)));
    let then = interview.state().turn_after(7, &content()).expect("a turn");
    assert_eq!(interview.run(answer("p1", 7, text(LONG), at(11))), [""; 0]);
    interview.run(answer("p2", 8, value(json!(4.0)), at(12)));
    assert_eq!(interview.run(answer("p2", 8, value(json!(4)), at(13))), [""; 0]);
    assert_eq!(interview.run(answer("p1", 7, text(LONG), at(14))), [""; 0]);
    assert_eq!(interview.state().turn_after(7, &content()), Some(then), "the same answer as then");
    for other in [
        answer("p1", 7, text("Something else."), at(15)),
        answer("p1", 7, Reply::Skip, at(15)),
        answer("p2", 7, text(LONG), at(15)),
        answer("p3", 8, value(json!("Red")), at(15)),
        answer("p1", 9, text(LONG), at(15)),
        answer("p9", 9, text(LONG), at(15)),
        answer("", 9, text(LONG), at(15)),
    ] {
        assert_eq!(interview.code(other), Code::Conflict);
    }
    assert_eq!(interview.state().questions_answered, 2);
}

#[test]
fn answers_are_held_against_their_question() {
    let mut interview = Interview::started();
    let refused = |interview: &Interview, given: Reply| {
        let refusal = interview.refuses(answer(&interview.prompt(), 99, given, at(5)));
        assert_eq!(refusal.code, Code::ValidationError);
        fields(&refusal).into_iter().map(|(field, code)| format!("{field} {code}")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(refused(&interview, Reply::Skip), "skip not_allowed");
    assert_eq!(refused(&interview, text(" ")), "text too_short");
    assert_eq!(refused(&interview, text(&"x".repeat(20_001))), "text too_long");
    assert_eq!(refused(&interview, text("a\0b")), "text invalid_format");
    assert_eq!(refused(&interview, value(json!("words"))), "text required");
    interview.run(answer("p1", 1, text(LONG), at(10)));
    for bad in [json!(0), json!(6), json!(2.5), json!(1e300)] {
        assert_eq!(refused(&interview, value(bad)), "value out_of_range");
    }
    for bad in [json!("4"), json!(true), json!([4])] {
        assert_eq!(refused(&interview, value(bad)), "value invalid_type");
    }
    assert_eq!(refused(&interview, text("four")), "value required");
    interview.run(answer("p2", 2, value(json!(1)), at(20)));
    assert_eq!(refused(&interview, value(json!("Green"))), "value invalid_enum");
    assert_eq!(refused(&interview, value(json!("red"))), "value invalid_enum");
    assert_eq!(refused(&interview, value(json!(0))), "value invalid_type");
    interview.run(answer("p3", 3, value(json!("Red")), at(30)));
    assert_eq!(refused(&interview, value(json!("yes"))), "value invalid_type");
    assert_eq!(refused(&interview, Reply::Skip), "skip not_allowed");
    interview.run(answer("p4", 4, value(json!(true)), at(40)));
    assert_eq!(interview.code(answer("p5", 5, value(json!(true)), at(50))), Code::Conflict, "nothing waits");
    assert!(interview.state().utterances().iter().any(|line| line.text.as_deref() == Some("1 (1–5)")));
}

#[test]
fn short_answers_are_followed_up_on_as_often_as_allowed() {
    let mut interview = Interview::started();
    interview.run(answer("p1", 1, text("Good."), at(10)));
    let now = at(15);
    match interview.state().next_step(&reply("p2", 2, text("Very.")), &content(), now).expect("allowed") {
        Some(Step::FollowUp { question, asked, guidance }) => {
            assert_eq!((question.id.as_str(), asked, guidance), ("q1", 1, Some("Dig deeper")));
        }
        other => panic!("{other:?}"),
    }
    interview.run(answer("p2", 2, text("Very."), now));
    interview.run(answer("p3", 3, Reply::Skip, at(20)));
    let asked = interview.view().prompt.expect("a prompt");
    assert_eq!(asked.question_id, "q2", "a skipped follow-up is not followed up on");
    assert_eq!(interview.state().questions_answered, 1);

    let mut talkative = Interview::started();
    talkative.run(answer("p1", 1, text("Good."), at(10)));
    talkative.run(answer("p2", 2, text("Very."), at(20)));
    let script = content();
    let step = talkative.state().next_step(&reply("p3", 3, text("Yes.")), &script, at(30)).expect("allowed");
    assert!(matches!(step, Some(Step::Question { question }) if question.id == "q2"), "two are enough");

    // Who has used up the time of a question is not asked for more.
    let slow = Interview::started();
    let step =
        |second| slow.state().next_step(&reply("p1", 1, text("Good.")), &script, at(second)).expect("allowed");
    assert!(matches!(step(89), Some(Step::FollowUp { .. })));
    assert!(matches!(step(90), Some(Step::Question { .. })));
}

#[test]
fn settings_decide_where_the_question_is_silent() {
    for (settings, own, follows) in [
        (None, None, false),
        (Some(1), None, true),
        (Some(0), None, false),
        (Some(3), Some(FollowUp { enabled: false, max_follow_ups: Some(3), prompt: None }), false),
        (None, Some(FollowUp { enabled: true, max_follow_ups: None, prompt: None }), true),
        (Some(0), Some(FollowUp { enabled: true, max_follow_ups: None, prompt: None }), false),
        (Some(0), Some(FollowUp { enabled: true, max_follow_ups: Some(1), prompt: None }), true),
    ] {
        let mut content = (*content()).clone();
        content.questions[0].follow_up = own.clone();
        let mut interview = Interview::created(Terms { max_follow_ups: settings, require_consent: false, ..terms() });
        interview.run(SessionCommand::Start { content: Arc::new(content.clone()), now: t0() });
        let step = interview.state().next_step(&reply("p1", 1, text("Good.")), &content, at(5)).expect("allowed");
        assert_eq!(matches!(step, Some(Step::FollowUp { .. })), follows, "{settings:?} {own:?}");
    }
}

#[test]
fn a_model_words_but_does_not_decide() {
    let line = |words: &str| Some(Line::model(words, "gpt", 3));
    let produced = |prompt: &str, transition: Option<Line>, follow_up: Option<Line>| {
        Some(Produced { prompt_id: prompt.into(), transition, follow_up })
    };
    let last = |interview: &Interview| interview.state().utterances().last().expect("a line").clone();

    let mut interview = Interview::started();
    let made = produced("p1", line("Unused."), line("You said “good”. How so?"));
    interview.run(answer_with(reply("p1", 1, text("Good.")), made, at(10)));
    let said = last(&interview);
    assert_eq!(said.text.as_deref(), Some("You said “good”. How so?"));
    let origin = said.origin.expect("an origin");
    assert_eq!((origin.kind, origin.name.as_str(), origin.prompt_version), (OriginKind::Model, "gpt", 3));
    assert_eq!(interview.view().prompt.expect("a prompt").text, "You said “good”. How so?");

    // An answer that needs no follow-up gets none, whatever the model wants to know; its transition is used.
    let made = produced("p2", line("Thank you, Ada."), line("And what is your salary?"));
    interview.run(answer_with(reply("p2", 2, text(LONG)), made, at(20)));
    let view = interview.view();
    assert_eq!(view.messages[0].text, "Thank you, Ada.");
    assert_eq!(view.prompt.expect("a prompt").text, "Question 2?", "the script's words are the script's");
    let said = last(&interview);
    assert_eq!(said.origin.expect("an origin").name, "script");

    // Lines for another prompt, blank ones and endless ones are not said.
    for made in [
        produced("p1", line("For another prompt."), None),
        produced("p3", line(" "), None),
        produced("p3", line(&"x".repeat(2_001)), None),
        produced("p3", line("a\u{0}b"), None),
        produced("p3", None, line("A follow-up to a rating?")),
        None,
    ] {
        let state = interview.state();
        let events = state.decide(answer_with(reply("p3", 3, value(json!(5))), made, at(30))).expect("allowed");
        let mut next = state.clone();
        events.into_iter().for_each(|event| cqrs_es::Aggregate::apply(&mut next, event));
        let view = next.latest_turn(&content()).expect("a turn");
        assert_eq!(view.prompt.expect("a prompt").question_id, "q3");
        let transition = &next.utterances()[next.utterances().len() - 2];
        assert_eq!(transition.origin.as_ref().map(|origin| origin.kind), Some(OriginKind::Rule));
    }
}

#[test]
fn the_settings_words_are_used_and_other_languages_have_their_own() {
    let with = |language: &str, own: Option<&str>| {
        let own = own.map(str::to_owned);
        let terms =
            Terms { language: language.into(), greeting: own.clone(), closing: own, require_consent: false, ..terms() };
        let mut interview = Interview::created(terms);
        interview.run(start(t0()));
        interview.answer_all(0);
        let lines = interview.state().utterances();
        (lines[0].clone(), lines[lines.len() - 2].clone(), lines[lines.len() - 1].clone())
    };
    let (greeting, _, closing) = with("en", Some("Welcome to Acme."));
    for line in [greeting, closing] {
        assert_eq!(line.text.as_deref(), Some("Welcome to Acme."));
        assert_eq!(line.origin.map(|origin| origin.name), Some("script".into()));
    }
    let mut greetings = std::collections::BTreeSet::new();
    for (language, yes) in
        [("en", "Yes"), ("de-AT", "Ja"), ("fr", "Oui"), ("es", "Sí"), ("ar", "نعم"), ("zh", "是"), ("nl", "Yes")]
    {
        let (greeting, answer, _) = with(language, None);
        assert_eq!(answer.text.as_deref(), Some(yes));
        assert_eq!(greeting.origin.map(|origin| origin.name), Some("interviewer".into()));
        greetings.extend(greeting.text);
    }
    assert_eq!(greetings.len(), 6, "Dutch falls back to English");
}

#[test]
fn pauses_are_left_out() {
    let mut interview = Interview::started();
    assert_eq!(interview.run(pause(PauseCause::Api, at(10))), ["session.paused"]);
    assert_eq!(interview.code(answer("p1", 1, text(LONG), at(11))), Code::SessionNotActive);
    assert_eq!(interview.code(pause(PauseCause::Api, at(11))), Code::SessionNotActive);
    assert_eq!(interview.code(complete(at(11))), Code::SessionNotActive);
    assert_eq!(interview.state().elapsed_at(at(1_000)), 10_000);
    assert_eq!(interview.state().time_limit(), None);
    // Only silence is ended by a heartbeat.
    assert_eq!(interview.run(SessionCommand::HeartbeatRestored { now: at(12) }), [""; 0]);
    interview.run(resume(at(100)));
    assert_eq!(interview.code(resume(at(100))), Code::SessionNotActive);
    assert_eq!(interview.state().elapsed_at(at(105)), 15_000);
    assert_eq!(interview.state().time_limit(), Some(at(100 + 590 + 120)));
    interview.answer_all(100);
    interview.run(complete(at(145)));
    assert_eq!(interview.state().elapsed, 55_000);
}

#[test]
fn silence_pauses_and_is_left_out() {
    let lost = |last_seen, now| SessionCommand::HeartbeatLost { last_seen, now };
    let mut interview = Interview::started();
    assert_eq!(interview.run(lost(at(30), at(150))), ["session.paused"]);
    assert_eq!(interview.state().elapsed, 30_000);
    assert_eq!(interview.state().pause_cause, Some(PauseCause::HeartbeatLost));
    assert_eq!(interview.run(lost(at(30), at(160))), [""; 0]);
    assert_eq!(interview.run(SessionCommand::HeartbeatRestored { now: at(200) }), ["session.resumed"]);
    assert_eq!(interview.run(SessionCommand::HeartbeatRestored { now: at(201) }), [""; 0]);
    // A time of last sight before the last event, or after the present, is nonsense and does no harm.
    interview.run(lost(at(-500), at(210)));
    assert_eq!(interview.state().elapsed, 30_000);
    interview.run(resume(at(220)));
    interview.run(lost(at(9_999), at(230)));
    assert_eq!(interview.state().elapsed, 40_000);
    // A page that is closed after the last question has been answered completes the interview.
    interview.run(resume(at(240)));
    interview.answer_all(240);
    assert_eq!(interview.run(lost(at(290), at(410))), ["session.completed"]);
    assert_eq!(interview.state().end_reason, Some(EndReason::Finished));
    assert_eq!(interview.state().elapsed, 90_000);
}

#[test]
fn a_long_pause_abandons() {
    let timeout = Duration::hours(24);
    let end = |now| SessionCommand::EndForPause { timeout, now };
    let mut interview = Interview::started();
    assert_eq!(interview.run(end(at(1_000_000))), [""; 0], "it is not paused");
    interview.run(pause(PauseCause::Participant, at(10)));
    assert_eq!(interview.run(end(at(86_409))), [""; 0]);
    assert_eq!(interview.run(end(at(86_410))), ["session.abandoned"]);
    assert_eq!(interview.state().end_reason, Some(EndReason::PauseTimeout));
    assert_eq!(interview.state().elapsed, 10_000);
    assert!(interview.state().owes_transcript());
    interview.run(ready(None, at(86_410)));
    let Some(SessionEvent::TranscriptReady(last)) = interview.0.events.last() else { panic!("another event") };
    assert!(last.partial);

    let mut finished = Interview::started();
    finished.answer_all(0);
    finished.run(pause(PauseCause::Participant, at(50)));
    assert_eq!(finished.run(end(at(90_000))), ["session.completed"], "everything was said");
}

#[test]
fn at_the_time_limit_the_current_answer_may_finish() {
    let mut interview = Interview::started();
    let end = |now| SessionCommand::EndForTime { now };
    assert_eq!(interview.run(end(at(600))), [""; 0], "somebody may be speaking");
    let mut other = Interview(Live { state: interview.state().clone(), events: interview.0.events.clone() });
    let names = interview.run(answer("p1", 1, text("Fine."), at(610)));
    assert_eq!(names, ["session.answered", "session.prompted", "session.completed"]);
    let state = interview.state();
    assert_eq!((state.status, state.end_reason), (SessionStatus::Completed, Some(EndReason::TimeLimit)));
    assert_eq!((state.questions_answered, state.elapsed), (1, 610_000));
    assert!(interview.view().done);

    let grace = i64::try_from(ANSWER_GRACE / 1_000).expect("small");
    assert_eq!(other.run(end(at(600 + grace - 1))), [""; 0]);
    assert_eq!(other.run(end(at(600 + grace))), ["session.prompted", "session.completed"]);
    assert_eq!(other.state().end_reason, Some(EndReason::TimeLimit));
    assert_eq!(other.run(end(at(2_000))), [""; 0]);

    let mut finished = Interview::started();
    finished.answer_all(0);
    assert_eq!(finished.state().time_limit(), Some(at(600)), "nobody is speaking any more");
    assert_eq!(finished.run(end(at(600))), ["session.completed"]);
    assert_eq!(finished.state().end_reason, Some(EndReason::Finished));
}

#[test]
fn completing_needs_every_required_answer() {
    let mut interview = Interview::created(Terms { require_consent: false, ..terms() });
    let optional_last = || {
        let mut content = (*content()).clone();
        content.questions.swap(1, 3);
        Arc::new(content)
    };
    interview.run(SessionCommand::Start { content: optional_last(), now: t0() });
    let answer = |prompt: &str, seq, given, now| SessionCommand::Answer {
        answer: reply(prompt, seq, given),
        spoken: None,
        produced: None,
        content: optional_last(),
        now,
    };
    let complete = |now| SessionCommand::Complete { content: optional_last(), now };
    assert_eq!(interview.code(complete(at(1))), Code::Conflict);
    interview.run(answer("p1", 1, text(LONG), at(10)));
    interview.run(answer("p2", 2, value(json!(true)), at(20)));
    assert_eq!(interview.code(complete(at(21))), Code::Conflict);
    interview.run(answer("p3", 3, value(json!("Red")), at(30)));
    assert_eq!(interview.view().prompt.map(|prompt| prompt.required), Some(false));
    assert_eq!(interview.run(complete(at(40))), ["session.prompted", "session.completed"], "the rest is optional");
    assert_eq!(interview.state().utterances().last().map(|line| line.kind), Some(UtteranceKind::Closing));
}

#[test]
fn leaving_and_never_starting_abandon() {
    let mut interview = Interview::started();
    assert_eq!(interview.run(SessionCommand::Leave { now: at(10) }), ["session.abandoned"]);
    assert_eq!(interview.state().end_reason, Some(EndReason::ParticipantLeft));
    assert!(interview.state().owes_transcript());

    let give_up = |now| SessionCommand::GiveUp { now };
    let mut waiting = Interview::created(terms());
    assert_eq!(waiting.run(give_up(at(3_599))), [""; 0]);
    assert_eq!(waiting.run(give_up(at(3_600))), ["session.abandoned"]);
    assert_eq!(waiting.state().end_reason, Some(EndReason::NeverStarted));
    assert_eq!(waiting.state().elapsed, 0);
    assert_eq!(waiting.run(ready(None, at(3_600))), [""; 0], "there is nothing to read");
    let mut running = Interview::started();
    assert_eq!(running.run(give_up(at(9_999))), [""; 0]);
}

#[test]
fn time_never_runs_backwards() {
    let mut interview = Interview::created(Terms { require_consent: false, ..terms() });
    interview.run(start(at(100)));
    interview.run(answer("p1", 1, text(LONG), at(50)));
    interview.run(answer("p2", 2, value(json!(3)), at(130)));
    interview.run(pause(PauseCause::Participant, at(20)));
    assert_eq!(interview.state().elapsed, 30_000);
    interview.run(resume(at(10)));
    interview.run(SessionCommand::Leave { now: at(0) });
    assert_eq!(interview.state().elapsed, 30_000);
    monotonic(interview.state().utterances());
}

/// Subtitles need this.
pub fn monotonic(lines: &[Utterance]) {
    let mut end = 0;
    for line in lines {
        assert!(line.start_ms >= end && line.end_ms > line.start_ms, "{line:?} after {end}");
        end = line.end_ms;
    }
}

#[test]
fn utterances_lie_where_they_were_said() {
    let mut interview = Interview::started();
    interview.run(answer("p1", 1, text(LONG), at(60)));
    let lines = interview.state().utterances();
    monotonic(lines);
    assert_eq!(lines[0].start_ms, 0);
    let answer_line = lines.iter().find(|line| line.kind == UtteranceKind::Answer).expect("an answer");
    assert_eq!(answer_line.end_ms, 60_000);
    assert!(
        (5_000..30_000).contains(&answer_line.start_ms),
        "it begins when the interviewer has spoken: {answer_line:?}"
    );
    assert_eq!(lines[lines.len() - 2].start_ms, 60_000);
    // An answer that comes faster than anybody could read cuts the interviewer short.
    interview.run(answer("p2", 2, value(json!(3)), at(61)));
    let lines = interview.state().utterances();
    monotonic(lines);
    let quick = lines.iter().filter(|line| line.kind == UtteranceKind::Answer).nth(1).expect("an answer");
    assert_eq!(quick.end_ms, 61_000);
    assert!(quick.start_ms <= 60_500);
    assert_eq!(lines.iter().map(|line| line.id.as_str()).collect::<Vec<_>>()[..2], ["utt_1", "utt_2"]);
}

#[test]
fn a_spoken_answer_keeps_its_confidence_and_recording() {
    let mut interview = Interview::started();
    let spoken = Some(Spoken { confidence: Some(0.875), file_id: Some(id::<FileId>(9)) });
    let command = SessionCommand::Answer {
        answer: reply("p1", 1, text(LONG)),
        spoken,
        produced: None,
        content: content(),
        now: at(10),
    };
    interview.run(command);
    interview.run(answer("p2", 2, value(json!(3)), at(20)));
    let heard: Vec<_> = interview
        .state()
        .utterances()
        .iter()
        .filter(|line| line.speaker == Speaker::Participant)
        .map(|line| (line.confidence, line.file_id))
        .collect();
    assert_eq!(heard, [(Some(0.875), Some(id(9))), (Some(1.0), None)]);
    assert_eq!(interview.state().utterances()[0].confidence, None);
}

/// The state that a replay gives after the person was erased.
fn erased(events: &[SessionEvent]) -> Session {
    Session::replay(events.iter().cloned().map(|mut event| {
        for (_, field) in event.personal() {
            field.seal(&mut |_| "ciphertext".into()).expect("sealed");
            field.open(&mut |_| None).expect("erased");
        }
        event
    }))
}

#[test]
fn of_an_erased_person_nothing_is_left_and_nothing_is_added() {
    let mut interview = Interview::started();
    interview.run(answer("p1", 1, text(LONG), at(10)));
    let gone = erased(&interview.0.events);
    assert!(gone.is_erased() && gone.subject().is_none());
    assert_eq!((gone.questions_answered, gone.status), (1, SessionStatus::InProgress));
    assert!(gone.utterances().iter().all(|line| line.text.is_none()));
    assert!(gone.consents.iter().all(|record| record.ip.is_none() && record.user_agent.is_none()));
    monotonic(gone.utterances());
    for command in [
        answer("p2", 2, value(json!(3)), at(20)),
        answer("p1", 1, text(LONG), at(20)),
        consent(ConsentKind::All, false, at(20)),
        complete(at(20)),
        pause(PauseCause::Api, at(20)),
    ] {
        assert_eq!(Refusal::from(gone.decide(command).expect_err("refused")).code, Code::Erased);
    }
    // The clock still ends it, and writes nothing personal.
    for command in [
        SessionCommand::EndForTime { now: at(9_999) },
        SessionCommand::HeartbeatLost { last_seen: at(20), now: at(140) },
        SessionCommand::Leave { now: at(20) },
    ] {
        let events = gone.decide(command).expect("allowed");
        assert_eq!(events.len(), 1);
        assert!(events.into_iter().all(|event| event.encode().is_ok()));
    }
    let mut left = gone.clone();
    let end = left.decide(SessionCommand::Leave { now: at(20) }).expect("allowed");
    end.into_iter().for_each(|event| cqrs_es::Aggregate::apply(&mut left, event));
    assert!(!left.owes_transcript());
}

#[test]
fn everything_said_is_sealed() {
    let mut interview = Interview::started();
    interview.run(answer("p1", 1, text(LONG), at(10)));
    interview.run(answer("p2", 2, value(json!(3)), at(20)));
    interview.run(pause(PauseCause::Participant, at(30)));
    interview.run(consent(ConsentKind::All, false, at(40)));
    interview.run(ready(None, at(40)));
    for event in &interview.0.events {
        let mut sealed = event.clone();
        for (_, field) in sealed.personal() {
            field.seal(&mut |_| "ciphertext".into()).expect("sealed");
        }
        let text = sealed.encode().expect("every personal field is named by personal()");
        for secret in ["Ada", "xample.com", "basket", "192.0.2.7", "Mozilla", "Phone", "Chrome", "Question 1", "rating"]
        {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    assert!(interview.0.events.iter().any(|event| matches!(event, SessionEvent::Paused(paused)
        if paused.reason == Some(Personal::Clear("Phone".into())))));
}

#[test]
fn bodies_of_answers() {
    let good = |body| read::<AnswerInput>(body).validate().expect("good");
    assert_eq!(good(json!({"promptId": "p1", "seq": 3.0, "text": "x"})), reply("p1", 3, text("x")));
    assert_eq!(
        good(json!({"promptId": "p1", "seq": 0, "value": false, "skip": false})),
        reply("p1", 0, value(json!(false)))
    );
    assert_eq!(good(json!({"promptId": "p1", "seq": 1, "skip": true, "text": null})), reply("p1", 1, Reply::Skip));
    let refusal = malformed::<AnswerInput>(json!({"promptId": 1, "seq": "1", "text": 2, "skip": "yes"}));
    assert_eq!(
        fields(&refusal),
        [("seq", "invalid_type"), ("promptId", "invalid_type"), ("text", "invalid_type"), ("skip", "invalid_type")]
    );
    assert_eq!(fields(&malformed::<AnswerInput>(json!({}))), [("seq", "required"), ("promptId", "required")]);
    let broken = |body| {
        let refusal = invalid(read::<AnswerInput>(body).validate());
        fields(&refusal).into_iter().map(|(field, code)| format!("{field} {code}")).collect::<Vec<_>>()
    };
    assert_eq!(broken(json!({"promptId": "p1", "seq": -1})), ["seq out_of_range", "text required"]);
    assert_eq!(
        broken(json!({"promptId": "p1", "seq": 1.5, "text": "x", "value": 1})),
        ["seq out_of_range", "text not_allowed"]
    );
    assert_eq!(broken(json!({"promptId": "p1", "seq": 1, "text": "x", "skip": true})), ["text not_allowed"]);
}

#[test]
fn bodies_of_consent_device_and_pause() {
    let consent = read::<ConsentInput>(json!({"granted": true, "type": "all", "ip": "::1"})).validate().expect("good");
    assert_eq!((consent.kind, consent.granted, consent.ip.as_deref()), (ConsentKind::All, true, Some("::1")));
    assert_eq!(
        fields(&malformed::<ConsentInput>(json!({"type": 1}))),
        [("granted", "required"), ("type", "invalid_type")]
    );
    let bad = json!({"granted": true, "type": "marketing", "ip": "here", "textSha256": "abc"});
    assert_eq!(
        fields(&invalid(read::<ConsentInput>(bad).validate())),
        [("type", "invalid_enum"), ("textSha256", "invalid_format"), ("ip", "invalid_format")]
    );
    let device =
        DeviceInput::from_body(&json!({"device": {"browser": "Chrome 120", "type": "desktop"}})).expect("good");
    assert_eq!(device, Some(Device { browser: Some("Chrome 120".into()), os: None, kind: Some("desktop".into()) }));
    for body in [json!({}), json!({"device": null}), json!({"device": {}}), json!({"device": {"os": " "}})] {
        assert_eq!(DeviceInput::from_body(&body), Ok(None));
    }
    let refusal = DeviceInput::from_body(&json!({"device": {"os": 5}})).expect_err("refused");
    assert_eq!(fields(&refusal), [("device.os", "invalid_type")]);
    let refusal = invalid(DeviceInput::from_body(&json!({"device": {"type": "x".repeat(201)}})));
    assert_eq!(fields(&refusal), [("device.type", "too_long")]);
    assert_eq!(read::<PauseInput>(json!({"reason": " "})).validate(), Ok(None));
    let refusal = invalid(read::<PauseInput>(json!({"reason": "x".repeat(501)})).validate());
    assert_eq!(fields(&refusal), [("reason", "too_long")]);
}

#[test]
fn answers_read_well_in_a_transcript() {
    for (given, language, words) in [
        (Given::Rating { value: -3, min: -5, max: 5 }, "en", "-3 (-5–5)"),
        (Given::Rating { value: 8, min: 1, max: 10 }, "zh", "8 (1–10)"),
        (Given::YesNo(true), "es-MX", "Sí"),
        (Given::Choice("Blue".into()), "fr", "Blue"),
        (Given::Text("Hm.".into()), "ar", "Hm."),
    ] {
        assert_eq!(given.text(language), words);
    }
}

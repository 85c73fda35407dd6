//! What is said, by whom, and when.

use std::sync::Arc;

use aggregates::{
    Entity,
    id::FileId,
    script::FollowUp,
    session::{Given, Line, OriginKind, Produced, Reply, SessionCommand, Speaker, Spoken, Step, Terms, UtteranceKind},
};
use serde_json::json;

use super::{Interview, LONG, answer, answer_with, content, monotonic, reply, start, terms, text, value};
use crate::common::{at, id, t0};

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
    let step = |second| slow.state().next_step(&reply("p1", 1, text("Good.")), &script, at(second)).expect("allowed");
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
    let spoken = Some(Spoken { confidence: Some(0.875), file_id: Some(id::<FileId>(9)), duration_ms: None });
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

#[test]
fn a_spoken_answer_is_as_long_as_its_recording() {
    let mut interview = Interview::started();
    let spoken = |duration_ms| Some(Spoken { confidence: None, file_id: Some(id::<FileId>(9)), duration_ms });
    let aloud = |prompt: &str, seq, duration_ms, now| SessionCommand::Answer {
        answer: reply(prompt, seq, text(LONG)),
        spoken: spoken(duration_ms),
        produced: None,
        content: content(),
        now,
    };
    interview.run(aloud("p1", 1, Some(4_200), at(60)));
    let lines = interview.state().utterances();
    monotonic(lines);
    let line = lines.iter().find(|line| line.kind == UtteranceKind::Answer).expect("an answer");
    assert_eq!((line.start_ms, line.end_ms), (55_800, 60_000));

    // The interviewer had what is left; a recording that is longer than there was time takes half of it.
    for (length, start) in [(9_000, 1_000), (60_000, 5_000)] {
        let mut interview = Interview::started();
        interview.run(aloud("p1", 1, Some(length), at(10)));
        let lines = interview.state().utterances();
        monotonic(lines);
        let line = lines.iter().find(|line| line.kind == UtteranceKind::Answer).expect("an answer");
        assert!(line.start_ms.abs_diff(start) <= 2 && line.end_ms == 10_000, "{line:?}");
    }
}

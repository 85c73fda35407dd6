//! What may happen when.

use std::sync::Arc;

use aggregates::{
    Code, Entity, Event, Personal, Refusal, consent,
    consent::ConsentType,
    id::FileId,
    script::{Question, ScriptContent},
    session::{
        Asked, ConsentKind, ConsentMethod, EndReason, Given, MUCH_SAID, NewConsent, NewSession, Origin, Overall,
        PauseCause, PromptKind, Reply, Said, Sentiment, Session, SessionAbandoned, SessionAnswered, SessionCommand,
        SessionCreated, SessionError, SessionEvent, SessionPrompted, SessionStarted, SessionStatus, Speaker, Spoken,
        Terms, TranscriptReady, UtteranceKind, interviewer,
    },
    value::Email,
};
use chrono::Duration;
use serde_json::json;

use super::{
    Interview, LONG, answer, complete, consent, content, monotonic, new_session, pause, ready, reply, resume, start,
    terms, text, value,
};
use crate::common::{at, fields, given, id, t0};

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
            "id": "p1", "kind": "question", "questionId": "q1", "utteranceId": "utt_2", "text": "Question 1?", "type": "open", "options": null,
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
fn a_withdrawal_holds_whenever_it_comes() {
    let mood = Sentiment { overall: Overall::Positive, score: 0.5 };
    // After the end, of either type or both.
    for kind in [ConsentKind::Recording, ConsentKind::DataProcessing, ConsentKind::All] {
        let mut interview = Interview::started();
        interview.answer_all(0);
        interview.run(complete(at(50)));
        interview.run(ready(Some(mood), at(50)));
        assert!(interview.state().may_be_recorded() && interview.state().sentiment.is_some());
        assert_eq!(interview.run(consent(kind, false, at(60))), ["consent.withdrawn"]);
        assert!(interview.state().withdrawn && !interview.state().may_be_recorded());
        assert_eq!(interview.state().sentiment, None, "what came of it goes");
        assert_eq!(interview.state().end_reason, Some(EndReason::Finished));
        // Somebody with an API key cannot undo that.
        interview.run(consent(ConsentKind::All, true, at(70)));
        assert_eq!(interview.state().recording, Some(true), "as last said");
        assert!(interview.state().withdrawn && !interview.state().may_be_recorded());
    }
    // Before the start it can be taken back, by agreeing to everything again.
    let mut interview = Interview::created(terms());
    interview.run(consent(ConsentKind::All, true, t0()));
    assert_eq!(interview.run(consent(ConsentKind::All, false, t0())), ["consent.withdrawn"]);
    assert!(interview.state().withdrawn);
    interview.run(consent(ConsentKind::Recording, true, t0()));
    assert!(interview.state().withdrawn, "one of two");
    interview.run(consent(ConsentKind::DataProcessing, true, t0()));
    assert!(!interview.state().withdrawn && interview.state().may_be_recorded());
    // Where nobody had to ask, who says no afterwards withdraws all the same.
    let mut unasked = Interview::created(Terms { require_consent: false, ..terms() });
    unasked.run(start(t0()));
    unasked.answer_all(0);
    unasked.run(complete(at(50)));
    assert_eq!(unasked.run(consent(ConsentKind::All, false, at(60))), ["consent.withdrawn"]);
    assert!(unasked.state().withdrawn);
    let withdrawals: Vec<_> = interview.state().consents.iter().map(|record| record.withdrawal).collect();
    assert_eq!(withdrawals, [false, true, false, false]);
}

#[test]
fn records_and_pauses_are_bounded_but_withdrawals_are_not() {
    let mut interview = Interview::started();
    for n in 1..200 {
        interview.run(consent(ConsentKind::All, true, at(n)));
    }
    assert_eq!(interview.code(consent(ConsentKind::All, true, at(300))), Code::Conflict);
    assert_eq!(
        interview.run(consent(ConsentKind::Recording, false, at(300))),
        ["consent.withdrawn", "session.abandoned"]
    );
    assert_eq!(interview.run(consent(ConsentKind::All, false, at(301))), ["consent.withdrawn"], "of the other type");
    assert_eq!(interview.code(consent(ConsentKind::All, false, at(302))), Code::Conflict, "said already");

    let mut restless = Interview::started();
    for _ in 0..500 {
        restless.run(pause(PauseCause::Participant, at(1)));
        restless.run(resume(at(1)));
    }
    assert_eq!(restless.code(pause(PauseCause::Api, at(2))), Code::Conflict);
    // Silence still pauses, but not for ever.
    let lost = SessionCommand::HeartbeatLost { last_seen: at(1), now: at(200) };
    for _ in 0..500 {
        assert_eq!(restless.run(lost.clone()), ["session.paused"]);
        restless.run(resume(at(200)));
    }
    assert_eq!(restless.run(lost), ["session.abandoned"]);
    assert_eq!(restless.state().end_reason, Some(EndReason::PauseTimeout));
}

#[test]
fn who_has_said_much_is_asked_for_no_more_and_comes_to_an_end() {
    let settings = Terms { max_follow_ups: Some(9), require_consent: false, ..terms() };
    let questions: Vec<_> =
        (1..=60).map(|n| Question { id: format!("q{n}"), ..content().questions[0].clone() }).collect();
    let script = Arc::new(ScriptContent { questions, ..(*content()).clone() });
    let mut interview = Interview::created(settings);
    interview.run(SessionCommand::Start { content: script.clone(), now: t0() });
    let to = |prompt: &str, seq, words: &str| SessionCommand::Answer {
        answer: reply(prompt, seq, text(words)),
        spoken: None,
        produced: None,
        content: script.clone(),
        now: t0(),
    };
    let answer = |interview: &Interview, seq, words: &str| to(&interview.prompt(), seq, words);
    // Endless words of four bytes each letter.
    let long = "\u{20000}".repeat(20_000);
    let mut seq = 0;
    while interview.state().said < MUCH_SAID {
        seq += 1;
        interview.run(answer(&interview, seq, &long));
    }
    assert_eq!(seq, 27);
    let refusal = interview.refuses(answer(&interview, 900, &"x".repeat(501)));
    assert_eq!((refusal.code, fields(&refusal)), (Code::ValidationError, vec![("text", "too_long")]));
    assert_eq!(interview.run(to("p27", seq, &long)), [""; 0], "what was accepted stays accepted");
    while !interview.view_of(&script).done {
        seq += 1;
        interview.run(answer(&interview, seq, "Fine."));
    }
    assert_eq!(seq, 60, "short answers are not followed up on any more");
    assert_eq!(interview.state().questions_answered, 60);
    assert!(interview.state().said < MUCH_SAID + 200_000 && interview.state().weight() > 2 * MUCH_SAID);
}

#[test]
fn what_is_wrong_with_an_answer_is_told_before_what_is_wrong_with_the_moment() {
    let mut interview = Interview::started();
    interview.run(answer("p1", 1, text(LONG), at(10)));
    // To a question that was asked before, and while the interview rests.
    assert_eq!(interview.code(answer("p1", 2, value(json!(5)), at(11))), Code::ValidationError);
    interview.run(pause(PauseCause::Participant, at(12)));
    assert_eq!(interview.code(answer("p2", 2, value(json!(99)), at(13))), Code::ValidationError);
    assert_eq!(interview.code(answer("p2", 2, value(json!(3)), at(13))), Code::SessionNotActive);
    assert_eq!(
        interview.code(answer("p7", 2, value(json!(99)), at(13))),
        Code::SessionNotActive,
        "nobody knows the question"
    );
    // So with consent, of an erased person too.
    let gone = erased(&interview.0.events);
    let SessionCommand::Consent(wrong) = consent(ConsentKind::All, true, at(14)) else { unreachable!("a consent") };
    let wrong = SessionCommand::Consent(NewConsent { text_sha256: Some("ab".repeat(32)), ..wrong });
    assert_eq!(Refusal::from(gone.decide(wrong).expect_err("refused")).code, Code::ValidationError);
}

#[test]
fn the_next_number_is_always_one_that_can_be_used() {
    let last = 9_007_199_254_740_991;
    let mut interview = Interview::started();
    interview.run(answer("p1", last - 1, text(LONG), at(10)));
    assert_eq!(interview.view().next_seq, last);
    interview.run(answer("p2", last, value(json!(3)), at(20)));
    assert_eq!(interview.view().next_seq, 1);
    interview.run(answer("p3", 1, value(json!("Red")), at(30)));
    assert_eq!(interview.view().next_seq, 2);
    assert_eq!(interview.state().turn_after(last - 1, &content()).map(|turn| turn.next_seq), Some(last), "as then");
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
fn answers_are_in_the_order_of_the_utterances() {
    let mut interview = Interview::started();
    // A client may count as it likes.
    interview.run(answer("p1", 40, text(LONG), at(10)));
    interview.run(answer("p2", 30, Reply::Skip, at(20)));
    interview.run(answer("p3", 20, value(json!("Red")), at(30)));
    interview.run(answer("p4", 10, value(json!(true)), at(40)));
    let state = interview.state();
    let given: Vec<_> = state.answers().map(|given| (given.text("en"), given.is_worded())).collect();
    assert_eq!(given, [(LONG.to_owned(), true), ("Red".to_owned(), false), ("Yes".to_owned(), false)]);
    let said = state.utterances().iter().filter(|line| line.speaker == Speaker::Participant);
    assert!(said.map(|line| line.text.clone()).eq(given.into_iter().map(|(text, _)| Some(text))));
    assert_eq!(erased(&interview.0.events).answers().count(), 0);
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
        SessionCommand::EndForTime { grace: Duration::zero(), now: at(9_999) },
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

/// What each command writes, word for word.
#[test]
fn given_when_then() {
    let free = Terms { require_consent: false, greeting: Some("Hello.".into()), ..terms() };
    let NewSession { session_id, organization_id, campaign_id, invite_id, script_id, metadata, device, .. } =
        new_session(free.clone());
    let created = SessionEvent::Created(SessionCreated {
        session_id,
        organization_id,
        campaign_id,
        invite_id,
        script_id,
        script_version: 1,
        total_questions: 4,
        terms: free.clone(),
        email: Email::parse("Ada@Example.com").expect("good").into(),
        name: Personal::Clear(Some("Ada".into())),
        metadata: metadata.into(),
        device: device.into(),
        start_by: at(3_600),
        at: t0(),
    });
    let create = SessionCommand::Create(Box::new(new_session(free)));
    given::<Session>(&[]).when(create.clone()).then_expect_events(vec![created.clone()]);
    given::<Session>(std::slice::from_ref(&created)).when(create).then_expect_error(SessionError::AlreadyExists);

    let started = SessionEvent::Started(SessionStarted { at: at(10) });
    let said = |kind| Said { kind, origin: Origin::script(1) };
    let asked = SessionEvent::Prompted(SessionPrompted {
        said: vec![said(UtteranceKind::Greeting), said(UtteranceKind::Question)],
        texts: vec!["Hello.".to_owned(), "Question 1?".to_owned()].into(),
        prompt: Some(Asked { number: 1, kind: PromptKind::Question, question_id: "q1".into() }),
        elapsed: 0,
        at: at(10),
    });
    let begun = vec![started, asked];
    given::<Session>(std::slice::from_ref(&created)).when(start(at(10))).then_expect_events(begun.clone());

    let running = [vec![created.clone()], begun].concat();
    let answered = SessionEvent::Answered(SessionAnswered {
        prompt: 1,
        kind: PromptKind::Question,
        question_id: "q1".into(),
        seq: 5,
        given: Given::Text(LONG.into()).into(),
        spoken: None,
        elapsed: 15_500,
        at: at(25) + Duration::milliseconds(500),
    });
    let next = SessionEvent::Prompted(SessionPrompted {
        said: vec![
            Said { kind: UtteranceKind::Transition, origin: Origin::interviewer() },
            said(UtteranceKind::Question),
        ],
        texts: vec![interviewer::transition("en", Some(&Given::YesNo(true)), 1).to_owned(), "Question 2?".to_owned()]
            .into(),
        prompt: Some(Asked { number: 2, kind: PromptKind::Question, question_id: "q2".into() }),
        elapsed: 15_500,
        at: at(25) + Duration::milliseconds(500),
    });
    given::<Session>(&running)
        .when(answer("p1", 5, text(LONG), at(25) + Duration::milliseconds(500)))
        .then_expect_events(vec![answered, next]);
    let (reason, elapsed) = (EndReason::ParticipantLeft, 50_000);
    let left = SessionEvent::Abandoned(SessionAbandoned { reason, elapsed, at: at(60) });
    given::<Session>(&running).when(SessionCommand::Leave { now: at(60) }).then_expect_events(vec![left.clone()]);
    let over = [running, vec![left]].concat();
    given::<Session>(&over)
        .when(SessionCommand::Leave { now: at(61) })
        .then_expect_error(SessionError::NotActive(SessionStatus::Abandoned));
    let ended = SessionEvent::TranscriptReady(TranscriptReady {
        partial: true,
        utterances: 2,
        sentiment: Some(Sentiment { overall: Overall::Neutral, score: 0.01 }.into()),
        at: at(61),
    });
    let mood = Sentiment { overall: Overall::Neutral, score: 0.0123 };
    given::<Session>(&over).when(ready(Some(mood), at(61))).then_expect_events(vec![ended]);
}

#[test]
fn a_recording_answers_an_open_prompt_that_waits_once() {
    let mut interview = Interview::started();
    let admit = |interview: &Interview, prompt: &str, seq| interview.state().admit_recording(prompt, seq, &content());
    let aloud = |words: &str, file, seq, now| SessionCommand::Answer {
        answer: reply("p1", seq, text(words)),
        spoken: Some(Spoken { confidence: None, file_id: Some(id::<FileId>(file)), duration_ms: None }),
        produced: None,
        content: content(),
        now,
    };
    assert_eq!(admit(&interview, "p1", 1), Ok(()));
    assert_eq!(admit(&interview, "p2", 1), Err(SessionError::NotCurrent));
    interview.run(aloud(LONG, 9, 1, at(10)));
    assert_eq!(interview.state().recording_of(1), Some(id(9)));
    // Whatever is heard in it the next time, the same recording is the same answer, and another one is not.
    assert_eq!(admit(&interview, "p1", 1), Ok(()));
    assert_eq!(interview.run(aloud("Something else.", 9, 1, at(11))), [""; 0]);
    assert_eq!(interview.code(aloud("Something else.", 8, 1, at(11))), Code::Conflict);
    assert_eq!(interview.code(answer("p1", 1, text("Something else."), at(11))), Code::Conflict);
    assert_eq!(admit(&interview, "p2", 1), Err(SessionError::SequenceReused));
    assert!(matches!(admit(&interview, "p2", 2), Err(SessionError::Invalid(_))), "a rating is not spoken");
    interview.run(answer("p2", 2, value(json!(3)), at(20)));
    assert_eq!(admit(&interview, "p2", 2), Err(SessionError::SequenceReused), "it was no recording");
}

#[test]
fn nobody_is_recorded_without_a_yes() {
    let admit = |interview: &Interview| interview.state().admit_recording("p1", 1, &content());
    let mut interview = Interview::created(Terms { require_consent: false, ..terms() });
    interview.run(start(t0()));
    assert_eq!(admit(&interview), Err(SessionError::NotRecorded), "nobody was asked");
    interview.run(consent(ConsentKind::Recording, true, at(1)));
    assert_eq!(admit(&interview), Ok(()));
    let lost = SessionCommand::HeartbeatLost { last_seen: at(2), now: at(200) };
    interview.run(lost);
    assert_eq!(admit(&interview), Ok(()), "an answer ends a silence");
    interview.run(resume(at(201)));
    interview.run(pause(PauseCause::Participant, at(202)));
    assert_eq!(admit(&interview), Err(SessionError::NotActive(SessionStatus::Paused)));
    interview.run(consent(ConsentKind::Recording, false, at(203)));
    assert_eq!(admit(&interview), Err(SessionError::NotRecorded));
}

#[test]
fn only_lines_of_the_latest_turn_are_current() {
    let mut interview = Interview::started();
    let first = interview.view();
    let ids = |view: &aggregates::session::TurnView| {
        let messages = view.messages.iter().map(|message| message.utterance_id.clone());
        messages.chain(view.prompt.iter().map(|prompt| prompt.utterance_id.clone())).collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), ["utt_1", "utt_2"]);
    assert!(ids(&first).iter().all(|id| interview.state().current_line(id).is_some()));
    interview.run(answer("p1", 1, text(LONG), at(10)));
    let second = interview.view();
    assert_eq!(ids(&second), ["utt_4", "utt_5"], "utt_3 is the answer");
    for id in ["utt_1", "utt_2", "utt_3", "utt_6", ""] {
        assert_eq!(interview.state().current_line(id), None, "{id}");
    }
    let line = interview.state().current_line("utt_5").and_then(|line| line.text.as_deref());
    assert_eq!(line, second.prompt.as_ref().map(|prompt| prompt.text.as_str()));
}

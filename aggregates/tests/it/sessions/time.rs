//! Pauses, silence and limits.

use aggregates::{
    Code,
    session::{EndReason, PauseCause, SessionCommand, SessionEvent, SessionStatus, Terms},
};
use chrono::Duration;
use serde_json::json;

use super::{Interview, LONG, answer, complete, monotonic, pause, ready, resume, start, terms, text, value};
use crate::common::{Live, at};

/// How much longer the current answer may take.
const GRACE: Duration = Duration::seconds(120);

#[test]
fn pauses_are_left_out() {
    let mut interview = Interview::started();
    assert_eq!(interview.run(pause(PauseCause::Api, at(10))), ["session.paused"]);
    assert_eq!(interview.code(answer("p1", 1, text(LONG), at(11))), Code::SessionNotActive);
    assert_eq!(interview.code(pause(PauseCause::Api, at(11))), Code::SessionNotActive);
    assert_eq!(interview.code(complete(at(11))), Code::SessionNotActive);
    assert_eq!(interview.state().elapsed_at(at(1_000)), 10_000);
    assert_eq!(interview.state().time_limit(GRACE), None);
    // Only silence is ended by a heartbeat.
    assert_eq!(interview.run(SessionCommand::HeartbeatRestored { now: at(12) }), [""; 0]);
    interview.run(resume(at(100)));
    assert_eq!(interview.code(resume(at(100))), Code::SessionNotActive);
    assert_eq!(interview.state().elapsed_at(at(105)), 15_000);
    assert_eq!(interview.state().time_limit(GRACE), Some(at(100 + 590 + 120)));
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
    let end = |now| SessionCommand::EndForTime { grace: GRACE, now };
    assert_eq!(interview.run(end(at(600))), [""; 0], "somebody may be speaking");
    let mut other = Interview(Live { state: interview.state().clone(), events: interview.0.events.clone() });
    let names = interview.run(answer("p1", 1, text("Fine."), at(610)));
    assert_eq!(names, ["session.answered", "session.prompted", "session.completed"]);
    let state = interview.state();
    assert_eq!((state.status, state.end_reason), (SessionStatus::Completed, Some(EndReason::TimeLimit)));
    assert_eq!((state.questions_answered, state.elapsed), (1, 610_000));
    assert!(interview.view().done);

    let grace = GRACE.num_seconds();
    assert_eq!(other.run(end(at(600 + grace - 1))), [""; 0]);
    assert_eq!(other.run(end(at(600 + grace))), ["session.prompted", "session.completed"]);
    assert_eq!(other.state().end_reason, Some(EndReason::TimeLimit));
    assert_eq!(other.run(end(at(2_000))), [""; 0]);

    let mut finished = Interview::started();
    finished.answer_all(0);
    assert_eq!(finished.state().time_limit(GRACE), Some(at(600)), "nobody is speaking any more");
    assert_eq!(finished.run(end(at(600))), ["session.completed"]);
    assert_eq!(finished.state().end_reason, Some(EndReason::Finished));
}

#[test]
fn who_completes_when_time_is_up_has_completed() {
    let mut interview = Interview::started();
    assert_eq!(interview.code(complete(at(599))), Code::Conflict, "required questions are open");
    assert_eq!(interview.run(complete(at(600))), ["session.prompted", "session.completed"]);
    assert_eq!(interview.state().end_reason, Some(EndReason::TimeLimit));
    let mut finished = Interview::started();
    finished.answer_all(0);
    finished.run(complete(at(700)));
    assert_eq!(finished.state().end_reason, Some(EndReason::Finished), "nothing was left to ask");
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

//! What happens to sessions by itself (contract 24, 25), driven by the clock that tests move.

use aggregates::id::{Id as _, SessionId};
use chrono::TimeDelta;
use interview_relay::{
    reactors::{Pass, Runner, session_timers::SessionTimers},
    store::{Kind, Mode, Submission, TableWrite},
};
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    participant::Participant,
    product::{Product, id},
};

const LONG: &str =
    "I used it every day for my work with customers, and most of all I liked how quickly it answered them.";

/// Runs the timers until there is nothing more to do, not even because of what they did themselves.
async fn run(timers: &mut Runner<SessionTimers>) {
    for _ in 0..2 {
        while timers.pass().await.expect("a pass") == Pass::More {}
    }
}

async fn session(product: &Product, id: &str) -> Value {
    product.get(&format!("/v1/sessions/{id}")).await.expect(200)
}

/// The names of a session's events.
async fn events(product: &Product, session: &str) -> Vec<String> {
    let sql = format!("SELECT type FROM events WHERE stream_id = '{session}' ORDER BY version");
    product.engine.sql(&sql).await.iter().map(|row| row[0].text().to_owned()).collect()
}

on_both_engines! {
    async fn silence_pauses_and_the_next_sign_of_life_goes_on(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({"maxDuration": 14_400})).await;
        let mut timers = product.session_timers("a");
        let (mut ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        run(&mut timers).await;
        let started = events(&product, &ada.session).await;

        // Heartbeats about every 30 seconds, for an hour: no event comes of them.
        for i in 0..120 {
            product.engine.hands.advance(TimeDelta::seconds(30));
            assert_eq!(ada.post("heartbeat", json!({})).await.expect(200), json!({"status": "in_progress", "nextHeartbeatIn": 30}));
            product.flush_heartbeats().await;
            run(&mut timers).await;
            if i % 10 == 9 {
                product.post(&format!("/v1/sessions/{}/pause", ada.session), json!({})).await.expect(200);
                product.post(&format!("/v1/sessions/{}/resume", ada.session), json!({})).await.expect(200);
            }
        }
        let names = events(&product, &ada.session).await;
        let others = names[started.len()..].iter().filter(|name| !matches!(name.as_str(), "session.paused" | "session.resumed"));
        assert_eq!(others.count(), 0, "{names:?}");
        let timers_set = product.engine.number("SELECT COUNT(*) FROM timers WHERE kind = 'session.silent'").await;
        assert_eq!(timers_set, 1, "however often it was paused and resumed");

        product.engine.hands.advance(TimeDelta::seconds(119));
        run(&mut timers).await;
        assert_eq!(session(&product, &ada.session).await["status"], "in_progress");
        product.engine.hands.advance(TimeDelta::seconds(5));
        run(&mut timers).await;
        let silent = session(&product, &ada.session).await;
        assert_eq!(silent["status"], "paused", "{silent}");
        assert_eq!(events(&product, &ada.session).await.last().map(String::as_str), Some("session.paused"));
        run(&mut timers).await;

        // The page comes back with a heartbeat; silence does not count as interview.
        product.engine.hands.advance(TimeDelta::hours(2));
        assert_eq!(ada.post("heartbeat", json!({})).await.expect(200)["status"], "in_progress");
        assert_eq!(events(&product, &ada.session).await.last().map(String::as_str), Some("session.resumed"));
        product.flush_heartbeats().await;
        run(&mut timers).await;

        // Or with an answer.
        product.engine.hands.advance(TimeDelta::seconds(125));
        run(&mut timers).await;
        assert_eq!(session(&product, &ada.session).await["status"], "paused");
        let end = ada.answer(&turn["prompt"], json!({"text": LONG})).await.expect(201);
        assert_eq!(end["done"], json!(true));
        assert_eq!(session(&product, &ada.session).await["status"], "in_progress");
        product.stop().await;
    }

    async fn a_pause_ends_after_a_day(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let mut timers = product.session_timers("a");
        let (ada, _) = Participant::begin(&product, &campaign, "ada@example.com").await;
        ada.post("pause", json!({})).await.expect(200);
        run(&mut timers).await;
        product.engine.hands.advance(TimeDelta::hours(23));
        ada.post("resume", json!({})).await.expect(200);
        ada.post("pause", json!({})).await.expect(200);
        run(&mut timers).await;
        product.engine.hands.advance(TimeDelta::hours(23));
        run(&mut timers).await;
        assert_eq!(session(&product, &ada.session).await["status"], "paused", "the first pause was over in time");
        product.engine.hands.advance(TimeDelta::hours(1));
        run(&mut timers).await;
        let given_up = session(&product, &ada.session).await;
        assert_eq!((&given_up["status"], &given_up["endReason"]), (&json!("abandoned"), &json!("pause_timeout")));
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM timers WHERE kind LIKE 'session.%'").await, 0);
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM heartbeats").await, 0);
        product.stop().await;
    }

    async fn a_session_that_never_starts_ends_with_its_invite(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let mut timers = product.session_timers("a");
        let body = json!({"email": "ada@example.com", "expiresIn": "1h"});
        let invite = product.post(&format!("/v1/campaigns/{campaign}/invites"), body).await.expect(201);
        let mut ada = Participant::invited(&product, &invite);
        ada.open().await.expect(201);
        ada.consent(true).await.expect(201);
        let bob = product.post(&format!("/v1/campaigns/{campaign}/invites"), json!({"email": "bob@example.com", "expiresIn": "1h"})).await;
        let mut bob = Participant::invited(&product, &bob.expect(201));
        bob.open().await.expect(201);
        bob.consent(true).await.expect(201);
        run(&mut timers).await;
        product.engine.hands.advance(TimeDelta::minutes(59));
        bob.post("start", json!({})).await.expect(200);
        product.engine.hands.advance(TimeDelta::minutes(1));
        assert_eq!(ada.post("start", json!({})).await.refused(409), "INVITE_EXPIRED", "from the very second");
        run(&mut timers).await;
        let given_up = session(&product, &ada.session).await;
        assert_eq!((&given_up["status"], &given_up["endReason"]), (&json!("abandoned"), &json!("never_started")));
        assert_eq!(session(&product, &bob.session).await["status"], "in_progress", "a running one goes on");
        bob.finish().await;
        assert_eq!(bob.post("complete", json!({})).await.expect(200)["session"]["status"], "completed");
        assert_eq!(ada.look().await.refused(409), "INVITE_EXPIRED");
        product.stop().await;
    }

    async fn at_the_time_limit_the_current_answer_may_finish(engine: Engine) {
        let product = Product::start(engine).await;
        let questions = json!([
            {"id": "q1", "text": "One?", "type": "yes_no"}, {"id": "q2", "text": "Two?", "type": "yes_no"},
        ]);
        let campaign = product.campaign_with(questions, json!({"maxDuration": 600})).await;
        let mut timers = product.session_timers("a");
        let (mut ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let (bob, _) = Participant::begin(&product, &campaign, "bob@example.com").await;
        run(&mut timers).await;
        for _ in 0..10 {
            // A pause moves the limit.
            product.engine.hands.advance(TimeDelta::seconds(60));
            ada.post("pause", json!({})).await.expect(200);
            product.engine.hands.advance(TimeDelta::seconds(60));
            ada.post("resume", json!({})).await.expect(200);
            bob.post("heartbeat", json!({})).await;
            product.flush_heartbeats().await;
            run(&mut timers).await;
        }
        // Bob had no pause, and said nothing in the time that an answer may take beyond the limit.
        let ended = session(&product, &bob.session).await;
        assert_eq!((&ended["status"], &ended["endReason"]), (&json!("completed"), &json!("time_limit")), "{ended}");
        // Ada's ten minutes are over just now; the answer to what was asked still counts, and ends it.
        assert_eq!(session(&product, &ada.session).await["status"], "in_progress");
        let end = ada.answer(&turn["prompt"], json!({"value": true})).await.expect(201);
        assert_eq!((&end["done"], &end["prompt"]), (&json!(true), &Value::Null));
        let ended = session(&product, &ada.session).await;
        assert_eq!((&ended["status"], &ended["endReason"]), (&json!("completed"), &json!("time_limit")), "{ended}");
        assert_eq!((&ended["questionsAnswered"], &ended["duration"]), (&json!(1), &json!(600)));
        product.stop().await;
    }

    async fn two_nodes_run_the_timers_once_and_share_what_they_hear(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let other = product.node().await;
        let (mut here, mut there) = (product.session_timers("a"), other.session_timers("b"));
        let mut people = Vec::new();
        for i in 0..20 {
            people.push(Participant::begin(&product, &campaign, &format!("p{i}@example.com")).await.0);
        }
        let (a, b) = tokio::join!(here.pass(), there.pass());
        let passes = [a.expect("a pass"), b.expect("a pass")];
        assert_eq!(passes.iter().filter(|pass| **pass == Pass::NotOurs).count(), 1, "{passes:?}");
        product.engine.hands.advance(TimeDelta::seconds(110));
        // Half of them talk to the other node.
        for person in people.iter_mut().take(10) {
            person.url.clone_from(&other.url);
            person.post("heartbeat", json!({})).await.expect(200);
        }
        other.flush_heartbeats().await;
        product.engine.hands.advance(TimeDelta::seconds(20));
        // The node that had the lease is silent for longer than it lasts, and the other takes over; both try.
        for _ in 0..3 {
            let (a, b) = tokio::join!(here.pass(), there.pass());
            a.expect("a pass");
            b.expect("a pass");
        }
        for (i, person) in people.iter().enumerate() {
            let paused = events(&product, &person.session).await.iter().filter(|name| *name == "session.paused").count();
            assert_eq!(paused, usize::from(i >= 10), "{i}");
        }
        other.stop().await;
        product.stop().await;
    }

    async fn after_a_restart_silence_counts_from_there(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let mut timers = product.session_timers("a");
        let (ada, _) = Participant::begin(&product, &campaign, "ada@example.com").await;
        run(&mut timers).await;
        // Nothing runs for ten minutes, so that nobody could be heard.
        drop(timers);
        product.engine.hands.advance(TimeDelta::minutes(10));
        let mut timers = product.session_timers("b");
        run(&mut timers).await;
        assert_eq!(session(&product, &ada.session).await["status"], "in_progress");
        product.engine.hands.advance(TimeDelta::seconds(125));
        run(&mut timers).await;
        assert_eq!(session(&product, &ada.session).await["status"], "paused");
        product.stop().await;
    }

    async fn signs_of_life_of_a_hundred_thousand_take_a_row_each_and_stay_nowhere_in_memory(engine: Engine) {
        let product = Product::start(engine).await;
        let sessions: Vec<SessionId> = (0..100_000_u128).map(|i| SessionId::from_uuid(uuid::Uuid::from_u128(i))).collect();
        let columns = [("session_id", Kind::Text), ("seen_at", Kind::Int)];
        for part in sessions.chunks(10_000) {
            let rows = part.iter().map(|session| vec![session.to_string().into(), 0.into()]).collect();
            let write = TableWrite { rows, ..TableWrite::new("heartbeats", Mode::Insert, &columns) };
            product.app.store.commit(Submission { writes: vec![write], ..Submission::default() }).await.expect("commit");
        }
        let heartbeats = &product.app.interviews.heartbeats;
        for round in 1..=3 {
            product.engine.hands.advance(TimeDelta::seconds(30));
            let now = product.engine.clock.now();
            // Each is heard of several times, and takes one place.
            for session in sessions.iter().chain(&sessions[..1_000]) {
                heartbeats.note(*session, now);
            }
            assert_eq!(heartbeats.waiting(), sessions.len());
            product.flush_heartbeats().await;
            assert_eq!(heartbeats.waiting(), 0, "nothing stays in memory");
            let noted = format!("SELECT COUNT(*) FROM heartbeats WHERE seen_at = {}", now.timestamp_micros());
            assert_eq!(product.engine.number(&noted).await, 100_000, "{round}");
        }
        product.stop().await;
    }

    async fn another_node_goes_on_in_the_middle_of_an_interview(engine: Engine) {
        let product = Product::start(engine).await;
        let questions = json!([
            {"id": "q1", "text": "One?", "type": "open", "followUp": {"enabled": true, "maxFollowUps": 2}},
            {"id": "q2", "text": "Two?", "type": "rating"}, {"id": "q3", "text": "Three?", "type": "yes_no"},
        ]);
        let campaign = product.campaign_with(questions, json!({})).await;
        let (mut ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let follow_up = ada.answer(&turn["prompt"], json!({"text": "Good."})).await.expect(201);
        let other = product.node().await;
        ada.url.clone_from(&other.url);
        assert_eq!(ada.next().await.expect(200)["prompt"], follow_up["prompt"]);
        let second = ada.answer(&follow_up["prompt"], json!({"text": LONG})).await.expect(201);
        assert_eq!(second["prompt"]["questionId"], "q2");
        // The first node knows the session only as it was, and finds out.
        ada.url.clone_from(&product.url);
        assert_eq!(ada.answer_as(2, &follow_up["prompt"], json!({"text": LONG})).await.expect(201), second, "retried there");
        ada.answer(&second["prompt"], json!({"value": 7})).await.expect(201);
        ada.url.clone_from(&other.url);
        ada.finish().await;
        ada.post("complete", json!({})).await.expect(200);
        let done = session(&product, &ada.session).await;
        assert_eq!((&done["status"], &done["questionsAnswered"]), (&json!("completed"), &json!(3)));
        assert_eq!(id(&done), ada.session);
        other.stop().await;
        product.stop().await;
    }
}

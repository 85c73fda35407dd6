//! Guarantee 6: the remembered answer commits with the effect (contract 11).

use std::sync::Arc;

use aggregates::{
    Code,
    id::{Id as _, OrganizationId},
};
use chrono::TimeDelta;
use futures_util::future::join_all;
use interview_relay::{
    command::{Caller, Commands, Error, projects::CreateProject},
    http::IdempotencyRequest,
    store::{Outcome, Submission},
};
use serde_json::json;
use uuid::Uuid;

use super::submissions::{committed, fresh, reply};
use crate::support::engines::{Engine, on_both_engines};

fn commands(engine: &Engine, store: interview_relay::store::Store) -> Arc<Commands> {
    Arc::new(Commands::new(store, engine.clock.clone(), engine.keys.clone(), "https://relay.example".to_owned()))
}

fn caller(request_id: &str) -> Caller {
    Caller {
        organization: OrganizationId::from_uuid(Uuid::from_u128(7)),
        actor: "key_1".to_owned(),
        request_id: request_id.to_owned(),
    }
}

fn request(key: &str, fingerprint: u8) -> IdempotencyRequest {
    IdempotencyRequest { key: key.to_owned(), fingerprint: [fingerprint; 32] }
}

fn create(name: &str) -> CreateProject {
    CreateProject { body: json!({"name": name}).into() }
}

on_both_engines! {
    async fn the_same_key_at_once_on_two_nodes_has_one_effect(engine: Engine) {
        let nodes = [commands(&engine, engine.store.clone()), commands(&engine, engine.node().await)];
        for round in 0..5 {
            let attempts = (0..16).map(|i| {
                let node = nodes[i % 2].clone();
                tokio::spawn(async move {
                    let key = request(&format!("key {round}"), 1);
                    node.run(&caller(&format!("req_{i}")), Some(&key), &create(&format!("Project {round}"))).await
                })
            });
            let mut bodies = Vec::new();
            let mut first = 0;
            for attempt in join_all(attempts).await {
                match attempt.expect("a task") {
                    Ok(outcomes) => {
                        first += usize::from(outcomes.replayed.is_none());
                        bodies.push(outcomes.result.expect("created").body);
                    }
                    Err(Error::InProgress) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!(first, 1, "one of them did it");
            bodies.dedup();
            assert_eq!(bodies.len(), 1, "all got the same answer: {bodies:?}");
            assert_eq!(engine.number("SELECT COUNT(*) FROM projects").await, round + 1);
        }
        assert_eq!(engine.number("SELECT COUNT(*) FROM idempotency").await, 5);
    }

    async fn an_answer_is_given_again_for_a_day_and_only_to_the_same_request(engine: Engine) {
        let commands = commands(&engine, engine.store.clone());
        let first = commands.run(&caller("req_1"), Some(&request("k", 1)), &create("A")).await.expect("ran");
        assert_eq!(first.replayed, None);
        let again = commands.run(&caller("req_2"), Some(&request("k", 1)), &create("A")).await.expect("ran");
        assert_eq!(again.replayed.as_deref(), Some("req_1"));
        assert_eq!(again.result, first.result);
        let other = commands.run(&caller("req_3"), Some(&request("k", 2)), &create("B")).await;
        assert!(matches!(other, Err(Error::KeyReused)), "{other:?}");

        engine.hands.advance(TimeDelta::hours(24));
        let later = commands.run(&caller("req_4"), Some(&request("k", 2)), &create("B")).await.expect("ran");
        assert_eq!(later.replayed, None, "forgotten");
        assert_eq!(engine.number("SELECT COUNT(*) FROM projects").await, 2);
        let now = engine.clock.now().timestamp_micros();
        assert_eq!(engine.store.sweep_replies(now, 10).await.expect("sweep"), 1, "only the old one");
        let again = commands.run(&caller("req_5"), Some(&request("k", 2)), &create("B")).await.expect("ran");
        assert_eq!(again.replayed.as_deref(), Some("req_4"));
    }

    async fn refusals_are_remembered_but_malformed_requests_are_not(engine: Engine) {
        let commands = commands(&engine, engine.store.clone());
        let too_long = create(&"x".repeat(10_000));
        for replayed in [None, Some("req_1")] {
            let request_id = if replayed.is_none() { "req_1" } else { "req_2" };
            let outcomes = commands.run(&caller(request_id), Some(&request("k", 1)), &too_long).await.expect("ran");
            assert_eq!(outcomes.replayed.as_deref(), replayed);
            assert_eq!(outcomes.result.expect_err("refused").code, Code::ValidationError);
        }
        let malformed = CreateProject { body: json!({"name": 5}).into() };
        for _ in 0..2 {
            let outcomes = commands.run(&caller("req_3"), Some(&request("m", 1)), &malformed).await.expect("ran");
            assert_eq!(outcomes.replayed, None);
            assert_eq!(outcomes.result.expect_err("refused").code, Code::InvalidRequest);
        }
        assert_eq!(engine.number("SELECT COUNT(*) FROM events").await, 0);
    }

    /// An answer without events moves no head, and is unique all the same.
    async fn of_answers_without_events_on_two_nodes_one_is_kept(engine: Engine) {
        let nodes = [engine.store.clone(), engine.node().await];
        for round in 0..20 {
            let attempts = (0..8).map(|i| {
                let store = nodes[i % 2].clone();
                tokio::spawn(async move {
                    // Half of them append an event besides.
                    let mut submission = if i < 4 {
                        Submission { organization: "org_1".to_owned(), ..Submission::default() }
                    } else {
                        fresh("org_1")
                    };
                    submission.reply = Some(reply(&format!("lookup {round}"), &[i as u8], i64::MAX));
                    store.commit(submission).await
                })
            });
            let results: Vec<_> = join_all(attempts).await.into_iter().map(|task| task.expect("a task")).collect();
            assert_eq!(results.iter().filter(|result| committed(result)).count(), 1, "{results:?}");
            let winner = results.iter().position(committed).expect("a winner") as u8;
            for result in &results {
                if let Ok(Outcome::AlreadyAnswered(answer)) = result {
                    assert_eq!(answer, &[winner]);
                }
            }
        }
        assert_eq!(engine.number("SELECT COUNT(*) FROM idempotency").await, 20);
    }

    async fn an_answered_key_is_answered_again_although_its_streams_have_moved_on(engine: Engine) {
        let mut submission = fresh("org_1");
        submission.reply = Some(reply("lookup", b"first", i64::MAX));
        assert!(committed(&engine.store.commit(submission.clone()).await));
        submission.reply = Some(reply("lookup", b"second", i64::MAX));
        let outcome = engine.store.commit(submission).await;
        assert!(matches!(&outcome, Ok(Outcome::AlreadyAnswered(answer)) if answer == b"first"), "{outcome:?}");
        assert_eq!(engine.store.reply("lookup", 0).await.expect("read").as_deref(), Some(b"first".as_slice()));
        assert_eq!(engine.store.reply("lookup", i64::MAX).await.expect("read"), None, "over");
    }
}

//! Guarantees 2 and 4: one transaction per command, and optimistic concurrency within a batch.

use futures_util::future::join_all;
use interview_relay::store::{Guard, Outcome, RowChange, Value};

use super::submissions::{append, committed, event, fresh, key_write, project_row, reply};
use crate::support::engines::on_both_engines;

on_both_engines! {
    async fn a_stale_submission_fails_alone(engine: Engine) {
        let store = &engine.store;
        assert!(committed(&store.commit(append("org_1", "prj_a", 1)).await));
        let batch = [fresh("org_1"), append("org_1", "prj_a", 1), append("org_1", "prj_a", 2), append("org_1", "prj_a", 2), fresh("org_2")];
        let outcomes = join_all(batch.into_iter().map(|submission| store.commit(submission))).await;
        assert_eq!(outcomes.iter().map(committed).collect::<Vec<_>>(), [true, false, true, false, true]);
        for stale in [&outcomes[1], &outcomes[3]] {
            assert!(matches!(stale, Ok(Outcome::Stale(names)) if names == &["prj_a"]), "{stale:?}");
        }
        let records = store.stream("prj_a").await.expect("read").records;
        assert_eq!(records.iter().map(|record| record.version).collect::<Vec<_>>(), [1, 2]);
    }

    async fn of_many_writers_on_two_nodes_one_takes_each_version(engine: Engine) {
        let nodes = [engine.store.clone(), engine.node().await];
        for version in 1..=10 {
            let attempts = (0..16).map(|i| {
                let store = nodes[i % 2].clone();
                tokio::spawn(async move { store.commit(append("org_1", "prj_a", version)).await })
            });
            let results: Vec<_> = join_all(attempts).await.into_iter().map(|task| task.expect("a task")).collect();
            assert_eq!(results.iter().filter(|result| committed(result)).count(), 1, "{results:?}");
            assert!(results.iter().all(|result| result.is_ok()), "{results:?}");
        }
        assert_eq!(engine.number("SELECT COUNT(*) FROM events").await, 10);
    }

    async fn five_hundred_streams_are_appended_together_or_not_at_all(engine: Engine) {
        let large = |prefix: &str| {
            let mut submission = append("org_1", &format!("{prefix}_0"), 1);
            for i in 1..500 {
                let next = append("org_1", &format!("{prefix}_{i}"), 1);
                submission.guards.extend(next.guards);
                submission.events.extend(next.events);
                submission.rows.push(project_row("org_1", &format!("{prefix}_{i}"), 1, "Name", 1));
            }
            submission
        };
        assert!(committed(&engine.store.commit(large("prj_a")).await));
        assert_eq!(engine.number("SELECT COUNT(*) FROM events").await, 500);
        // One stream of the second set exists already, so nothing of it is written.
        let mut second = large("prj_b");
        second.guards.push(Guard::Stream { id: "prj_a_499".to_owned(), version: 0 });
        let outcome = engine.store.commit(second).await;
        assert!(matches!(&outcome, Ok(Outcome::Stale(names)) if names == &["prj_a_499"]), "{outcome:?}");
        assert_eq!(engine.number("SELECT COUNT(*) FROM events").await, 500);
        assert_eq!(engine.number("SELECT COUNT(*) FROM projects").await, 499);
    }

    /// Events, rows, counters, the remembered answer and other tables' rows: all of it or nothing.
    async fn a_refused_write_leaves_nothing_and_fails_alone(engine: Engine) {
        let store = &engine.store;
        let mut first = fresh("org_1");
        first.writes.push(key_write("org_1"));
        assert!(committed(&store.commit(first).await));

        let mut bad = append("org_1", "prj_bad", 1);
        bad.rows.push(project_row("org_1", "prj_bad", 1, "Bad", 1));
        bad.counters.push(("projects/org_1".to_owned(), 1));
        bad.reply = Some(reply("lookup", b"answer", i64::MAX));
        bad.writes.push(key_write("org_1"));
        let batch = [fresh("org_1"), fresh("org_1"), bad, fresh("org_1"), fresh("org_2")];
        let outcomes = join_all(batch.into_iter().map(|submission| store.commit(submission))).await;
        assert_eq!(outcomes.iter().map(committed).collect::<Vec<_>>(), [true, true, false, true, true], "{outcomes:?}");

        assert_eq!(engine.number("SELECT COUNT(*) FROM events").await, 5);
        assert_eq!(engine.number("SELECT MAX(position) FROM events").await, 5);
        assert_eq!(engine.number("SELECT COUNT(*) FROM projects").await, 0);
        assert_eq!(engine.number("SELECT COUNT(*) FROM counters").await, 0);
        assert_eq!(engine.number("SELECT COUNT(*) FROM idempotency").await, 0);
    }

    async fn what_was_written_is_read_at_once_on_every_node(engine: Engine) {
        let other = engine.node().await;
        let mut create = append("org_1", "prj_a", 1);
        create.rows.push(project_row("org_1", "prj_a", 1, "First", 7));
        create.counters.push(("projects/org_1".to_owned(), 1));
        assert!(committed(&engine.store.commit(create).await));
        for store in [&engine.store, &other] {
            let document = store.document("projects", "org_1", "prj_a").await.expect("read").expect("it exists");
            assert_eq!((document.version, document.json.as_str()), (1, r#"{"id":"prj_a","name":"First"}"#));
            assert_eq!(document.column("name"), &Value::from("First"));
            assert_eq!(document.column("updated_at"), &Value::Int(7));
            assert!(store.document("projects", "org_2", "prj_a").await.expect("read").is_none(), "not theirs");
            assert_eq!(store.versions(vec!["prj_a".into(), "prj_x".into()]).await.expect("read").len(), 1);
        }
        // Changed and deleted within one batch: the last row wins.
        let mut change = append("org_1", "prj_a", 2);
        change.rows.push(project_row("org_1", "prj_a", 2, "Second", 8));
        let mut delete = append("org_1", "prj_a", 3);
        delete.rows.push(RowChange { table: "projects", id: "prj_a".to_owned(), row: None });
        delete.counters.push(("projects/org_1".to_owned(), -1));
        let (change, delete) = tokio::join!(other.commit(change), other.commit(delete));
        assert!(committed(&change) && committed(&delete));
        assert!(engine.store.document("projects", "org_1", "prj_a").await.expect("read").is_none());
        let counters = engine.store.counters(vec!["projects/org_1".into(), "none".into()]).await.expect("read");
        assert_eq!(counters.get("projects/org_1"), Some(&0));
        assert_eq!(counters.get("none"), None);
    }

    async fn counters_add_up_over_concurrent_writers_on_two_nodes(engine: Engine) {
        let nodes = [engine.store.clone(), engine.node().await];
        let writers = (0..32).map(|i| {
            let store = nodes[i % 2].clone();
            tokio::spawn(async move {
                for _ in 0..5 {
                    let mut submission = fresh("org_1");
                    submission.counters.extend([("all".to_owned(), 1), (format!("odd/{}", i % 2), 2)]);
                    assert!(committed(&store.commit(submission).await));
                }
            })
        });
        join_all(writers).await.into_iter().for_each(|writer| writer.expect("a writer"));
        let scopes = ["all", "odd/0", "odd/1"].map(str::to_owned).to_vec();
        let counters = engine.store.counters(scopes).await.expect("read");
        assert_eq!((counters["all"], counters["odd/0"], counters["odd/1"]), (160, 160, 160));
    }

    /// "Only while nothing uses it": whoever counts first wins, the guard sees the others of its own batch too.
    async fn a_counter_guard_holds_against_the_database_and_the_batch(engine: Engine) {
        let guarded = |n: i64| {
            let mut submission = fresh("org_1");
            submission.guards.push(Guard::Counter { scope: "uses".to_owned(), n });
            submission
        };
        let mut uses = fresh("org_1");
        uses.counters.push(("uses".to_owned(), 1));
        let store = &engine.store;
        let (before, using, after) = tokio::join!(store.commit(guarded(0)), store.commit(uses), store.commit(guarded(0)));
        assert!(committed(&before) && committed(&using));
        assert!(matches!(&after, Ok(Outcome::Stale(names)) if names == &["uses"]), "{after:?}");
        assert!(matches!(store.commit(guarded(0)).await, Ok(Outcome::Stale(_))));
        assert!(committed(&store.commit(guarded(1)).await));
    }

    async fn of_two_nodes_only_one_passes_a_counter_guard(engine: Engine) {
        let nodes = [engine.store.clone(), engine.node().await];
        for round in 0..10 {
            let scope = format!("scope/{round}");
            let attempts = (0..8).map(|i| {
                let (store, scope) = (nodes[i % 2].clone(), scope.clone());
                tokio::spawn(async move {
                    let mut submission = fresh("org_1");
                    submission.guards.push(Guard::Counter { scope: scope.clone(), n: 0 });
                    submission.counters.push((scope, 1));
                    store.commit(submission).await
                })
            });
            let results: Vec<_> = join_all(attempts).await.into_iter().map(|task| task.expect("a task")).collect();
            assert_eq!(results.iter().filter(|result| committed(result)).count(), 1, "{results:?}");
        }
    }

    async fn several_events_of_one_stream_keep_their_order(engine: Engine) {
        let mut submission = append("org_1", "prj_a", 1);
        submission.events.extend([event("prj_a", 2), event("prj_a", 3)]);
        let names: Vec<_> = submission.events.iter().map(|event| event.event_id.clone()).collect();
        assert!(committed(&engine.store.commit(submission).await));
        let records = engine.store.stream("prj_a").await.expect("read").records;
        assert_eq!(records.iter().map(|record| record.event_id.clone()).collect::<Vec<_>>(), names);
        assert_eq!(records[2].position, 3);
        assert_eq!(records[0].data, event("x", 1).data, "stored as it was given");
    }
}

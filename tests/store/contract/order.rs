//! Guarantees 3 and 5: the total order, and commits in groups.

use std::collections::HashMap;

use futures_util::future::join_all;
use interview_relay::store::{Outcome, Value};

use super::submissions::{append, committed, fresh};
use crate::support::engines::on_both_engines;

const WRITERS: usize = 64;
const EACH: usize = 10;

on_both_engines! {
    /// Every event of every organization has its place, and so has it in the log of its organization, without gaps,
    /// although two nodes write.
    async fn positions_are_gapless_under_concurrent_writers_on_two_nodes(engine: Engine) {
        let nodes = [engine.store.clone(), engine.node().await];
        let writers = (0..WRITERS).map(|writer| {
            let store = nodes[writer % 2].clone();
            tokio::spawn(async move {
                for _ in 0..EACH {
                    let result = store.commit(fresh(&format!("org_{}", writer % 5))).await;
                    assert!(committed(&result), "{result:?}");
                }
            })
        });
        for writer in join_all(writers).await {
            writer.expect("a writer");
        }
        let rows = engine.sql("SELECT position, org_id, org_seq FROM events ORDER BY position").await;
        assert_eq!(rows.len(), WRITERS * EACH);
        let mut last: HashMap<String, i64> = HashMap::new();
        for (i, row) in rows.iter().enumerate() {
            assert_eq!(row[0].int(), i as i64 + 1);
            let seq = last.entry(row[1].text().to_owned()).or_default();
            *seq += 1;
            assert_eq!(row[2].int(), *seq, "org_seq at position {}", row[0].int());
        }
        assert_eq!(last.len(), 5);
        assert_eq!(engine.number("SELECT position FROM log_head").await, (WRITERS * EACH) as i64);
        for (organization, seq) in last {
            let sql = format!("SELECT seq FROM org_heads WHERE org_id = '{organization}'");
            assert_eq!(engine.number(&sql).await, seq);
        }
    }

    /// A reader that sees a position sees every smaller one: it never overtakes an event that commits later.
    async fn a_reader_never_sees_a_gap(engine: Engine) {
        let nodes = [engine.store.clone(), engine.node().await];
        let writers: Vec<_> = (0..16)
            .map(|writer| {
                let store = nodes[writer % 2].clone();
                tokio::spawn(async move {
                    for _ in 0..EACH {
                        assert!(committed(&store.commit(fresh("org_1")).await));
                    }
                })
            })
            .collect();
        let (mut after, mut seen) = (0, 0);
        while seen < 16 * EACH {
            assert!(writers.iter().any(|writer| !writer.is_finished()) || after <= 160);
            for record in engine.store.events_after(after, 1_000).await.expect("read") {
                assert_eq!(record.position, after + 1);
                after = record.position;
                seen += 1;
            }
        }
        join_all(writers).await.into_iter().for_each(|writer| writer.expect("a writer"));
        assert_eq!(engine.store.last_position().await.expect("read"), after);
    }

    /// What is queued while the writer is busy is written together: far fewer transactions than commands.
    async fn concurrent_submissions_share_a_transaction(engine: Engine) {
        let submissions: Vec<_> = (0..400).map(|_| fresh("org_1")).collect();
        // One task queues all of them without giving way, so that the writer finds them waiting.
        let results = join_all(submissions.into_iter().map(|submission| engine.store.commit(submission))).await;
        assert!(results.iter().all(committed));
        let batches = engine.number("SELECT batch FROM log_head").await;
        assert!(batches <= 20, "{batches} transactions for 400 submissions");
    }

    /// A lone command is answered although nobody else comes.
    async fn a_lone_submission_does_not_wait_for_company(engine: Engine) {
        for position in 1..=3 {
            let outcome = engine.store.commit(fresh("org_1")).await.expect("committed");
            assert!(matches!(outcome, Outcome::Committed { head } if head == position), "{outcome:?}");
        }
        assert_eq!(engine.number("SELECT batch FROM log_head").await, 3);
    }

    /// Batches are bounded in events too.
    async fn many_large_submissions_are_written_in_several_batches(engine: Engine) {
        let large = |n: usize| {
            let mut submission = fresh("org_1");
            for i in 1..500 {
                submission.events.extend(append("org_1", &format!("prj_{n}_{i}"), 1).events);
            }
            submission
        };
        let results = join_all((0..20).map(|n| engine.store.commit(large(n)))).await;
        assert!(results.iter().all(committed));
        assert!(engine.number("SELECT batch FROM log_head").await >= 3);
        assert_eq!(engine.number("SELECT COUNT(*) FROM events").await, 10_000);
    }

    /// The node's own head follows its writes.
    async fn the_head_is_announced(engine: Engine) {
        let mut head = engine.store.head();
        for _ in 0..3 {
            assert!(committed(&engine.store.commit(fresh("org_1")).await));
        }
        assert_eq!(*head.wait_for(|head| *head >= 3).await.expect("a head"), 3);
    }

    /// The leaf hash is the one of the columns as they are stored.
    async fn leaf_hashes_are_those_of_the_stored_columns(engine: Engine) {
        let mut submission = fresh("org_1");
        submission.events[0].subject = Some("sub_1".to_owned());
        assert!(committed(&engine.store.commit(submission).await));
        assert!(committed(&engine.store.commit(fresh("org_2")).await));
        let sql = "SELECT org_id, org_seq, event_id, stream_id, version, type, schema, recorded_at, subject_id, meta, \
                   data, leaf_hash FROM events";
        let rows = engine.sql(sql).await;
        assert_eq!(rows.len(), 2);
        for row in rows {
            let subject = row[8].text().to_owned();
            let leaf = interview_relay::trust::leaf::Leaf {
                organization: row[0].text(),
                org_seq: row[1].int(),
                event_id: row[2].text(),
                stream: row[3].text(),
                version: row[4].int(),
                name: row[5].text(),
                schema: row[6].int(),
                recorded_at: row[7].int(),
                subject: (row[8] != Value::Null).then_some(subject.as_str()),
                meta: row[9].text(),
                data: row[10].text(),
            };
            assert_eq!(row[11], Value::Bytes(leaf.hash().to_vec()));
        }
    }
}

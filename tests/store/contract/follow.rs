//! Whoever follows the log is woken by what is committed, wherever that is.

use std::time::Duration;

use interview_relay::store::{Extent, Follower, Submission};

use super::submissions::{append, committed, event, fresh};
use crate::support::engines::on_both_engines;

/// Fails instead of hanging.
async fn woken(follower: &mut Follower) {
    tokio::time::timeout(Duration::from_secs(30), follower.changed()).await.expect("woken");
}

on_both_engines! {
    async fn own_commits_and_those_of_other_nodes_wake_a_follower(engine: Engine) {
        let other = engine.node().await;
        let mut followers = [engine.store.follow(), engine.store.follow(), other.follow()];
        for (n, store) in [&engine.store, &other, &engine.store, &other].into_iter().enumerate() {
            assert!(committed(&store.commit(fresh("org_1")).await));
            for follower in &mut followers {
                woken(follower).await;
            }
            assert_eq!(engine.store.events_after(0, 10).await.expect("read").len(), n + 1);
        }
    }

    /// The order of things that a subscriber relies on: it reads to the end, then waits. What is committed between the
    /// two must wake it.
    async fn a_commit_between_reading_and_waiting_is_not_missed(engine: Engine) {
        let mut follower = engine.store.follow();
        for _ in 0..20 {
            assert!(committed(&engine.store.commit(fresh("org_1")).await));
            woken(&mut follower).await;
        }
        let other = engine.node().await;
        for _ in 0..10 {
            assert!(committed(&other.commit(fresh("org_1")).await));
            woken(&mut follower).await;
        }
    }

    /// A filter that nothing passes does not read the whole log at once, and comes to its end all the same.
    async fn a_filtered_read_is_bounded_and_makes_progress(engine: Engine) {
        for n in 0..6 {
            let stream = format!("prj_{n}");
            let events = (1..=2_000).map(|version| event(&stream, version)).collect();
            let submission = Submission { organization: "org_1".to_owned(), events, ..Submission::default() };
            assert!(committed(&engine.store.commit(submission).await));
        }
        assert!(committed(&engine.store.commit(append("org_2", "prj_other", 1)).await));
        for (extent, end) in [(Extent::Organization("org_1"), 12_000), (Extent::Everything, 12_001)] {
            let mut after = 0;
            let mut steps = 0;
            loop {
                let slice = engine.store.slice(extent, after, &["project.deleted"], 10).await.expect("read");
                assert!(slice.opened.records.is_empty());
                assert_eq!(slice.head, end);
                assert!(slice.upto > after, "no progress after {after}");
                assert!(slice.upto - after <= 10_000, "{} events looked at", slice.upto - after);
                after = slice.upto;
                steps += 1;
                if after >= slice.head {
                    break;
                }
            }
            assert_eq!(steps, 2);
            let slice = engine.store.slice(extent, 5_000, &["project.created", "project.deleted"], 7).await.expect("read");
            let places: Vec<i64> = slice.opened.records.iter().map(|record| extent.place(record)).collect();
            assert_eq!(places, (5_001..=5_007).collect::<Vec<_>>());
            assert_eq!(slice.upto, 5_007);
        }
        assert_eq!(engine.store.slice(Extent::Organization("org_3"), 0, &["project.created"], 7).await.expect("read").head, 0);
    }
}

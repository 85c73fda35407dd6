//! Guarantee 12, and callers that go away.

use futures_util::{FutureExt, future::join_all};
use interview_relay::store::Error;

use super::submissions::{append, committed, fresh};
use crate::support::engines::on_both_engines;

/// More than the queue and a batch hold together.
const TOO_MANY: usize = 6_000;

on_both_engines! {
    async fn a_full_queue_answers_overloaded_and_what_was_taken_is_written(engine: Engine) {
        let held = engine.hold_writes().await;
        let store = &engine.store;
        let mut waiting: Vec<_> = (0..TOO_MANY).map(|_| Box::pin(store.commit(fresh("org_1")))).collect();
        let mut refused = 0;
        waiting.retain_mut(|submission| match submission.now_or_never() {
            Some(Err(Error::Overloaded)) => {
                refused += 1;
                false
            }
            Some(other) => panic!("nothing can be written yet: {other:?}"),
            None => true,
        });
        assert!(refused > 0, "all of {TOO_MANY} were taken");
        held.release().await;
        let taken = waiting.len();
        let results = join_all(waiting).await;
        assert!(results.iter().all(committed));
        assert_eq!(engine.number("SELECT COUNT(*) FROM events").await, taken as i64);
        assert!(committed(&store.commit(fresh("org_1")).await), "there is room again");
    }

    /// The submission of a caller that went away is written once, and the writer goes on.
    async fn a_cancelled_caller_stops_neither_its_submission_nor_the_writer(engine: Engine) {
        let held = engine.hold_writes().await;
        for i in 0..50 {
            let cancelled = engine.store.commit(append("org_1", &format!("prj_{i}"), 1)).now_or_never();
            assert!(cancelled.is_none(), "{cancelled:?}");
        }
        held.release().await;
        assert!(committed(&engine.store.commit(fresh("org_1")).await));
        assert_eq!(engine.number("SELECT COUNT(*) FROM events").await, 51);
        assert_eq!(engine.number("SELECT COUNT(DISTINCT stream_id) FROM events").await, 51);
    }

    /// A reader that goes away leaves its connection usable for the next.
    async fn a_cancelled_query_does_not_break_the_readers(engine: Engine) {
        assert!(committed(&engine.store.commit(fresh("org_1")).await));
        for _ in 0..100 {
            let _ = engine.store.events_after(0, 10).now_or_never();
        }
        let reads = (0..20).map(|_| engine.store.events_after(0, 10));
        for records in join_all(reads).await {
            assert_eq!(records.expect("read").len(), 1);
        }
    }
}

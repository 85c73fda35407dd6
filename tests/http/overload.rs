//! More commands than can be written: refused at once, with a word on when to come back, and nothing half done.

use std::pin::Pin;

use futures_util::{FutureExt, future::join_all};
use interview_relay::store::{Error, Kind, Mode, Outcome, Submission, TableWrite};
use serde_json::json;

use crate::support::{engines::on_both_engines, product::Product};

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Outcome, Error>> + Send + 'a>>;

/// Leaves no room in the queue of a store that cannot write. What it has taken is done when these are.
async fn fill(product: &Product) -> Vec<Waiting<'_>> {
    let columns = [("session_id", Kind::Text), ("seen_at", Kind::Int)];
    let mut waiting: Vec<Waiting<'_>> = Vec::new();
    // The writer may still be taking a batch from the queue, so that one refusal is not the last word.
    let mut refused = 0;
    while refused < 200 {
        let rows = vec![vec![format!("ses_{}", waiting.len()).into(), 0.into()]];
        let write = TableWrite { rows, ..TableWrite::new("heartbeats", Mode::Insert, &columns) };
        let submission = Submission { writes: vec![write], ..Submission::default() };
        let mut commit: Waiting<'_> = Box::pin(product.app.store.commit(submission));
        match (&mut commit).now_or_never() {
            None => {
                waiting.push(commit);
                refused = 0;
            }
            Some(Err(Error::Overloaded)) => refused += 1,
            Some(other) => panic!("nothing can be written yet: {other:?}"),
        }
        tokio::task::yield_now().await;
    }
    waiting
}

on_both_engines! {
    /// Design, guarantee 12.
    async fn a_full_queue_is_told_with_a_time_to_come_back(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let invites = format!("/v1/campaigns/{campaign}/invites");
        let invite = async || product.post_once(&invites, "once", json!({"email": "ada@example.com"})).await;
        let held = product.engine.hold_writes().await;
        let waiting = fill(&product).await;
        for _ in 0..3 {
            let answer = invite().await;
            assert_eq!(answer.refused(503), "SERVICE_UNAVAILABLE");
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
        product.get(&format!("/v1/campaigns/{campaign}")).await.expect(200);
        held.release().await;
        let taken = waiting.len();
        let results = join_all(waiting).await;
        assert!(results.iter().all(|result| matches!(result, Ok(Outcome::Committed { .. }))));
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM heartbeats").await, taken as i64, "all that was taken");
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM invites").await, 0, "nothing that was refused");
        let made = invite().await;
        made.expect(201);
        assert_eq!(made.header("idempotent-replayed"), None, "a refusal is not remembered");
        product.stop().await;
    }
}

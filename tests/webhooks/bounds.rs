//! What is bounded: memory, batches, the log, slots, endpoints, replays; and that nothing is lost at a bound.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aggregates::id::{Id as _, WebhookId};
use chrono::{SecondsFormat, TimeDelta};
use futures_util::future::join_all;
use interview_relay::{
    store::{Delivery, DeliveryBatch, DeliveryStatus, EndpointUpdate, NEVER, Source, Store, Submission},
    webhooks::{
        Options,
        faults::{FaultPoint, Faults},
    },
};
use serde_json::json;
use tokio::sync::Semaphore;

use super::support::{Node, Receiver, Reply, counts, deliveries, hook, invite, until, worker};
use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
};

/// A defect in the writing of results, once.
struct Defect(AtomicBool);

impl Faults for Defect {
    fn strikes(&self, point: FaultPoint) -> bool {
        assert!(point != FaultPoint::BeforeWrite || self.0.swap(true, Ordering::SeqCst), "a defect");
        false
    }
}

on_both_engines! {
    async fn retries_that_do_not_fit_into_memory_are_made_all_the_same(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::start(|_| Reply::Status(500)).await;
        hook(&product, &receiver.url(), json!({})).await;
        let node = Node::start(&product);
        let ids = invite(&product, &campaign, 20).await;
        node.written(20).await;
        node.stop().await;
        // The first few fail again: the others must not wait for them.
        let stubborn = ids[..5].to_vec();
        receiver.behave(move |request| Reply::Status(if stubborn.contains(&request.id()) { 500 } else { 200 }));
        product.engine.hands.advance(TimeDelta::seconds(6));
        let node = Node::run(worker(&product, "second", Options { loaded: 5, ..Options::default() }));
        node.written(20).await;
        node.settled(&product).await;
        let seen = counts(&receiver.requests());
        assert!(ids.iter().all(|id| seen[id] == 2), "{seen:?}");
        let delivered = "SELECT COUNT(*) FROM webhook_deliveries WHERE status = 'delivered'";
        assert_eq!(product.engine.number(delivered).await, 15);
        node.stop().await;
        product.stop().await;
    }

    async fn the_log_is_trimmed_when_an_endpoint_is_given_back(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::good().await;
        hook(&product, &receiver.url(), json!({})).await;
        // For ever is no time that can be subtracted from now.
        let options = Options { keep: 5, retention: TimeDelta::MAX, ..Options::default() };
        let node = Node::run(worker(&product, "first", options));
        invite(&product, &campaign, 12).await;
        node.written(12).await;
        product.engine.hands.advance(TimeDelta::seconds(31));
        until(&node.progress, |progress| progress.held == 0).await;
        node.settled(&product).await;
        for table in ["webhook_deliveries", "webhook_attempts"] {
            assert_eq!(product.engine.number(&format!("SELECT COUNT(*) FROM {table}")).await, 5, "{table}");
        }
        node.stop().await;
        product.stop().await;
    }

    async fn a_retry_that_hangs_gives_its_slot_back(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let mut seen = 0;
        let receiver = Receiver::start(move |_| {
            seen += 1;
            if seen <= 2 { Reply::Status(500) } else { Reply::Hang }
        })
        .await;
        for n in 0..2 {
            hook(&product, &format!("http://{}/{n}", receiver.address), json!({})).await;
        }
        let node = Node::run(worker(&product, "first", Options { suspect_slots: 1, ..Options::default() }));
        invite(&product, &campaign, 1).await;
        node.written(2).await;
        product.engine.hands.advance(TimeDelta::seconds(6));
        receiver.wait(3).await;
        product.engine.hands.advance(TimeDelta::milliseconds(1_100));
        let paths: Vec<String> = receiver.wait(4).await[2..].iter().map(|request| request.path.clone()).collect();
        assert_ne!(paths[0], paths[1], "the other endpoint's retry need not wait for the first one's");
        // The second one has the slot now, and first attempts do not need it.
        invite(&product, &campaign, 1).await;
        receiver.wait(5).await;
        node.kill().await;
        product.stop().await;
    }

    async fn results_that_the_database_refuses_do_not_take_others_with_them(engine: Engine) {
        let product = Product::start(engine).await;
        let receiver = Receiver::good().await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(id(&hook(&product, &receiver.url(), json!({})).await));
        }
        let store = &product.engine.store;
        let claimed = store.claim_endpoints(ids.clone(), "node", (0, NEVER), 10).await.expect("claimed");
        assert_eq!(claimed.len(), 3);
        let updates = claimed.iter().enumerate().map(|(n, claimed)| {
            let delivery = Delivery {
                id: format!("dlv_{n}"),
                webhook: claimed.webhook.clone(),
                organization: product.organization.to_string(),
                event_id: "evt_1".to_owned(),
                event_type: "invite.created".to_owned(),
                sequence: 1,
                source: Source::Live,
                replay: String::new(),
                status: DeliveryStatus::Delivered,
                attempts: 0,
                next_attempt_at: None,
                http_status: None,
                // PostgreSQL has no such text; SQLite takes it.
                reason: (n == 1).then(|| "a\0b".to_owned()),
                created_at: 1,
                finished_at: Some(2),
            };
            EndpointUpdate {
                webhook: claimed.webhook.clone(),
                epoch: claimed.epoch,
                wake_at: NEVER,
                deliveries: vec![delivery],
                ..EndpointUpdate::default()
            }
        });
        let batch = DeliveryBatch { updates: updates.collect(), break_off: false };
        let written = store.record_deliveries(batch).await.expect("the others are written");
        let bad = &claimed[1].webhook;
        let taken = usize::from(written.refused.is_empty());
        assert!(written.refused.is_empty() || written.refused == [bad.clone()]);
        assert!(product.engine.sqlite_file().is_some() || taken == 0, "PostgreSQL refuses it");
        assert_eq!(written.accepted.len(), 2 + taken);
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM webhook_deliveries").await, 2 + taken as i64);
        product.stop().await;
    }

    async fn an_organization_has_a_hundred_webhooks_at_most(engine: Engine) {
        let product = Product::start(engine).await;
        let body = || json!({"url": "https://example.com", "eventTypes": ["*"]});
        let mut last = String::new();
        for _ in 0..100 {
            last = id(&product.post("/v1/webhooks", body()).await.expect(201));
        }
        assert_eq!(product.post("/v1/webhooks", body()).await.refused(409), "CONFLICT");
        product.delete(&format!("/v1/webhooks/{last}")).await.expect(204);
        product.post("/v1/webhooks", body()).await.expect(201);
        product.stop().await;
    }

    async fn replays_that_are_asked_for_at_once_are_counted_one_by_one(engine: Engine) {
        let product = Product::start(engine).await;
        let webhook = hook(&product, "http://127.0.0.1:9/", json!({})).await;
        let path = format!("/v1/webhooks/{}/replay", id(&webhook));
        let asked = (0..16).map(|_| product.post(&path, json!({"fromSequence": 1})));
        let answers = join_all(asked).await;
        let begun = answers.iter().filter(|answer| answer.status == 202).count();
        let running = product.engine.number("SELECT COUNT(*) FROM webhook_replays WHERE status = 'running'").await;
        assert_eq!(running, begun as i64);
        assert!((1..=10).contains(&begun), "{begun} are running");
        product.stop().await;
    }

    async fn a_signal_makes_no_endpoint(engine: Engine) {
        let product = Product::start(engine).await;
        let nobody = WebhookId::from_uuid(uuid::Uuid::from_u128(7)).to_string();
        let organization = product.organization.to_string();
        for write in [Store::signal_endpoint(&nobody), Store::renew_endpoint(&nobody)] {
            let submission =
                Submission { organization: organization.clone(), writes: vec![write], ..Submission::default() };
            product.engine.store.commit(submission).await.expect("committed");
        }
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM webhook_endpoints").await, 0);
        let webhook = id(&hook(&product, "http://127.0.0.1:9/", json!({})).await);
        let writes = vec![Store::signal_endpoint(&webhook), Store::renew_endpoint(&webhook)];
        product.engine.store.commit(Submission { organization, writes, ..Submission::default() }).await.expect("committed");
        let signals = product.engine.number("SELECT signals FROM webhook_endpoints").await;
        assert_eq!(signals, (1 << 32) + 1, "both count, though they come in one statement");
        product.stop().await;
    }

    async fn a_test_with_one_key_is_sent_once_even_if_it_is_asked_for_twice_at_once(engine: Engine) {
        let product = Product::start(engine).await;
        let gate = Arc::new(Semaphore::new(0));
        let mut seen = 0;
        let receiver = Receiver::start({
            let gate = gate.clone();
            move |_| {
                seen += 1;
                if seen == 1 { Reply::Gate(gate.clone(), 200) } else { Reply::Status(200) }
            }
        })
        .await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let path = format!("/v1/webhooks/{}/test", id(&webhook));
        let second = async {
            receiver.wait(1).await;
            let answer = product.post_once(&path, "once", json!({})).await;
            gate.add_permits(1);
            answer
        };
        let (first, second) = tokio::join!(product.post_once(&path, "once", json!({})), second);
        assert_eq!(second.refused(409), "IDEMPOTENCY_IN_PROGRESS");
        let first = first.expect(200);
        assert_eq!(product.post_once(&path, "once", json!({})).await.expect(200), first);
        assert_eq!(receiver.count(), 1);
        product.stop().await;
    }

    async fn a_defect_in_writing_is_not_the_end(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::good().await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let node = Node::with_faults(&product, "first", Arc::new(Defect(AtomicBool::new(false))));
        let ids = invite(&product, &campaign, 3).await;
        node.written(3).await;
        node.settled(&product).await;
        assert_eq!(node.progress.borrow().under_way, 0);
        let shown = deliveries(&product, &webhook).await;
        assert!(ids.iter().all(|id| shown.iter().any(|one| one["eventId"] == *id && one["status"] == "delivered")));
        node.stop().await;
        product.stop().await;
    }

    async fn deliveries_are_found_by_their_last_change(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::start(|_| Reply::Status(500)).await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let node = Node::start(&product);
        let begun = product.engine.clock.now();
        invite(&product, &campaign, 1).await;
        node.written(1).await;
        product.engine.hands.advance(TimeDelta::seconds(6));
        node.written(2).await;
        let found = async |query: String| {
            let path = format!("/v1/webhooks/{}/deliveries?{query}", id(&webhook));
            product.get(&path).await.expect(200)["pagination"]["total"].clone()
        };
        let time = |seconds| (begun + TimeDelta::seconds(seconds)).to_rfc3339_opts(SecondsFormat::Secs, true);
        assert_eq!(found(format!("updatedSince={}", time(3))).await, 1, "it was tried again since");
        assert_eq!(found(format!("updatedSince={}", time(60))).await, 0);
        assert_eq!(found(format!("updatedSince={}&from={}", time(60), time(-60))).await, 0, "both count");
        node.stop().await;
        product.stop().await;
    }
}

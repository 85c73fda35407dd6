//! A node may die at any step: nothing is lost, and only what was under way is sent twice, with the same id.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use chrono::TimeDelta;
use interview_relay::webhooks::{
    Options,
    faults::{
        FaultPoint::{self, *},
        Faults,
    },
};
use serde_json::json;
use tokio::sync::Semaphore;

use super::support::{Node, Receiver, Reply, counts, hook, invite, until, worker};
use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
};

/// Strikes when a point is passed for the n-th time.
struct Strike {
    point: FaultPoint,
    left: AtomicUsize,
}

impl Strike {
    fn at(point: FaultPoint, n: usize) -> Arc<Self> {
        Arc::new(Self { point, left: AtomicUsize::new(n) })
    }
}

impl Faults for Strike {
    fn strikes(&self, point: FaultPoint) -> bool {
        point == self.point && self.left.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

async fn delivered(product: &Product) -> BTreeSet<String> {
    let sql = "SELECT event_id FROM webhook_deliveries WHERE status = 'delivered'";
    product.engine.sql(sql).await.into_iter().map(|row| row[0].text().to_owned()).collect()
}

/// Where a node dies: at which point, when it is passed for the how manieth time.
type Death = (FaultPoint, usize);

/// Every point that first attempts pass.
const FIRST_ATTEMPTS: [Death; 14] = [
    (Claimed, 1),
    (Rendered, 1),
    (Rendered, 2),
    (Sending, 1),
    (Sending, 7),
    (Answered, 1),
    (Answered, 7),
    (BeforeWrite, 1),
    (BeforeWrite, 2),
    (InWrite, 1),
    (InWrite, 2),
    (Written, 1),
    (Written, 2),
    (Released, 1),
];
/// Every point that deliveries pass which are tried again. Their bodies are rendered for each attempt, as a part of it.
const RETRIES: [Death; 9] = [
    (Claimed, 1),
    (Sending, 1),
    (Sending, 5),
    (Answered, 1),
    (Answered, 5),
    (BeforeWrite, 1),
    (InWrite, 1),
    (Written, 1),
    (Released, 1),
];
/// Replays are read from the log besides.
const READINGS: [Death; 2] = [(Rendered, 1), (Rendered, 2)];
/// Every point that an endpoint passes which says that it is gone.
const ENDS: [Death; 10] = [
    (Claimed, 1),
    (Rendered, 1),
    (Sending, 1),
    (Answered, 1),
    (Disabling, 1),
    (Disabled, 1),
    (BeforeWrite, 1),
    (InWrite, 1),
    (Written, 1),
    (Released, 1),
];

#[test]
fn no_point_is_forgotten() {
    let tested: BTreeSet<_> = FIRST_ATTEMPTS.iter().chain(&ENDS).map(|(point, _)| *point).collect();
    assert_eq!(tested, FaultPoint::ALL.into_iter().collect());
}

/// What a node's death may lead to: every event arrives, what was written down as delivered never again, the rest twice at
/// most, and nothing else.
fn check(name: &str, receiver: &Receiver, before: usize, ids: &[String], known: &BTreeSet<String>) {
    let seen = counts(&receiver.requests()[before..]);
    assert!(ids.iter().all(|id| seen.contains_key(id)), "{name}: an event was lost");
    assert!(seen.keys().all(|id| ids.contains(id)), "{name}: an event of before was sent again");
    for (id, n) in &seen {
        assert!(*n <= 2, "{name}: {id} was sent {n} times");
        assert!(*n == 1 || !known.contains(id), "{name}: {id} was sent again although it was written down");
    }
}

/// Waits until a node is dead. Whenever it has nothing to do, the clock goes on: while an attempt is under way, that would
/// bring its deadline nearer.
async fn dies(product: &Product, node: Node) {
    let mut progress = node.progress.clone();
    loop {
        if progress.borrow_and_update().settled {
            product.engine.hands.advance(TimeDelta::milliseconds(250));
            product.webhooks.nudge();
        }
        if progress.changed().await.is_err() {
            break;
        }
    }
    node.died().await;
}

on_both_engines! {
    async fn a_death_at_any_step_loses_nothing_and_doubles_only_what_was_under_way(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::good().await;
        hook(&product, &receiver.url(), json!({})).await;
        let mut all = BTreeSet::new();
        for (point, n) in FIRST_ATTEMPTS {
            let name = format!("{point:?}, time {n}");
            let before = receiver.count();
            let ids = invite(&product, &campaign, 12).await;
            all.extend(ids.iter().cloned());
            let node = Node::with_faults(&product, &format!("victim, {name}"), Strike::at(point, n));
            if point == Released {
                // It is given back after half a minute without work.
                node.written(12).await;
                product.engine.hands.advance(TimeDelta::seconds(31));
            }
            node.died().await;
            let known = delivered(&product).await;
            product.engine.hands.advance(TimeDelta::seconds(31));
            let node = Node::run(worker(&product, &format!("heir, {name}"), Options::default()));
            while delivered(&product).await.len() < all.len() {
                node.settled(&product).await;
            }
            node.stop().await;
            check(&name, &receiver, before, &ids, &known);
            let twice = counts(&receiver.requests()[before..]).values().filter(|n| **n == 2).count();
            // Whoever dies at the second reading has attempts of the first one under way.
            let harmless = matches!(point, Claimed | Released) || (point, n) == (Rendered, 1);
            assert!(!harmless || twice == 0, "{name}: nothing was under way, but {twice} were sent twice");
        }
        let rows = product.engine.number("SELECT COUNT(*) FROM webhook_deliveries").await;
        assert_eq!(rows, all.len() as i64, "one delivery for each event");
        product.stop().await;
    }

    async fn a_death_at_any_step_of_a_retry_doubles_only_what_was_under_way(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::good().await;
        hook(&product, &receiver.url(), json!({})).await;
        let mut all = 0;
        for (point, n) in RETRIES {
            let name = format!("{point:?}, time {n}");
            receiver.behave(|_| Reply::Status(500));
            let node = Node::run(worker(&product, &format!("first, {name}"), Options::default()));
            let ids = invite(&product, &campaign, 8).await;
            all += ids.len();
            node.written(8).await;
            node.stop().await;
            receiver.behave(|_| Reply::Status(200));
            let before = receiver.count();
            product.engine.hands.advance(TimeDelta::seconds(6));
            let node = Node::with_faults(&product, &format!("victim, {name}"), Strike::at(point, n));
            dies(&product, node).await;
            let known = delivered(&product).await;
            product.engine.hands.advance(TimeDelta::seconds(31));
            let node = Node::run(worker(&product, &format!("heir, {name}"), Options::default()));
            while delivered(&product).await.len() < all {
                node.settled(&product).await;
            }
            node.stop().await;
            check(&name, &receiver, before, &ids, &known);
        }
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM webhook_deliveries").await, all as i64);
        product.stop().await;
    }

    async fn a_death_at_any_step_of_a_replay_doubles_only_what_was_under_way(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let ids = invite(&product, &campaign, 12).await;
        let receiver = Receiver::good().await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let path = format!("/v1/webhooks/{}/replay", id(&webhook));
        for (point, n) in READINGS.into_iter().chain(RETRIES) {
            let name = format!("{point:?}, time {n}");
            let before = receiver.count();
            let replay = id(&product.post(&path, json!({"fromSequence": 1})).await.expect(202));
            let node = Node::with_faults(&product, &format!("victim, {name}"), Strike::at(point, n));
            dies(&product, node).await;
            let of_it = format!("SELECT event_id FROM webhook_deliveries WHERE replay_id = '{replay}'");
            let rows = product.engine.sql(&format!("{of_it} AND status = 'delivered'")).await;
            let known = rows.into_iter().map(|row| row[0].text().to_owned()).collect();
            product.engine.hands.advance(TimeDelta::seconds(31));
            let node = Node::run(worker(&product, &format!("heir, {name}"), Options::default()));
            while product.engine.number("SELECT COUNT(*) FROM webhook_replays WHERE status = 'running'").await > 0 {
                product.engine.hands.advance(TimeDelta::seconds(1));
                node.settled(&product).await;
            }
            node.stop().await;
            check(&name, &receiver, before, &ids, &known);
            assert_eq!(product.engine.sql(&of_it).await.len(), ids.len(), "{name}: one delivery for each event");
        }
        product.stop().await;
    }

    async fn a_death_at_any_step_of_an_endpoints_end_leaves_it_ended_once(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::start(|_| Reply::Status(410)).await;
        for (point, n) in ENDS {
            let name = format!("{point:?}, time {n}");
            let before = receiver.count();
            let webhook = hook(&product, &receiver.url(), json!({})).await;
            let ids = invite(&product, &campaign, 1).await;
            let node = Node::with_faults(&product, &format!("victim, {name}"), Strike::at(point, n));
            dies(&product, node).await;
            product.engine.hands.advance(TimeDelta::seconds(31));
            let node = Node::run(worker(&product, &format!("heir, {name}"), Options::default()));
            node.settled(&product).await;
            node.stop().await;
            check(&name, &receiver, before, &ids, &BTreeSet::new());
            let shown = product.get(&format!("/v1/webhooks/{}", id(&webhook))).await.expect(200);
            assert_eq!((&shown["status"], &shown["disabledReason"]), (&json!("disabled"), &json!("gone")), "{name}");
            let ends = format!("SELECT COUNT(*) FROM events WHERE type = 'webhook.disabled' AND stream_id = '{}'", id(&webhook));
            assert_eq!(product.engine.number(&ends).await, 1, "{name}");
        }
        product.stop().await;
    }

    async fn a_node_that_lost_its_lease_writes_nothing(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let gate = Arc::new(Semaphore::new(0));
        let receiver = Receiver::start({
            let gate = gate.clone();
            move |_| Reply::Gate(gate.clone(), 200)
        })
        .await;
        hook(&product, &receiver.url(), json!({})).await;
        let zombie = Node::run(worker(&product, "zombie", Options::default()));
        let event = invite(&product, &campaign, 1).await.remove(0);
        receiver.wait(1).await;
        // The zombie slept through the end of its lease, and another node took over.
        let stolen = "UPDATE webhook_endpoints SET owner = 'other', epoch = epoch + 1, leased_until = 9000000000000000";
        product.engine.sql(stolen).await;
        let before = product.engine.sql("SELECT * FROM webhook_endpoints").await;
        gate.add_permits(1);
        until(&zombie.progress, |progress| progress.lost == 1).await;
        assert_eq!(product.engine.sql("SELECT * FROM webhook_endpoints").await, before);
        for table in ["webhook_deliveries", "webhook_attempts"] {
            assert_eq!(product.engine.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
        }
        zombie.settled(&product).await;
        assert_eq!(zombie.progress.borrow().held, 0);

        // The heir does it again, with the same id.
        product.engine.sql("UPDATE webhook_endpoints SET leased_until = 0").await;
        gate.add_permits(10);
        let heir = Node::run(worker(&product, "heir", Options::default()));
        let requests = receiver.wait(2).await;
        assert!(requests.iter().all(|request| request.id() == event));
        zombie.kill().await;
        heir.stop().await;
        product.stop().await;
    }

    async fn retries_survive_the_death_of_their_node(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::start(|_| Reply::Status(500)).await;
        hook(&product, &receiver.url(), json!({})).await;
        let node = Node::run(worker(&product, "first", Options::default()));
        let ids = invite(&product, &campaign, 5).await;
        node.written(5).await;
        node.kill().await;
        receiver.behave(|_| Reply::Status(200));
        product.engine.hands.advance(TimeDelta::seconds(31));
        let node = Node::run(worker(&product, "second", Options::default()));
        node.written(5).await;
        node.settled(&product).await;
        let seen = counts(&receiver.requests());
        assert!(ids.iter().all(|id| seen[id] == 2), "{seen:?}");
        assert_eq!(delivered(&product).await.len(), 5);
        node.stop().await;
        product.stop().await;
    }
}

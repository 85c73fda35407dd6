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
    faults::{FaultPoint, Faults},
};
use serde_json::json;
use tokio::sync::Semaphore;

use super::support::{Node, Receiver, Reply, counts, hook, invite, until, worker};
use crate::support::{engines::on_both_engines, product::Product};

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

/// How often a point is passed in what the test does, at least; the node dies the first time and the last of these.
fn times(point: FaultPoint) -> [usize; 2] {
    match point {
        FaultPoint::Claimed | FaultPoint::Released => [1, 1],
        FaultPoint::Rendered | FaultPoint::BeforeWrite | FaultPoint::InWrite | FaultPoint::Written => [1, 2],
        FaultPoint::Sending | FaultPoint::Answered => [1, 7],
    }
}

on_both_engines! {
    async fn a_death_at_any_step_loses_nothing_and_doubles_only_what_was_under_way(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::good().await;
        hook(&product, &receiver.url(), json!({})).await;
        let mut all = BTreeSet::new();
        let mut names = 0;
        for point in FaultPoint::ALL {
            for n in times(point) {
                let before = receiver.count();
                let ids = invite(&product, &campaign, 12).await;
                all.extend(ids.iter().cloned());
                names += 1;
                let node = Node::with_faults(&product, &format!("victim-{names}"), Strike::at(point, n));
                if point == FaultPoint::Released {
                    // It is given back after half a minute without work.
                    node.written(12).await;
                    product.engine.hands.advance(TimeDelta::seconds(31));
                }
                node.died().await;
                let known = delivered(&product).await;
                product.engine.hands.advance(TimeDelta::seconds(31));
                let node = Node::run(worker(&product, &format!("heir-{names}"), Options::default()));
                let name = format!("{point:?}, time {n}");
                loop {
                    node.settled(&product).await;
                    if delivered(&product).await.len() == all.len() {
                        break;
                    }
                }
                node.stop().await;
                let seen = counts(&receiver.requests()[before..]);
                assert!(ids.iter().all(|id| seen.contains_key(id)), "{name}: an event was lost");
                assert!(seen.keys().all(|id| ids.contains(id)), "{name}: an event of before was sent again");
                for (id, n) in &seen {
                    assert!(*n <= 2, "{name}: {id} was sent {n} times");
                    assert!(*n == 1 || !known.contains(id), "{name}: {id} was sent again although it was written down");
                }
                let twice = seen.values().filter(|n| **n == 2).count();
                // Whoever dies at the second reading has attempts of the first one under way.
                let harmless = matches!(point, FaultPoint::Claimed | FaultPoint::Released)
                    || (point, n) == (FaultPoint::Rendered, 1);
                assert!(!harmless || twice == 0, "{name}: nothing was under way, but {twice} were sent twice");
            }
        }
        let rows = product.engine.number("SELECT COUNT(*) FROM webhook_deliveries").await;
        assert_eq!(rows, all.len() as i64, "one delivery for each event");
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

//! One slow or dead endpoint slows no other. Time stands still here: whoever waits for a receiver that hangs waits for ever.

use std::sync::Arc;

use interview_relay::webhooks::Options;
use serde_json::json;
use tokio::sync::Semaphore;

use super::support::{Node, Received, Receiver, Reply, hook, invite, until, worker};
use crate::support::{engines::on_both_engines, product::Product};

on_both_engines! {
    async fn with_a_fifth_of_the_endpoints_hanging_the_others_get_everything(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let (good, bad) = (Receiver::good().await, Receiver::start(|_| Reply::Hang).await);
        for n in 0..20 {
            let receiver = if n % 5 == 0 { &bad } else { &good };
            hook(&product, &format!("http://{}/{n}", receiver.address), json!({})).await;
        }
        // Few slots, so that a slot that is held is missed.
        let options = Options { slots: 20, suspect_slots: 4, ..Options::default() };
        let node = Node::run(worker(&product, "first", options));
        invite(&product, &campaign, 25).await;
        let requests = good.wait(16 * 25).await;
        assert_eq!(requests.len(), 16 * 25);
        assert!(bad.count() <= 8, "two of each that hangs at once, at most: {}", bad.count());
        node.kill().await;
        product.stop().await;
    }

    async fn attempts_at_once_grow_with_successes_and_halve_with_each_failure(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let gate = Arc::new(Semaphore::new(0));
        let answers = |status: u16| {
            let gate = gate.clone();
            move |_: &Received| Reply::Gate(gate.clone(), status)
        };
        let receiver = Receiver::start(answers(200)).await;
        hook(&product, &receiver.url(), json!({})).await;
        invite(&product, &campaign, 40).await;
        let node = Node::run(worker(&product, "first", Options::default()));
        // Two to begin with, and one more for each that arrives.
        for arrived in 0..4 {
            receiver.wait(arrived + (2 + arrived)).await;
            until(&node.progress, |progress| progress.made == arrived as u64 && progress.under_way == 2 + arrived).await;
            gate.add_permits(1);
        }
        receiver.wait(4 + 6).await;
        // The six that are under way arrive; what comes after them fails.
        receiver.behave(answers(500));
        gate.add_permits(6);
        receiver.wait(10 + 12).await;
        until(&node.progress, |progress| progress.made == 10 && progress.under_way == 12).await;
        // 12, 6, 3, 1: nothing begins before there is room again.
        gate.add_permits(11);
        until(&node.progress, |progress| progress.made == 21 && progress.under_way == 1).await;
        assert_eq!(receiver.count(), 22);
        node.kill().await;
        product.stop().await;
    }

    async fn an_endpoint_with_a_long_backlog_leaves_others_their_turn(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::good().await;
        let url = |name: &str| format!("http://{}/{name}", receiver.address);
        hook(&product, &url("late"), json!({})).await;
        invite(&product, &campaign, 120).await;
        hook(&product, &url("quick"), json!({})).await;
        invite(&product, &campaign, 1).await;
        let options = Options { slots: 4, concurrency: (2, 4), ..Options::default() };
        let node = Node::run(worker(&product, "first", options));
        node.written(122).await;
        let requests = receiver.requests();
        let turn = requests.iter().position(|request| request.path == "/quick").expect("it was served");
        assert!(turn < 60, "it had to wait for {turn} others");
        node.stop().await;
        product.stop().await;
    }

    async fn more_endpoints_than_a_node_may_hold_take_turns(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::good().await;
        for n in 0..6 {
            hook(&product, &format!("http://{}/{n}", receiver.address), json!({})).await;
        }
        invite(&product, &campaign, 3).await;
        let node = Node::run(worker(&product, "first", Options { hold: 2, ..Options::default() }));
        // Time goes on only while nothing is under way: an attempt must not run out of it.
        while receiver.count() < 18 {
            node.settled(&product).await;
            assert!(node.progress.borrow().held <= 2);
            product.engine.hands.advance(chrono::TimeDelta::milliseconds(1_100));
        }
        node.stop().await;
    }
}

//! One slow or dead endpoint slows no other. Time stands still here: whoever waits for a receiver that hangs waits for ever.

use interview_relay::webhooks::Options;
use serde_json::json;

use super::support::{Node, Receiver, Reply, hook, invite, worker};
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

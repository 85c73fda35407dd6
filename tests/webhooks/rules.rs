//! When deliveries are tried again, and when they are given up (contract 44).

use chrono::TimeDelta;
use serde_json::json;

use super::support::{Node, Receiver, Reply, deliveries, hook, invite, until};
use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
};

fn answer(head: &str) -> Reply {
    Reply::Raw(format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").into_bytes())
}

on_both_engines! {
    async fn a_delivery_is_tried_ten_times_at_the_times_of_the_schedule(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::start(|_| Reply::Status(500)).await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let node = Node::start(&product);
        let event = invite(&product, &campaign, 1).await.remove(0);
        node.written(1).await;
        let pauses = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        for (attempts, seconds) in (1_u64..).zip(pauses) {
            // A tenth of each pause is left to chance.
            product.engine.hands.advance(TimeDelta::milliseconds(seconds * 890));
            node.settled(&product).await;
            assert_eq!(receiver.count() as u64, attempts, "too early after {attempts} attempts");
            product.engine.hands.advance(TimeDelta::milliseconds(seconds * 220));
            node.written(attempts + 1).await;
        }
        product.engine.hands.advance(TimeDelta::days(1));
        node.settled(&product).await;
        let requests = receiver.requests();
        assert_eq!(requests.len(), 10);
        assert!(requests.iter().all(|request| request.id() == event), "the id stays the same");
        assert!(requests.windows(2).all(|two| two[0].headers["webhook-timestamp"] < two[1].headers["webhook-timestamp"]));
        let shown = deliveries(&product, &webhook).await;
        assert_eq!((&shown[0]["status"], &shown[0]["reason"]), (&json!("failed"), &json!("http_500")));
        assert_eq!(shown[0]["attempts"].as_array().expect("attempts").len(), 10);
        let explained = product.get(&format!("/v1/webhooks/{}/explain?eventId={event}", id(&webhook))).await.expect(200);
        assert_eq!((&explained["outcome"], &explained["details"]["reason"]), (&json!("failed"), &json!("http_500")));
        node.stop().await;
        product.stop().await;
    }

    async fn retry_after_is_respected_and_holds_new_events_back(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::start(|_| answer("429 Too Many Requests\r\nretry-after: 600")).await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let node = Node::start(&product);
        invite(&product, &campaign, 1).await;
        node.written(1).await;
        receiver.behave(|_| Reply::Status(200));
        invite(&product, &campaign, 2).await;
        product.engine.hands.advance(TimeDelta::seconds(590));
        node.settled(&product).await;
        assert_eq!(receiver.count(), 1);
        product.engine.hands.advance(TimeDelta::seconds(11));
        node.written(4).await;
        assert_eq!(deliveries(&product, &webhook).await.iter().filter(|one| one["status"] == "delivered").count(), 3);

        // For hours on end: nothing is lost, and the pauses stay bounded.
        receiver.behave(|_| answer("429 Too Many Requests\r\nretry-after: 999999999"));
        invite(&product, &campaign, 1).await;
        node.written(5).await;
        product.engine.hands.advance(TimeDelta::hours(25));
        receiver.behave(|_| Reply::Status(200));
        node.written(6).await;
        node.stop().await;
        product.stop().await;
    }

    async fn gone_disables_at_once(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::start(|_| Reply::Status(410)).await;
        let webhook = hook(&product, &receiver.url(), json!({"notifyEmail": "Ops@example.com"})).await;
        let path = format!("/v1/webhooks/{}", id(&webhook));
        let node = Node::start(&product);
        let event = invite(&product, &campaign, 1).await.remove(0);
        node.written(1).await;
        until(&node.progress, |progress| progress.held == 0).await;
        let shown = product.get(&path).await.expect(200);
        assert_eq!((&shown["status"], &shown["disabledReason"]), (&json!("disabled"), &json!("gone")));
        assert_ne!(shown["disabledAt"], json!(null));
        assert_eq!(shown["notifyEmail"], "Ops@example.com");
        let events = "SELECT COUNT(*) FROM events WHERE type = 'webhook.disabled'";
        assert_eq!(product.engine.number(events).await, 1);
        let later = invite(&product, &campaign, 2).await;
        product.engine.hands.advance(TimeDelta::hours(1));
        node.settled(&product).await;
        assert_eq!(receiver.count(), 1, "a disabled endpoint gets nothing");
        let explained = product.get(&format!("{path}/explain?eventId={}", later[0])).await.expect(200);
        assert_eq!((&explained["outcome"], &explained["details"]["reason"]), (&json!("disabled"), &json!("gone")));

        // Its owner puts it to work again, and nothing has been lost.
        receiver.behave(|_| Reply::Status(200));
        product.patch(&path, json!({"status": "enabled"})).await.expect(200);
        node.written(4).await;
        let seen: Vec<String> = receiver.requests().iter().map(|request| request.id()).collect();
        assert!([&event, &later[0], &later[1]].into_iter().all(|id| seen[1..].contains(id)));
        assert_eq!(product.get(&path).await.expect(200)["disabledReason"], json!(null));
        node.stop().await;
        product.stop().await;
    }

    async fn one_success_ends_the_days_of_failure(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::start(|_| Reply::Status(500)).await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let node = Node::start(&product);
        for day in 0..8 {
            receiver.behave(move |_| Reply::Status(if day == 4 { 200 } else { 500 }));
            let before = receiver.count();
            invite(&product, &campaign, 1).await;
            receiver.wait(before + 1).await;
            node.settled(&product).await;
            product.engine.hands.advance(TimeDelta::hours(24));
            node.settled(&product).await;
        }
        let shown = product.get(&format!("/v1/webhooks/{}", id(&webhook))).await.expect(200);
        assert_eq!(shown["status"], "enabled", "{shown}");
        node.stop().await;
        product.stop().await;
    }
}

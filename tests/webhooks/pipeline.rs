//! What is delivered, to whom, and how often.

use std::{collections::BTreeSet, sync::Arc};

use chrono::TimeDelta;
use interview_relay::webhooks::Options;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::support::{Node, Receiver, Reply, counts, deliveries, hook, invite, until, worker};
use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
};

on_both_engines! {
    async fn every_event_arrives_once_and_is_the_one_of_the_feed(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        invite(&product, &campaign, 2).await;
        let receiver = Receiver::good().await;
        let webhook = hook(&product, &receiver.url(), json!({"headers": {"X-Key": "hidden"}})).await;
        let node = Node::start(&product);
        let ids = invite(&product, &campaign, 30).await;
        node.written(30).await;
        let requests = receiver.requests();
        assert_eq!(requests.iter().map(|request| request.id()).collect::<BTreeSet<_>>(), ids.iter().cloned().collect());
        assert_eq!(requests.len(), 30, "what happened before the webhook was created is not sent");

        let feed = product.get("/v1/events?limit=100").await.expect(200);
        for request in &requests {
            let body = request.json();
            assert_eq!(body["id"], json!(request.id()));
            let same = feed["data"].as_array().expect("a list").iter().find(|event| event["id"] == body["id"]);
            assert_eq!(same, Some(&body));
            assert_eq!(request.headers["content-type"], "application/json");
            assert_eq!(request.headers["x-key"], "hidden");
            assert!(request.headers["user-agent"].starts_with("InterviewRelay/"));
        }
        let shown = deliveries(&product, &webhook).await;
        assert_eq!(shown.len(), 30);
        assert!(shown.iter().all(|one| one["status"] == "delivered" && one["attempts"][0]["httpStatus"] == 200));
        let path = format!("/v1/webhooks/{}/deliveries/{}", id(&webhook), id(&shown[0]));
        let one = product.get(&path).await.expect(200);
        let attempt = &one["attempts"][0];
        assert_eq!((&attempt["responseBody"], &attempt["responseTruncated"]), (&json!("ok"), &json!(false)));
        let sent = attempt["requestHeaders"].as_array().expect("headers");
        assert!(sent.contains(&json!({"name": "x-key", "value": "***"})), "{sent:?}");
        assert!(sent.contains(&json!({"name": "webhook-id", "value": one["eventId"]})), "{sent:?}");
        assert!(attempt["responseHeaders"].as_array().expect("headers").contains(&json!({"name": "x-receiver", "value": "yes"})));
        for table in ["webhook_attempts", "webhook_deliveries", "webhooks", "events"] {
            let rows = format!("{:?}", product.engine.sql(&format!("SELECT * FROM {table}")).await);
            assert!(!rows.contains("hidden"), "{table} holds a header's value in clear");
            assert!(!rows.contains(webhook["secret"].as_str().expect("a secret")), "{table} holds the secret in clear");
        }

        // A restart sends nothing again, and what happened in between.
        node.stop().await;
        let late = invite(&product, &campaign, 3).await;
        let node = Node::start(&product);
        node.written(3).await;
        node.settled(&product).await;
        let counts = counts(&receiver.requests());
        assert_eq!(counts.len(), 33);
        assert!(counts.values().all(|n| *n == 1), "{counts:?}");
        assert!(late.iter().all(|id| counts.contains_key(id)));
        node.stop().await;
        product.stop().await;
    }

    async fn filters_choose_by_type_campaign_and_project(engine: Engine) {
        let product = Product::start(engine).await;
        let receiver = Receiver::good().await;
        let node = Node::start(&product);
        let (one, two) = (product.campaign(json!({})).await, product.campaign(json!({})).await);
        let project = id(&product.post("/v1/projects", json!({"name": "P"})).await.expect(201));
        product.patch(&format!("/v1/campaigns/{two}"), json!({"projectId": project})).await.expect(200);
        let url = |name: &str| format!("http://{}/{name}", receiver.address);
        hook(&product, &url("types"), json!({"eventTypes": ["campaign.*", "invite.cancelled"]})).await;
        hook(&product, &url("campaign"), json!({"eventTypes": ["*"], "campaignId": one})).await;
        hook(&product, &url("project"), json!({"eventTypes": ["*"], "projectId": project})).await;
        let first = id(&product.invite(&one, "a@example.com").await);
        product.invite(&two, "b@example.com").await;
        product.post(&format!("/v1/invites/{first}/cancel"), json!({})).await.expect(200);
        product.post(&format!("/v1/campaigns/{two}/pause"), json!({})).await.expect(200);
        node.written(6).await;
        node.settled(&product).await;
        let seen = |name: &str| -> Vec<String> {
            let path = format!("/{name}");
            let mut seen: Vec<_> =
                receiver.requests().iter().filter(|r| r.path == path).map(|r| r.event_type()).collect();
            seen.sort_unstable();
            seen
        };
        assert_eq!(seen("types"), ["campaign.paused", "invite.cancelled"]);
        assert_eq!(seen("campaign"), ["invite.cancelled", "invite.created"]);
        assert_eq!(seen("project"), ["campaign.paused", "invite.created"]);
        node.stop().await;
        product.stop().await;
    }

    async fn paused_means_later_and_not_never(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::good().await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let path = format!("/v1/webhooks/{}", id(&webhook));
        let node = Node::start(&product);
        invite(&product, &campaign, 1).await;
        node.written(1).await;
        assert_eq!(product.patch(&path, json!({"status": "paused"})).await.expect(200)["status"], "paused");
        node.settled(&product).await;
        invite(&product, &campaign, 5).await;
        node.settled(&product).await;
        assert_eq!(receiver.count(), 1);
        product.patch(&path, json!({"status": "enabled"})).await.expect(200);
        node.written(6).await;
        assert_eq!(receiver.count(), 6);

        product.delete(&path).await.expect(204);
        node.settled(&product).await;
        invite(&product, &campaign, 2).await;
        node.settled(&product).await;
        assert_eq!(receiver.count(), 6, "nothing is sent to one that is deleted");
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM webhook_endpoints").await, 0);
        node.stop().await;
        product.stop().await;
    }

    async fn an_ordered_endpoint_waits_for_its_failing_event_and_others_go_on(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let mut seen = 0;
        let ordered = Receiver::start(move |_| {
            seen += 1;
            Reply::Status(if seen == 2 { 500 } else { 200 })
        })
        .await;
        let other = Receiver::good().await;
        hook(&product, &ordered.url(), json!({"ordered": true})).await;
        hook(&product, &other.url(), json!({})).await;
        let node = Node::start(&product);
        let ids = invite(&product, &campaign, 6).await;
        node.written(8).await;
        node.settled(&product).await;
        assert_eq!(other.count(), 6, "the other one does not wait");
        assert_eq!(ordered.count(), 2, "the third event waits for the second");
        product.engine.hands.advance(TimeDelta::seconds(6));
        node.written(13).await;
        let order: Vec<String> = ordered.requests().iter().map(|request| request.id()).collect();
        let expected = [&ids[0], &ids[1], &ids[1], &ids[2], &ids[3], &ids[4], &ids[5]].map(String::clone);
        assert_eq!(order, expected);
        node.stop().await;
        product.stop().await;
    }

    async fn several_nodes_share_the_work_and_deliver_once(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::good().await;
        for n in 0..8 {
            hook(&product, &format!("http://{}/{n}", receiver.address), json!({})).await;
        }
        // The first node may hold four endpoints, so that the others find some.
        let options = Options { hold: 4, ..Options::default() };
        let first = Node::run(worker(&product, "first", options));
        until(&first.progress, |progress| progress.held == 4).await;
        let (second, _) = Node::other(&product, "second").await;
        until(&second.progress, |progress| progress.held >= 4).await;
        let ids = invite(&product, &campaign, 10).await;
        let requests = receiver.wait(80).await;
        until(&first.progress, |progress| progress.settled).await;
        let mut pairs = BTreeSet::new();
        for request in &requests {
            assert!(pairs.insert((request.path.clone(), request.id())), "sent twice");
        }
        assert_eq!(pairs.len(), 8 * ids.len());
        first.stop().await;
        second.stop().await;
        let delivered = "SELECT COUNT(*) FROM webhook_deliveries WHERE status = 'delivered'";
        assert_eq!(product.engine.number(delivered).await, 80);
        product.stop().await;
    }

    /// A million events would show the same: nothing is written of what waits in the log.
    async fn a_dead_endpoint_keeps_its_backlog_in_the_log(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let dead = Receiver::start(|_| Reply::Status(503)).await;
        let webhook = hook(&product, &dead.url(), json!({})).await;
        let node = Node::start(&product);
        invite(&product, &campaign, 150).await;
        node.settled(&product).await;
        let rows = "SELECT COUNT(*) FROM webhook_deliveries";
        let tried = product.engine.number(rows).await;
        assert!((90..=110).contains(&tried), "{tried}");
        invite(&product, &campaign, 100).await;
        node.settled(&product).await;
        assert_eq!(product.engine.number(rows).await, tried, "the backlog has no rows");
        let explained = {
            let last = "SELECT event_id FROM events WHERE type = 'invite.created' ORDER BY position DESC LIMIT 1";
            let event = product.engine.sql(last).await[0][0].text().to_owned();
            product.get(&format!("/v1/webhooks/{}/explain?eventId={event}", id(&webhook))).await.expect(200)
        };
        assert_eq!(explained["outcome"], "held_back", "{explained}");

        // It comes back: the backlog follows, and the retries in their own time.
        dead.behave(|_| Reply::Status(204));
        product.engine.hands.advance(TimeDelta::minutes(7));
        let delivered = "SELECT COUNT(*) FROM webhook_deliveries WHERE status = 'delivered'";
        node.written(tried.unsigned_abs() + 250).await;
        node.settled(&product).await;
        assert_eq!(product.engine.number(delivered).await, 250);
        node.stop().await;
        product.stop().await;
    }

    async fn what_is_under_way_when_a_node_stops_comes_to_an_end(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let gate = Arc::new(Semaphore::new(0));
        let receiver = Receiver::start({
            let gate = gate.clone();
            move |_| Reply::Gate(gate.clone(), 200)
        })
        .await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let node = Node::start(&product);
        invite(&product, &campaign, 1).await;
        receiver.wait(1).await;
        let stopping = tokio::spawn(node.stop());
        gate.add_permits(1);
        stopping.await.expect("stopped");
        let shown = deliveries(&product, &webhook).await;
        assert_eq!(shown[0]["status"], Value::from("delivered"));
        let leased = "SELECT COUNT(*) FROM webhook_endpoints WHERE owner <> ''";
        assert_eq!(product.engine.number(leased).await, 0, "everything is given back");
        product.stop().await;
    }
}

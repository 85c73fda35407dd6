//! What is sent once more: replays, single redeliveries; and the answer to "why was it not delivered?".

use std::collections::BTreeSet;

use chrono::{SecondsFormat, TimeDelta};
use interview_relay::webhooks::Options;
use serde_json::{Value, json};

use super::support::{Node, Receiver, Reply, counts, deliveries, hook, invite, worker};
use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
};

/// Lets the clock run until so many requests have arrived: a replay takes its time. At each second, everything is done that
/// can be done by then.
async fn let_it_run(product: &Product, node: &Node, receiver: &Receiver, count: usize) {
    while receiver.count() < count {
        product.engine.hands.advance(TimeDelta::seconds(1));
        node.settled(product).await;
    }
}

on_both_engines! {
    async fn a_replay_sends_the_same_events_beside_the_new_ones(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let early = invite(&product, &campaign, 20).await;
        product.engine.hands.advance(TimeDelta::hours(1));
        let middle = product.engine.clock.now();
        let later = invite(&product, &campaign, 10).await;
        product.engine.hands.advance(TimeDelta::hours(1));
        let receiver = Receiver::good().await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let path = format!("/v1/webhooks/{}", id(&webhook));
        let node = Node::start(&product);
        let new = invite(&product, &campaign, 1).await;
        node.written(1).await;

        let started = product.post(&format!("{path}/replay"), json!({"fromSequence": 1})).await.expect(202);
        assert!(id(&started).starts_with("rpl_"));
        assert_eq!((&started["status"], &started["fromSequence"]), (&json!("running"), &json!(1)));
        let_it_run(&product, &node, &receiver, 32).await;
        node.settled(&product).await;
        let seen = counts(&receiver.requests());
        assert_eq!(seen.len(), 31);
        assert!(early.iter().chain(&later).all(|id| seen[id] == 1));
        assert_eq!(seen[&new[0]], 2, "what was delivered before is sent again with the same id");
        let shown = deliveries(&product, &webhook).await;
        let replayed: Vec<&Value> = shown.iter().filter(|one| one["source"] == "replay").collect();
        assert_eq!(replayed.len(), 31);
        assert!(replayed.iter().all(|one| one["replayId"] == started["id"] && one["status"] == "delivered"));

        // From a time on, up to another one.
        let time = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let body = json!({"since": time(middle - TimeDelta::minutes(1)), "until": time(middle + TimeDelta::minutes(1))});
        product.post(&format!("{path}/replay"), body).await.expect(202);
        let_it_run(&product, &node, &receiver, 42).await;
        node.settled(&product).await;
        let again = counts(&receiver.requests()[32..]);
        assert_eq!(again.keys().collect::<BTreeSet<_>>(), later.iter().collect());

        // Other types than the webhook's own.
        product.post(&format!("{path}/replay"), json!({"fromSequence": 1, "eventTypes": ["script.*"]})).await.expect(202);
        let_it_run(&product, &node, &receiver, 43).await;
        assert_eq!(receiver.requests()[42].event_type(), "script.published");
        node.stop().await;
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM webhook_replays WHERE status = 'running'").await, 0);
        product.stop().await;
    }

    async fn a_replay_goes_on_after_a_crash_and_does_not_begin_again(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let ids = invite(&product, &campaign, 40).await;
        let receiver = Receiver::good().await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let node = Node::start(&product);
        node.settled(&product).await;
        product.post(&format!("/v1/webhooks/{}/replay", id(&webhook)), json!({"fromSequence": 1})).await.expect(202);
        let_it_run(&product, &node, &receiver, 10).await;
        // In the middle of the next few, if the machine is not too fast.
        let written = receiver.count();
        assert!(written < ids.len(), "the replay is not through");
        product.engine.hands.advance(TimeDelta::seconds(1));
        receiver.wait(written + 1).await;
        node.kill().await;
        let delivered = "SELECT event_id FROM webhook_deliveries WHERE status = 'delivered'";
        let known: Vec<String> = product.engine.sql(delivered).await.iter().map(|row| row[0].text().to_owned()).collect();
        product.engine.hands.advance(TimeDelta::seconds(31));
        let node = Node::run(worker(&product, "second", Options::default()));
        while counts(&receiver.requests()).len() < ids.len() {
            product.engine.hands.advance(TimeDelta::seconds(1));
            node.settled(&product).await;
        }
        let seen = counts(&receiver.requests());
        assert!(known.iter().all(|id| seen[id] == 1), "what was written down is not sent again");
        assert!(seen.values().all(|n| *n <= 2));
        node.stop().await;
        product.stop().await;
    }

    async fn a_replay_sends_fifty_a_second_at_most(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let ids = invite(&product, &campaign, 60).await;
        let receiver = Receiver::good().await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let node = Node::start(&product);
        node.settled(&product).await;
        product.post(&format!("/v1/webhooks/{}/replay", id(&webhook)), json!({"fromSequence": 1})).await.expect(202);
        node.settled(&product).await;
        for _ in 0..20 {
            product.engine.hands.advance(TimeDelta::milliseconds(20));
            node.settled(&product).await;
        }
        // 0.4 seconds, and a quantum ahead of it.
        assert!((1..=28).contains(&receiver.count()), "{} in 0.4 seconds", receiver.count());
        let_it_run(&product, &node, &receiver, ids.len()).await;
        node.stop().await;
        product.stop().await;
    }

    async fn an_erased_person_is_in_no_retry_and_no_replay(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::start(|_| Reply::Status(500)).await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let node = Node::start(&product);
        let event = invite(&product, &campaign, 1).await.remove(0);
        node.written(1).await;
        product.engine.sql("DELETE FROM subjects").await;
        receiver.behave(|_| Reply::Status(200));
        product.engine.hands.advance(TimeDelta::seconds(6));
        node.written(2).await;
        product.post(&format!("/v1/webhooks/{}/replay", id(&webhook)), json!({"fromSequence": 1})).await.expect(202);
        let_it_run(&product, &node, &receiver, 3).await;
        let requests = receiver.requests();
        assert!(requests.iter().all(|request| request.id() == event));
        let names_somebody: Vec<bool> = requests.iter().map(|one| one.body.contains("@example.com")).collect();
        assert_eq!(names_somebody, [true, false, false]);
        node.stop().await;
        product.stop().await;
    }

    async fn one_event_is_sent_again_on_request(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::good().await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let node = Node::start(&product);
        let event = invite(&product, &campaign, 1).await.remove(0);
        node.written(1).await;
        let delivery = deliveries(&product, &webhook).await.remove(0);
        let path = format!("/v1/webhooks/{}/deliveries/{}/redeliver", id(&webhook), id(&delivery));
        let again = product.post_once(&path, "once", json!({})).await.expect(202);
        assert_eq!((&again["source"], &again["eventId"]), (&json!("redelivery"), &json!(event)));
        assert_ne!(again["id"], delivery["id"]);
        assert_eq!(product.post_once(&path, "once", json!({})).await.expect(202), again);
        node.written(2).await;
        node.settled(&product).await;
        let requests = receiver.requests();
        assert_eq!(requests.len(), 2, "the same key, the same effect");
        assert_eq!((requests[0].id(), &requests[0].body), (requests[1].id(), &requests[1].body));
        node.stop().await;
        product.stop().await;
    }

    async fn it_explains_what_became_of_an_event(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let elsewhere = product.campaign(json!({})).await;
        let project = id(&product.post("/v1/projects", json!({"name": "P"})).await.expect(201));
        let before = invite(&product, &campaign, 1).await.remove(0);
        let receiver = Receiver::start(|_| Reply::Status(500)).await;
        let webhook = hook(&product, &receiver.url(), json!({"campaignId": campaign})).await;
        let of_project = hook(&product, &receiver.url(), json!({"projectId": project})).await;
        let explain = async |webhook: &Value, event: &str| {
            product.get(&format!("/v1/webhooks/{}/explain?eventId={event}", id(webhook))).await.expect(200)
        };
        let log = async |kind: &str| {
            let sql = format!("SELECT event_id FROM events WHERE type = '{kind}' ORDER BY position DESC LIMIT 1");
            product.engine.sql(&sql).await[0][0].text().to_owned()
        };
        assert_eq!(explain(&webhook, &before).await["outcome"], "before_creation");
        assert_eq!(explain(&webhook, &log("campaign.created").await).await["outcome"], "filtered_by_type");
        assert_eq!(explain(&of_project, &before).await["outcome"], "filtered_by_project");
        assert_eq!(explain(&webhook, &log("project.created").await).await["outcome"], "not_public");
        product.post(&format!("/v1/campaigns/{elsewhere}/pause"), json!({})).await.expect(200);
        assert_eq!(explain(&webhook, &log("campaign.paused").await).await["outcome"], "filtered_by_type");
        product.post(&format!("/v1/campaigns/{elsewhere}/resume"), json!({})).await.expect(200);
        let foreign = invite(&product, &elsewhere, 1).await.remove(0);
        assert_eq!(explain(&webhook, &foreign).await["outcome"], "filtered_by_campaign");
        assert_eq!(explain(&of_project, &foreign).await["outcome"], "filtered_by_project");
        let waiting = invite(&product, &campaign, 2).await;
        let queued = explain(&webhook, &waiting[1]).await;
        assert_eq!(queued["outcome"], "queued");
        assert!(queued["details"]["eventsAhead"].as_i64().expect("a number") >= 1);
        let path = format!("/v1/webhooks/{}", id(&webhook));
        product.patch(&path, json!({"status": "paused"})).await.expect(200);
        assert_eq!(explain(&webhook, &waiting[0]).await["outcome"], "paused");
        product.patch(&path, json!({"status": "disabled"})).await.expect(200);
        let disabled = explain(&webhook, &waiting[0]).await;
        assert_eq!((&disabled["outcome"], &disabled["details"]["reason"]), (&json!("disabled"), &json!("requested")));
        product.patch(&path, json!({"status": "enabled"})).await.expect(200);

        let node = Node::start(&product);
        node.written(2).await;
        let pending = explain(&webhook, &waiting[0]).await;
        assert_eq!((&pending["outcome"], &pending["details"]["reason"]), (&json!("pending_retry"), &json!("http_500")));
        receiver.behave(|_| Reply::Status(200));
        product.engine.hands.advance(TimeDelta::seconds(6));
        node.written(4).await;
        let delivered = explain(&webhook, &waiting[0]).await;
        assert_eq!((&delivered["outcome"], &delivered["details"]["attempts"]), (&json!("delivered"), &json!(2)));
        assert_eq!(delivered["deliveries"].as_array().expect("a list").len(), 1);
        let attempts = delivered["deliveries"][0]["attempts"].as_array().expect("a list").clone();
        assert_eq!(attempts.iter().map(|one| one["httpStatus"].clone()).collect::<Vec<_>>(), [json!(500), json!(200)]);
        let unknown = format!("{path}/explain?eventId=evt_01hm6gb9v4e9ttpzg6q1x1e0c5");
        assert_eq!(product.get(&unknown).await.refused(404), "RESOURCE_NOT_FOUND");
        assert_eq!(product.get(&format!("{path}/explain")).await.refused(400), "INVALID_REQUEST");
        let stranger = product.other_organization().await;
        let request = product.request(reqwest::Method::GET, &format!("{path}/explain?eventId={before}"), &stranger);
        assert_eq!(product.send(request).await.refused(404), "RESOURCE_NOT_FOUND");
        node.stop().await;
        product.stop().await;
    }
}

//! What an endpoint's failures say about it, and from when on they say nothing any more.

use std::sync::{Arc, Condvar, Mutex};

use chrono::TimeDelta;
use interview_relay::webhooks::{
    Options,
    faults::{FaultPoint, Faults},
};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

use super::support::{Node, Receiver, Reply, deliveries, hook, invite, until, worker};
use crate::{
    mail::drain,
    support::{
        engines::on_both_engines,
        product::{Product, id},
        smtp::{SmtpServer, part},
    },
};

/// Lets an endpoint fail once a day for so many days.
async fn fail_for(product: &Product, node: &Node, campaign: &str, receiver: &Receiver, days: usize) {
    for _ in 0..days {
        let before = receiver.count();
        invite(product, campaign, 1).await;
        receiver.wait(before + 1).await;
        node.settled(product).await;
        product.engine.hands.advance(TimeDelta::days(1));
        node.settled(product).await;
    }
}

/// Holds whoever has read events, until it is let go.
#[derive(Default)]
struct Hold {
    reached: watch::Sender<bool>,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Hold {
    fn release(&self) {
        *self.open.lock().expect("not poisoned") = true;
        self.opened.notify_all();
    }
}

impl Faults for Hold {
    fn strikes(&self, point: FaultPoint) -> bool {
        if point == FaultPoint::Rendered {
            self.reached.send_replace(true);
            tokio::task::block_in_place(|| {
                let open = self.open.lock().expect("not poisoned");
                drop(self.opened.wait_while(open, |open| !*open).expect("not poisoned"));
            });
        }
        false
    }
}

on_both_engines! {
    async fn an_endpoint_that_is_enabled_again_has_its_five_days_again(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::start(|_| Reply::Status(500)).await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let path = format!("/v1/webhooks/{}", id(&webhook));
        let node = Node::start(&product);
        fail_for(&product, &node, &campaign, &receiver, 5).await;
        invite(&product, &campaign, 1).await;
        until(&node.progress, |progress| progress.held == 0).await;
        assert_eq!(product.get(&path).await.expect(200)["disabledReason"], "failing");

        product.patch(&path, json!({"status": "enabled"})).await.expect(200);
        fail_for(&product, &node, &campaign, &receiver, 4).await;
        assert_eq!(product.get(&path).await.expect(200)["status"], "enabled", "it was undone by the next failure");
        fail_for(&product, &node, &campaign, &receiver, 1).await;
        until(&node.progress, |progress| progress.held == 0).await;
        assert_eq!(product.get(&path).await.expect(200)["disabledReason"], "failing", "the days count again");
        node.stop().await;
        product.stop().await;
    }

    async fn five_days_of_failures_are_told_by_an_event_and_a_mail(engine: Engine) {
        let mut mails = SmtpServer::start().await;
        let product = Product::start(engine).await;
        let mut mailer = product.mailer(&mails.settings(), "a");
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::start(|_| Reply::Status(500)).await;
        let webhook = hook(&product, &receiver.url(), json!({"notifyEmail": "ops@example.com"})).await;
        let path = format!("/v1/webhooks/{}", id(&webhook));
        let node = Node::start(&product);
        fail_for(&product, &node, &campaign, &receiver, 4).await;
        assert_eq!(product.get(&path).await.expect(200)["status"], "enabled", "not a day too early");
        fail_for(&product, &node, &campaign, &receiver, 1).await;
        until(&node.progress, |progress| progress.held == 0).await;
        let shown = product.get(&path).await.expect(200);
        assert_eq!((&shown["status"], &shown["disabledReason"]), (&json!("disabled"), &json!("failing")));
        let told = "SELECT COUNT(*) FROM events WHERE type = 'webhook.disabled'";
        assert_eq!(product.engine.number(told).await, 1, "one event in the trail");

        let sent = receiver.count();
        invite(&product, &campaign, 1).await;
        product.engine.hands.advance(TimeDelta::days(1));
        node.settled(&product).await;
        assert_eq!(receiver.count(), sent, "nothing is sent to it any more");
        node.stop().await;

        drain(&mut mailer).await;
        let mut messages = mails.all().await;
        messages.retain(|message| message["to"][0]["address"] == "ops@example.com");
        assert_eq!(messages.len(), 1, "{messages:?}");
        let text = part(&messages[0], "text/plain");
        assert!(text.contains(&id(&webhook)) && text.contains("five days"), "{text}");
        product.stop().await;
    }

    async fn a_pause_and_a_new_url_begin_anew(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::start(|_| Reply::Status(500)).await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let path = format!("/v1/webhooks/{}", id(&webhook));
        let node = Node::start(&product);
        let status = async || product.get(&path).await.expect(200)["status"].clone();

        fail_for(&product, &node, &campaign, &receiver, 4).await;
        product.patch(&path, json!({"status": "paused"})).await.expect(200);
        node.settled(&product).await;
        product.engine.hands.advance(TimeDelta::days(2));
        product.patch(&path, json!({"status": "enabled"})).await.expect(200);
        node.settled(&product).await;
        fail_for(&product, &node, &campaign, &receiver, 3).await;
        assert_eq!(status().await, "enabled", "the time of the pause counts for nothing");

        product.patch(&path, json!({"url": format!("http://{}/other", receiver.address)})).await.expect(200);
        node.settled(&product).await;
        fail_for(&product, &node, &campaign, &receiver, 3).await;
        assert_eq!(status().await, "enabled", "what failed at another address says nothing about this one");
        assert!(receiver.requests().iter().any(|request| request.path == "/other"));
        node.stop().await;
        product.stop().await;
    }

    async fn a_late_410_does_not_disable_what_was_repaired(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let gate = Arc::new(Semaphore::new(0));
        let gone = Receiver::start({
            let gate = gate.clone();
            move |_| Reply::Gate(gate.clone(), 410)
        })
        .await;
        let good = Receiver::good().await;
        let webhook = hook(&product, &gone.url(), json!({})).await;
        let path = format!("/v1/webhooks/{}", id(&webhook));
        let node = Node::start(&product);
        let event = invite(&product, &campaign, 1).await.remove(0);
        gone.wait(1).await;
        product.patch(&path, json!({"url": good.url()})).await.expect(200);
        gate.add_permits(1);
        node.written(1).await;
        node.settled(&product).await;
        let shown = product.get(&path).await.expect(200);
        assert_eq!((&shown["status"], &shown["disabledReason"]), (&json!("enabled"), &Value::Null));
        product.engine.hands.advance(TimeDelta::seconds(6));
        assert_eq!(good.wait(1).await[0].id(), event);
        node.stop().await;
        product.stop().await;
    }

    async fn nothing_is_begun_once_a_pause_is_known(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::good().await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let path = format!("/v1/webhooks/{}", id(&webhook));
        invite(&product, &campaign, 1).await;
        let hold = Arc::new(Hold::default());
        let node = Node::with_faults(&product, "first", hold.clone());
        until(&hold.reached.subscribe(), |reached| *reached).await;
        product.patch(&path, json!({"status": "paused"})).await.expect(200);
        for _ in 0..2 {
            let round = node.progress.borrow().rounds;
            product.webhooks.nudge();
            until(&node.progress, |progress| progress.rounds > round).await;
        }
        hold.release();
        until(&node.progress, |progress| progress.held == 0).await;
        assert_eq!(receiver.count(), 0, "it was read before the pause, and is not sent after it");
        product.patch(&path, json!({"status": "enabled"})).await.expect(200);
        receiver.wait(1).await;
        node.stop().await;
        product.stop().await;
    }

    async fn a_pause_that_a_receiver_asked_for_holds_retries_back_as_well(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let mut seen = 0;
        let receiver = Receiver::start(move |_| {
            seen += 1;
            let busy = "HTTP/1.1 429 X\r\nretry-after: 600\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            match seen {
                1 => Reply::Status(500),
                2 => Reply::Raw(busy.as_bytes().to_vec()),
                _ => Reply::Status(200),
            }
        })
        .await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let node = Node::run(worker(&product, "first", Options { concurrency: (1, 1), ..Options::default() }));
        invite(&product, &campaign, 1).await;
        node.written(1).await;
        invite(&product, &campaign, 1).await;
        node.written(2).await;
        // While the node holds the endpoint, and after it was given back.
        for seconds in [20, 570] {
            product.engine.hands.advance(TimeDelta::seconds(seconds));
            node.settled(&product).await;
            assert_eq!(receiver.count(), 2, "what failed before waits as well");
        }
        product.engine.hands.advance(TimeDelta::seconds(11));
        node.written(4).await;
        assert!(deliveries(&product, &webhook).await.iter().all(|one| one["status"] == "delivered"));
        node.stop().await;
        product.stop().await;
    }
}

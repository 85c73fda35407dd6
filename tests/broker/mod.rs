//! Publishing to RabbitMQ: whatever breaks, every public event arrives, first in order, and again only as itself.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use interview_relay::{
    broker::{self, Broker, Settings},
    clock::Clock,
    events::Selection,
    store::Store,
};
use serde_json::json;
use tokio::{sync::watch, task::JoinHandle};

use crate::support::{
    engines::{Engine, on_both_engines},
    product::Product,
    rabbitmq::{Node, PATIENCE, Passage, Proxy, Queue, shared, unique},
};

/// A broker that runs until it is told to stop.
struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// With the machine's clock unless given another: its pauses are real ones.
    fn start(store: &Store, url: &str, exchange: &str, clock: Clock) -> Self {
        Self::start_trusting(None, store, url, exchange, clock)
    }

    /// The same with roots of its own.
    fn start_trusting(roots: Option<String>, store: &Store, url: &str, exchange: &str, clock: Clock) -> Self {
        static NODES: AtomicUsize = AtomicUsize::new(0);
        let owner = format!("node_{}", NODES.fetch_add(1, Ordering::Relaxed));
        let settings =
            Settings { url: url.to_owned(), roots, exchange: exchange.to_owned(), source: "https://relay".to_owned() };
        let (stop, stopped) = watch::channel(false);
        let broker = Broker::new(settings, store.clone(), clock, owner);
        Self { stop, task: tokio::spawn(broker.run(stopped)) }
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.task).await.expect("it stops").expect("no panic");
    }

    /// Ends it as a crash does: nothing is saved or given back.
    async fn crash(self) {
        self.task.abort();
        _ = self.task.await;
    }
}

/// The ids of all public events, in order.
async fn ids(store: &Store) -> Vec<String> {
    let (mut after, mut ids) = (0, Vec::new());
    loop {
        let piece = store.public_events(after, 1_000, &Selection::all()).await.expect("read");
        after = piece.next;
        let more = piece.has_more();
        ids.extend(piece.events.into_iter().map(|event| event.id));
        if !more {
            return ids;
        }
    }
}

/// Invites so many people; three hundred or so at a time.
async fn invite(product: &Product, campaign: &str, count: usize) {
    let people: Vec<_> =
        (0..count).map(|n| json!({"email": format!("p{n}@example.com"), "name": "x".repeat(50)})).collect();
    for people in people.chunks(300) {
        product.post(&format!("/v1/campaigns/{campaign}/invites/bulk"), json!({"invites": people})).await.expect(201);
    }
}

/// Waits until the checkpoint is at the end of the log.
async fn done(engine: &Engine) {
    let wait = async {
        let sql =
            "SELECT COUNT(*) FROM subscriptions s JOIN log_head h ON s.position = h.position WHERE s.name = 'broker'";
        while engine.number(sql).await == 0 {
            // The checkpoint is moved now and then, and nobody is told.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the checkpoint moves");
}

on_both_engines! {
    async fn events_arrive_in_order_as_cloud_events(engine: Engine) {
        let product = Product::start(engine).await;
        let (exchange, store) = (unique("events"), product.engine.store.clone());
        let campaign = product.campaign(json!({})).await;
        let mut queue = Queue::bind(&shared(), &exchange, "#").await;
        let mut archived = Queue::bind(&shared(), &exchange, "campaign.archived").await;
        let broker = Running::start(&store, &shared(), &exchange, Clock::system());
        for _ in 0..2 {
            let message = queue.next().await;
            assert!(["script.published", "campaign.created"].contains(&message.routing_key.as_str()));
        }
        // What happens from now on is published at once.
        product.invite(&campaign, "ada@example.com").await;
        let message = queue.next().await;
        product.post(&format!("/v1/campaigns/{campaign}/archive"), json!({})).await.expect(200);
        assert_eq!(queue.next().await.routing_key, "campaign.archived");
        assert_eq!(archived.next().await.routing_key, "campaign.archived");

        let page = product.get("/v1/events?types=invite.created").await.expect(200);
        let event = &page["data"][0];
        assert_eq!((message.id.as_str(), message.routing_key.as_str()), (event["id"].as_str().expect("id"), "invite.created"));
        assert_eq!((message.content_type.as_str(), message.delivery_mode), ("application/cloudevents+json", 2));
        let sequence = event["sequence"].as_i64().expect("a number");
        assert_eq!(
            message.event,
            json!({
                "specversion": "1.0", "id": event["id"], "source": "https://relay", "type": "invite.created",
                "subject": event["data"]["id"], "time": event["createdAt"], "datacontenttype": "application/json",
                "organizationid": event["organizationId"], "sequence": format!("{sequence:020}"), "data": event["data"],
            })
        );
        done(&product.engine).await;
        broker.stop().await;
        queue.close().await;
    }

    async fn it_resumes_where_it_stopped_and_repeats_only_what_was_on_its_way(engine: Engine) {
        let product = Product::start(engine).await;
        let (exchange, store) = (unique("events"), product.engine.store.clone());
        let campaign = product.campaign(json!({})).await;
        let mut queue = Queue::bind(&shared(), &exchange, "#").await;
        let broker = Running::start(&store, &shared(), &exchange, Clock::system());
        invite(&product, &campaign, 600).await;
        broker.stop().await;
        invite(&product, &campaign, 2_500).await;
        let broker = Running::start(&store, &shared(), &exchange, Clock::system());
        let ids = ids(&store).await;
        assert_eq!(ids.len(), 3_102);
        assert_eq!(queue.expect(&ids).await, 0, "an orderly stop repeats nothing");
        done(&product.engine).await;
        broker.crash().await;
        invite(&product, &campaign, 300).await;
        // The lease of the crashed one has not run out yet, so a third node would wait; this one has a clock that is ahead.
        let (ahead, _hands) = Clock::manual(Clock::system().now() + chrono::TimeDelta::minutes(1));
        let broker = Running::start(&store, &shared(), &exchange, ahead);
        let rest = self::ids(&store).await.split_off(ids.len());
        assert_eq!(queue.expect(&rest).await, 0, "everything before was confirmed and saved");
        broker.stop().await;
        queue.close().await;
    }

    async fn what_no_queue_takes_is_counted_and_stops_nothing(engine: Engine) {
        let product = Product::start(engine).await;
        let (exchange, store) = (unique("events"), product.engine.store.clone());
        let campaign = product.campaign(json!({})).await;
        let broker = Running::start(&store, &shared(), &exchange, Clock::system());
        done(&product.engine).await;
        let metrics = product.get("/metrics").await;
        let counted = |name: &str| metrics.text.lines().any(|line| line.starts_with(name) && !line.ends_with(" 0"));
        assert!(counted("broker_unroutable_total") && counted("broker_confirmed_total"), "{}", metrics.text);
        let mut queue = Queue::bind(&shared(), &exchange, "invite.*").await;
        product.invite(&campaign, "ada@example.com").await;
        assert_eq!(queue.next().await.routing_key, "invite.created");
        broker.stop().await;
        queue.close().await;
    }

    /// The connection breaks again and again, within the handshake, in the middle of messages and in the middle of confirms.
    async fn a_connection_cut_anywhere_loses_nothing(engine: Engine) {
        let product = Product::start(engine).await;
        let (exchange, store) = (unique("events"), product.engine.store.clone());
        let campaign = product.campaign(json!({})).await;
        let mut queue = Queue::bind(&shared(), &exchange, "#").await;
        invite(&product, &campaign, 3_000).await;
        let proxy = Proxy::start(&shared(), Passage::Open).await;
        let whole = usize::MAX;
        // The handshake takes some 600 bytes in the broker's direction to us, a confirm takes 21.
        let cuts = vec![
            (300, whole), (whole, 500), (whole, 640), (whole, 700), (whole, 790), (whole, 1_200), (40_000, whole),
            (whole, 2_000), (300_000, whole), (1_000_000, whole),
        ];
        proxy.break_after(cuts);
        let broker = Running::start(&store, &proxy.url(), &exchange, Clock::system());
        let so_far = ids(&store).await;
        queue.expect(&so_far).await;
        done(&product.engine).await;
        invite(&product, &campaign, 1).await;
        queue.expect(&ids(&store).await[so_far.len()..]).await;
        broker.stop().await;
        queue.close().await;
    }

    /// What has arrived and was not confirmed comes again, and nothing else does.
    async fn what_was_not_confirmed_comes_again(engine: Engine) {
        let product = Product::start(engine).await;
        let (exchange, store) = (unique("events"), product.engine.store.clone());
        let campaign = product.campaign(json!({})).await;
        let mut queue = Queue::bind(&shared(), &exchange, "#").await;
        let proxy = Proxy::start(&shared(), Passage::Open).await;
        let broker = Running::start(&store, &proxy.url(), &exchange, Clock::system());
        let before = ids(&store).await;
        assert_eq!(queue.expect(&before).await, 0);
        done(&product.engine).await;
        proxy.set(Passage::Deaf);
        invite(&product, &campaign, 300).await;
        let unheard = ids(&store).await;
        assert_eq!(queue.expect(&unheard[before.len()..]).await, 0);
        proxy.cut();
        proxy.set(Passage::Open);
        invite(&product, &campaign, 1).await;
        assert_eq!(queue.expect(&ids(&store).await[unheard.len()..]).await, 300);
        broker.stop().await;
        queue.close().await;
    }

    /// The broker is away when we start, is killed with messages on their way, stays away, and is short of memory.
    async fn a_broker_that_is_away_or_blocked_delays_events_and_loses_none(engine: Engine) {
        let product = Product::start(engine).await;
        let (exchange, store) = (unique("events"), product.engine.store.clone());
        let campaign = product.campaign(json!({})).await;
        let mut node = Node::start().await;
        let queue = Queue::bind(&node.url(), &exchange, "#").await;
        let name = queue.name().to_owned();
        queue.close().await;
        node.terminate();

        // Nobody is there; the server serves all the same.
        let running = Running::start(&store, &node.url(), &exchange, Clock::system());
        invite(&product, &campaign, 300).await;
        node.restart().await;
        let queue = Queue::attach(&node.url(), &name).await;
        queue.holds(302).await;

        // Killed while it is being written to, and away while more happens.
        let (writing, killing) = tokio::join!(invite(&product, &campaign, 900), async {
            queue.holds(400).await;
            node.kill9();
        });
        let ((), ()) = (writing, killing);
        invite(&product, &campaign, 300).await;
        node.restart().await;
        let mut queue = Queue::attach(&node.url(), &name).await;
        let ids_so_far = ids(&store).await;
        assert_eq!(ids_so_far.len(), 1_502);
        queue.expect(&ids_so_far).await;
        done(&product.engine).await;

        // Short of memory: the node takes nothing from publishers, and the publisher waits.
        node.control(&["set_vm_memory_high_watermark", "0.00001"]);
        invite(&product, &campaign, 300).await;
        let served = product.get("/v1/events?limit=1").await;
        assert_eq!(served.status, 200);
        node.control(&["set_vm_memory_high_watermark", "0.6"]);
        queue.expect(&ids(&store).await[ids_so_far.len()..]).await;
        done(&product.engine).await;
        running.stop().await;
        assert_eq!(broker::EXCHANGE, "interviewrelay.events");
        queue.close().await;
    }

    /// A node that lost its lease without noticing goes on publishing for a while, but moves no checkpoint.
    async fn a_zombie_moves_no_checkpoint(engine: Engine) {
        let product = Product::start(engine).await;
        let (exchange, store) = (unique("events"), product.engine.store.clone());
        let campaign = product.campaign(json!({})).await;
        let mut queue = Queue::bind(&shared(), &exchange, "#").await;
        let proxy = Proxy::start(&shared(), Passage::Open).await;
        let start = Clock::system().now();
        // The first node's clock stands still: it believes that its lease is fresh.
        let (stopped, _hands) = Clock::manual(start);
        let zombie = Running::start(&store, &proxy.url(), &exchange, stopped);
        queue.holds(2).await;
        done(&product.engine).await;
        proxy.set(Passage::Deaf);
        invite(&product, &campaign, 300).await;
        queue.holds(302).await;
        let saved = "SELECT position FROM subscriptions WHERE name = 'broker'";
        let before = product.engine.number(saved).await;

        let (later, _hands) = Clock::manual(start + chrono::TimeDelta::minutes(1));
        let node = product.engine.node().await;
        let owner = Running::start(&node, &shared(), &exchange, later);
        let ids = ids(&store).await;
        queue.holds(602).await;
        done(&product.engine).await;
        assert!(product.engine.number(saved).await > before);
        assert_eq!(product.engine.number("SELECT epoch FROM subscriptions WHERE name = 'broker'").await, 2);

        // It hears of its confirms at last, and may not save them. The position is moved back to see a write of its.
        let back = format!("UPDATE subscriptions SET position = {before} WHERE name = 'broker'");
        owner.stop().await;
        product.engine.sql(&back).await;
        proxy.set(Passage::Open);
        zombie.stop().await;
        assert_eq!(product.engine.number(saved).await, before, "nothing was written");
        let again = queue.expect(&ids).await;
        assert!(again <= 300);
        queue.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_published_over_tls_below_a_root_of_our_own() {
    let product = Product::start(Engine::sqlite("amqps").await).await;
    let (node, secure, root) = Node::start_secure().await;
    let (exchange, store) = (unique("events"), product.engine.store.clone());
    let campaign = product.campaign(json!({})).await;
    let mut queue = Queue::bind(&node.url(), &exchange, "#").await;
    let broker = Running::start_trusting(Some(root), &store, &secure, &exchange, Clock::system());
    invite(&product, &campaign, 600).await;
    assert_eq!(queue.expect(&ids(&store).await).await, 0, "nothing is repeated");
    broker.stop().await;
    queue.close().await;
    product.stop().await;
}

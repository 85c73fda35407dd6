//! RabbitMQ for tests: the node of the test run, nodes of a test's own, consumers, and a proxy that breaks connections.
#![allow(dead_code, reason = "shared by tests that each use a part of it")]

use std::{
    collections::BTreeMap,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use futures_util::StreamExt;
use lapin::{
    Channel, Connection, ConnectionProperties, Consumer, ExchangeKind,
    options::{BasicAckOptions, BasicConsumeOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{certificates::Certificates, ports::free_port};

/// The longest that anything may take.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The URL of the node that all tests share.
pub fn shared() -> String {
    std::env::var("RELAY_TEST_AMQP_URL").expect("RELAY_TEST_AMQP_URL: run the tests with ./scripts/test")
}

/// A name that no other test has.
pub fn unique(prefix: &str) -> String {
    format!("{prefix}.{}", uuid::Uuid::from_u128(rand::random()))
}

/// A node of a test's own, which may be killed; it is gone when this is dropped.
pub struct Node {
    folder: TempDir,
    ports: [u16; 3],
    child: Option<Child>,
}

impl Node {
    /// Starts a fresh one.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("relay-rabbitmq.").tempdir().expect("make a folder");
        let mut node = Self { folder, ports: std::array::from_fn(|_| free_port()), child: None };
        node.restart().await;
        node
    }

    /// Starts a fresh one that speaks TLS as well; answers it with its URL for that and the root of its certificate.
    pub async fn start_secure() -> (Self, String, String) {
        let folder = tempfile::Builder::new().prefix("relay-rabbitmq.").tempdir().expect("make a folder");
        let (tls, port) = (folder.path().join("tls"), free_port());
        std::fs::create_dir(&tls).expect("make a folder");
        let made = Certificates::make();
        made.write(&tls);
        std::fs::write(tls.join("port"), port.to_string()).expect("written");
        let mut node = Self { folder, ports: std::array::from_fn(|_| free_port()), child: None };
        node.restart().await;
        (node, format!("amqps://guest:guest@127.0.0.1:{port}/%2f"), made.root)
    }

    /// Its URL, the same whenever it runs.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.ports[0])
    }

    fn command(&self) -> Command {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lib/rabbitmq-node"));
        command.arg(self.folder.path()).args(self.ports.map(|port| port.to_string()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Starts it again, with what it had on disk.
    pub async fn restart(&mut self) {
        self.child = Some(self.command().process_group(0).spawn().expect("start RabbitMQ"));
        let up = async {
            while TcpStream::connect(("127.0.0.1", self.ports[0])).await.is_err() {
                let status = self.child.as_mut().and_then(|child| child.try_wait().expect("ask for the process"));
                assert_eq!(status, None, "RabbitMQ ended: see the log in {}", self.folder.path().display());
                // A process tells nobody when it starts to listen.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, up).await.expect("RabbitMQ listens");
    }

    /// Stops it in order.
    pub fn terminate(&mut self) {
        let child = self.child.as_mut().expect("it runs");
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill").success());
        child.wait().expect("wait");
        self.kill9();
    }

    /// `kill -9`, helpers included.
    pub fn kill9(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let group = format!("-{}", child.id());
        assert!(Command::new("kill").args(["-KILL", "--", &group]).status().expect("kill").success());
        child.wait().expect("wait");
    }

    /// Tells the node something, as `rabbitmqctl` does.
    pub fn control(&self, arguments: &[&str]) {
        let status = self.command().args(arguments).status().expect("run rabbitmqctl");
        assert!(status.success(), "{arguments:?}: {status}");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// A message that has arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub id: String,
    pub routing_key: String,
    pub content_type: String,
    pub delivery_mode: u8,
    pub event: Value,
}

/// A durable queue, and whoever empties it.
pub struct Queue {
    connection: Connection,
    channel: Channel,
    consumer: Option<Consumer>,
    name: String,
    /// What has come, by id.
    seen: BTreeMap<String, Message>,
}

impl Queue {
    /// A new queue for all events of an exchange that match the pattern; declares the exchange as the broker does.
    pub async fn bind(url: &str, exchange: &str, pattern: &str) -> Self {
        let queue = Self::attach(url, &unique("queue")).await;
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let channel = &queue.channel;
        channel
            .exchange_declare(exchange.into(), ExchangeKind::Topic, durable, FieldTable::default())
            .await
            .expect("exchange");
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(queue.name.as_str().into(), options, FieldTable::default()).await.expect("queue");
        let (name, exchange, pattern) = (queue.name.as_str().into(), exchange.into(), pattern.into());
        channel
            .queue_bind(name, exchange, pattern, QueueBindOptions::default(), FieldTable::default())
            .await
            .expect("bound");
        queue
    }

    /// The other end of an existing queue, such as after a restart of the node.
    pub async fn attach(url: &str, name: &str) -> Self {
        let connect = async {
            loop {
                match Connection::connect(url, ConnectionProperties::default()).await {
                    Ok(connection) => break connection,
                    // It listens before it lets anybody in.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        };
        let connection = tokio::time::timeout(PATIENCE, connect).await.expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        Self { connection, channel, consumer: None, name: name.to_owned(), seen: BTreeMap::new() }
    }

    /// The queue's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next message.
    pub async fn next(&mut self) -> Message {
        if self.consumer.is_none() {
            let (name, tag) = (self.name.as_str().into(), "test".into());
            let consumer = self.channel.basic_consume(name, tag, BasicConsumeOptions::default(), FieldTable::default());
            self.consumer = Some(consumer.await.expect("a consumer"));
        }
        let next = self.consumer.as_mut().expect("just made").next();
        let delivery =
            tokio::time::timeout(PATIENCE, next).await.expect("a message in time").expect("the consumer lives");
        let delivery = delivery.expect("a message");
        delivery.ack(BasicAckOptions::default()).await.expect("acknowledged");
        let properties = &delivery.properties;
        let text =
            |value: &Option<lapin::types::ShortString>| value.as_ref().map(ToString::to_string).unwrap_or_default();
        Message {
            id: text(properties.message_id()),
            routing_key: delivery.routing_key.to_string(),
            content_type: text(properties.content_type()),
            delivery_mode: properties.delivery_mode().unwrap_or_default(),
            event: serde_json::from_slice(&delivery.data).expect("JSON"),
        }
    }

    /// Reads until every one of `ids` has come, and checks what must hold whatever broke meanwhile: they first come in this
    /// order, nothing else comes that has not come before, and what comes again is the same. Answers how many came again.
    pub async fn expect(&mut self, ids: &[String]) -> usize {
        let mut again = 0;
        let mut rest = ids.iter();
        while let Some(id) = rest.as_slice().first() {
            let message = self.next().await;
            assert_eq!(message.event["id"], message.id);
            assert_eq!(message.event["type"], message.routing_key);
            if let Some(first) = self.seen.get(&message.id) {
                assert_eq!(*first, message);
                again += 1;
            } else {
                assert_eq!(message.id, *id, "{} of {} are still to come", rest.len(), ids.len());
                self.seen.insert(message.id.clone(), message);
                rest.next();
            }
        }
        again
    }

    /// Waits until the node has this many messages in the queue, without taking them.
    pub async fn holds(&self, count: u32) {
        let wait = async {
            loop {
                let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
                let name = self.name.as_str().into();
                let queue = self.channel.queue_declare(name, options, FieldTable::default()).await.expect("the queue");
                if queue.message_count() >= count {
                    break;
                }
                // The node tells nobody when a queue grows.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("messages in time");
    }

    /// Closes the connection.
    pub async fn close(self) {
        _ = self.connection.close(200, "bye".into()).await;
    }
}

/// What a proxy does with the connections through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// Lets everything through.
    Open,
    /// Refuses connections, and breaks those that there are.
    Closed,
    /// Lets everything through to the broker and nothing back.
    Deaf,
}

/// A TCP proxy in front of a broker.
pub struct Proxy {
    port: u16,
    passage: watch::Sender<(Passage, u32)>,
    /// Bytes of each direction (to the broker, from it) after which the next connections break, the first one first.
    breaks: Arc<parking_lot::Mutex<Vec<(usize, usize)>>>,
}

impl Proxy {
    /// Listens in front of the broker with this URL.
    pub async fn start(url: &str, passage: Passage) -> Self {
        let broker = url.rsplit_once('@').expect("a user").1.split('/').next().expect("an address").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (passage, state) = watch::channel((passage, 0));
        let breaks: Arc<parking_lot::Mutex<Vec<(usize, usize)>>> = Arc::default();
        let plan = breaks.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = state.clone();
                if state.borrow().0 == Passage::Closed {
                    continue;
                }
                let limits = plan.lock().pop().unwrap_or((usize::MAX, usize::MAX));
                let Ok(server) = TcpStream::connect(&broker).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let up = carry(from_client, to_server, limits.0, state.clone(), false);
                let down = carry(from_server, to_client, limits.1, state, true);
                // Both ends see the connection break as soon as one direction does.
                tokio::spawn(async move {
                    tokio::select! { () = up => {}, () = down => {} }
                });
            }
        });
        Self { port, passage, breaks }
    }

    /// The broker's URL through the proxy.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Changes what it does.
    pub fn set(&self, passage: Passage) {
        self.passage.send_modify(|state| state.0 = passage);
    }

    /// Breaks the connections that there are.
    pub fn cut(&self) {
        self.passage.send_modify(|state| state.1 += 1);
    }

    /// Breaks the next connections after so many bytes to and from the broker.
    pub fn break_after(&self, mut breaks: Vec<(usize, usize)>) {
        breaks.reverse();
        *self.breaks.lock() = breaks;
    }

    /// How many breaks are still to come.
    pub fn breaks_left(&self) -> usize {
        self.breaks.lock().len()
    }
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    limit: usize,
    mut state: watch::Receiver<(Passage, u32)>,
    downstream: bool,
) {
    let mut left = limit;
    let mut buffer = vec![0; 16 << 10];
    let (_, cuts) = *state.borrow();
    loop {
        let (passage, so_far) = *state.borrow_and_update();
        if passage == Passage::Closed || so_far != cuts {
            return;
        }
        if passage == Passage::Deaf && downstream {
            if state.changed().await.is_err() {
                return;
            }
            continue;
        }
        let room = left.min(buffer.len());
        let read = tokio::select! {
            // What comes after a change is treated as it demands.
            biased;
            changed = state.changed() => match changed { Ok(()) => continue, Err(_) => return },
            read = from.read(&mut buffer[..room]) => read,
        };
        let Ok(count @ 1..) = read else { return };
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
        left -= count;
        if left == 0 {
            return;
        }
    }
}

//! Receivers that behave as a test says, and nodes that deliver to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use interview_relay::{
    command::Commands,
    webhooks::{Options, Progress, Webhooks, Worker, faults::Faults},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::{AbortHandle, JoinHandle},
};

use crate::support::product::{Product, id};

/// Only so that a broken test ends; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until a condition holds.
pub async fn until<T: Clone>(receiver: &watch::Receiver<T>, holds: impl FnMut(&T) -> bool) -> T {
    let mut receiver = receiver.clone();
    let found = tokio::time::timeout(PATIENCE, receiver.wait_for(holds)).await.expect("it takes too long");
    found.expect("it is still there").clone()
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Received {
    /// The id of the event.
    pub fn id(&self) -> String {
        self.headers["webhook-id"].clone()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    pub fn event_type(&self) -> String {
        self.json()["type"].as_str().expect("a type").to_owned()
    }
}

/// What a receiver does with a request.
#[derive(Clone)]
pub enum Reply {
    /// An answer of a status alone.
    Status(u16),
    /// Whatever bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// Bytes, and then silence.
    RawThenSilence(Vec<u8>),
    /// Bytes, then one more for each permit, for as long as anybody takes them; the last half says when nobody does.
    Drip(Vec<u8>, Arc<Semaphore>, watch::Sender<Dripped>),
    /// Bytes, and then the connection is reset.
    RawThenReset(Vec<u8>),
    /// A status once the semaphore has a permit.
    Gate(Arc<Semaphore>, u16),
    /// Nothing at all, ever.
    Hang,
}

/// How a dripping answer goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dripped {
    /// Bytes after the first ones.
    pub bytes: usize,
    /// Whether the other side has hung up.
    pub cut_off: bool,
}

type Behaviour = Arc<Mutex<Box<dyn FnMut(&Received) -> Reply + Send>>>;

/// A real server on loopback.
pub struct Receiver {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Received>>>,
    count: watch::Receiver<usize>,
    behaviour: Behaviour,
    pub connections: Arc<AtomicUsize>,
    accepting: AbortHandle,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Receiver {
    pub async fn start(behaviour: impl FnMut(&Received) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sender, count) = watch::channel(0);
        let sender = Arc::new(sender);
        let requests: Arc<Mutex<Vec<Received>>> = Arc::default();
        let behaviour: Behaviour = Arc::new(Mutex::new(Box::new(behaviour)));
        let connections = Arc::new(AtomicUsize::new(0));
        let accepting = tokio::spawn({
            let (requests, behaviour, connections) = (requests.clone(), behaviour.clone(), connections.clone());
            async move {
                let mut serving = tokio::task::JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    connections.fetch_add(1, Ordering::SeqCst);
                    serving.spawn(serve(stream, requests.clone(), behaviour.clone(), sender.clone()));
                }
            }
        })
        .abort_handle();
        Self { address, requests, count, behaviour, connections, accepting }
    }

    /// One that takes everything.
    pub async fn good() -> Self {
        Self::start(|_| Reply::Status(200)).await
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Behaves in another way from now on.
    pub fn behave(&self, behaviour: impl FnMut(&Received) -> Reply + Send + 'static) {
        *self.behaviour.lock() = Box::new(behaviour);
    }

    /// Everything that arrived, once it is so much.
    pub async fn wait(&self, count: usize) -> Vec<Received> {
        until(&self.count, |n| *n >= count).await;
        self.requests.lock().clone()
    }

    /// Returns once every one of these events has arrived.
    pub async fn wait_for_ids(&self, ids: &BTreeSet<String>) {
        until(&self.count, |_| {
            let seen = counts(&self.requests.lock());
            ids.iter().all(|id| seen.contains_key(id))
        })
        .await;
    }

    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    pub fn requests(&self) -> Vec<Received> {
        self.requests.lock().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    requests: Arc<Mutex<Vec<Received>>>,
    behaviour: Behaviour,
    count: Arc<watch::Sender<usize>>,
) {
    let mut buffer = Vec::new();
    while let Some(received) = read_request(&mut stream, &mut buffer).await {
        let reply = (behaviour.lock())(&received);
        requests.lock().push(received);
        count.send_modify(|n| *n += 1);
        let status = match reply {
            Reply::Status(status) => status,
            Reply::Gate(gate, status) => {
                let Ok(permit) = gate.acquire().await else { return };
                permit.forget();
                status
            }
            Reply::Hang => std::future::pending().await,
            Reply::Raw(bytes) => {
                _ = stream.write_all(&bytes).await;
                _ = stream.shutdown().await;
                return;
            }
            Reply::RawThenSilence(bytes) => {
                _ = stream.write_all(&bytes).await;
                std::future::pending().await
            }
            Reply::Drip(bytes, taps, dripped) => {
                _ = stream.write_all(&bytes).await;
                drip(&mut stream, &taps, &dripped).await;
                return;
            }
            Reply::RawThenReset(bytes) => {
                _ = stream.write_all(&bytes).await;
                _ = stream.set_zero_linger();
                return;
            }
        };
        let answer = match status {
            204 => "HTTP/1.1 204 X\r\n\r\n".to_owned(),
            status => format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\nx-receiver: yes\r\n\r\nok"),
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn drip(stream: &mut TcpStream, taps: &Semaphore, dripped: &watch::Sender<Dripped>) {
    let mut rest = [0];
    loop {
        tokio::select! {
            // The client has nothing more to say, so this is the end or an error.
            _ = stream.read(&mut rest) => {
                dripped.send_modify(|dripped| dripped.cut_off = true);
                return;
            }
            permit = taps.acquire() => permit.expect("open").forget(),
        }
        if stream.write_all(b".").await.is_ok() {
            dripped.send_modify(|dripped| dripped.bytes += 1);
        }
    }
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Received> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while buffer.len() < end + length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8_lossy(&buffer[end..end + length]).into_owned();
    buffer.drain(..end + length);
    Some(Received { path, headers, body })
}

/// A node that delivers.
pub struct Node {
    pub progress: watch::Receiver<Progress>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// A worker of the product's first node.
pub fn worker(product: &Product, owner: &str, options: Options) -> Worker {
    Worker::new(product.commands.clone(), product.webhooks.clone(), options, owner.to_owned())
}

impl Node {
    /// The product's first node, without faults.
    pub fn start(product: &Product) -> Self {
        Self::run(worker(product, "first", Options::default()))
    }

    pub fn with_faults(product: &Product, owner: &str, faults: Arc<dyn Faults>) -> Self {
        Self::run(worker(product, owner, Options::default()).with_faults(faults))
    }

    pub fn run(worker: Worker) -> Self {
        let progress = worker.progress();
        let (stop, stopped) = watch::channel(false);
        Self { progress, stop, task: tokio::spawn(worker.run(stopped)) }
    }

    /// Another node on the same database.
    pub async fn other(product: &Product, owner: &str) -> (Self, Arc<Webhooks>) {
        let engine = &product.engine;
        let commands =
            Commands::new(engine.node().await, engine.clock.clone(), engine.keys.clone(), product.url.clone());
        let webhooks =
            crate::support::product::webhooks(engine, Arc::new(interview_relay::webhooks::guard::SystemResolver));
        let worker = Worker::new(Arc::new(commands), webhooks.clone(), Options::default(), owner.to_owned());
        (Self::run(worker), webhooks)
    }

    /// Waits until so many deliveries have been written.
    pub async fn written(&self, count: u64) {
        until(&self.progress, |progress| progress.written >= count).await;
    }

    /// Waits until it has looked at everything after the present moment and has nothing more to do.
    pub async fn settled(&self, product: &Product) {
        // Twice, because the end of a round that was under way may be seen first.
        for _ in 0..2 {
            let round = self.progress.borrow().rounds;
            product.webhooks.nudge();
            until(&self.progress, |progress| progress.rounds > round && progress.settled).await;
        }
    }

    /// Waits until it has died by itself.
    pub async fn died(self) {
        tokio::time::timeout(PATIENCE, self.task).await.expect("it dies").expect("without a panic");
    }

    /// `kill -9`, as far as that is possible within a process.
    pub async fn kill(self) {
        self.task.abort();
        _ = self.task.await;
    }

    pub async fn stop(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.task).await.expect("it stops").expect("without a panic");
    }
}

/// A webhook for a receiver; answers its document, secret included.
pub async fn hook(product: &Product, url: &str, more: Value) -> Value {
    let mut body = json!({"url": url, "eventTypes": ["invite.created"]});
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    product.post("/v1/webhooks", body).await.expect(201)
}

/// Invites so many people; answers the ids of the events, in order.
pub async fn invite(product: &Product, campaign: &str, count: usize) -> Vec<String> {
    let before = product.engine.number("SELECT MAX(position) FROM events").await;
    for n in 0..count {
        product.invite(campaign, &format!("p{before}-{n}@example.com")).await;
    }
    let sql =
        format!("SELECT event_id FROM events WHERE type = 'invite.created' AND position > {before} ORDER BY position");
    product.engine.sql(&sql).await.into_iter().map(|row| row[0].text().to_owned()).collect()
}

/// The webhook's deliveries, the oldest first.
pub async fn deliveries(product: &Product, webhook: &Value) -> Vec<Value> {
    let page = product.get(&format!("/v1/webhooks/{}/deliveries?order=asc&limit=100", id(webhook))).await.expect(200);
    page["data"].as_array().expect("a list").clone()
}

/// How often each event arrived.
pub fn counts(requests: &[Received]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        *counts.entry(request.id()).or_insert(0) += 1;
    }
    counts
}

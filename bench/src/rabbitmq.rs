//! A RabbitMQ node of the bench's own, a queue that takes everything, and what a bare publisher gets through.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    QueuePurgeOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};

use crate::folder::{Builder, TempDir};
use crate::http::Result;
use crate::measured::Measured;
use crate::ports::free_port;

/// What runs a node; the tests use it too.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/lib/rabbitmq-node");
/// How long a start may take.
const START_LIMIT: Duration = Duration::from_secs(120);
/// The product's exchange.
const EXCHANGE: &str = "interviewrelay.events";
const QUEUE: &str = "bench";
/// Messages on their way, as many as the product has.
const WINDOW: usize = 2_000;

/// The running node; dropping it ends it, helpers included.
pub struct Node {
    folder: TempDir,
    process: Child,
    port: u16,
}

impl Node {
    /// Starts one below `parent`, and waits until it lets clients in.
    pub async fn start(parent: &std::path::Path) -> Result<Self> {
        let text = |error: std::io::Error| error.to_string();
        let folder = Builder::new().prefix("relay-bench-rabbitmq.").tempdir_in(parent).map_err(text)?;
        let port = free_port();
        let mut command = Command::new(SCRIPT);
        command.arg(folder.path()).args([port, free_port(), free_port()].map(|port| port.to_string()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.process_group(0).spawn().map_err(|error| format!("{SCRIPT}: {error}"))?;
        let mut node = Self { folder, process, port };
        let began = Instant::now();
        while Connection::connect(&node.url(), ConnectionProperties::default()).await.is_err() {
            let ended = node.process.try_wait().map_err(text)?;
            if ended.is_some() || began.elapsed() > START_LIMIT {
                return Err(format!("RabbitMQ did not start: see {}", node.folder.path().display()));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(node)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// An empty durable queue for everything that is published.
    pub async fn queue(&self) -> Result<Queue> {
        let text = |error: lapin::Error| error.to_string();
        let connection = Connection::connect(&self.url(), ConnectionProperties::default()).await.map_err(text)?;
        let channel = connection.create_channel().await.map_err(text)?;
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let none = FieldTable::default;
        channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, durable, none()).await.map_err(text)?;
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(QUEUE.into(), durable, none()).await.map_err(text)?;
        channel.queue_purge(QUEUE.into(), QueuePurgeOptions::default()).await.map_err(text)?;
        let bind = QueueBindOptions::default();
        channel.queue_bind(QUEUE.into(), EXCHANGE.into(), "#".into(), bind, none()).await.map_err(text)?;
        Ok(Queue { _connection: connection, channel })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.process.wait();
    }
}

/// The queue, and a channel to its node.
pub struct Queue {
    _connection: Connection,
    channel: Channel,
}

impl Queue {
    /// The limit: persistent messages of this size from memory, each confirmed, many on their way.
    pub async fn publish(&self, bytes: usize, warmup: Duration, duration: Duration) -> Result<Measured> {
        let text = |error: lapin::Error| error.to_string();
        self.channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(text)?;
        let begin = Instant::now() + warmup;
        let end = begin + duration;
        let payload = vec![b'x'; bytes];
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let mut confirms = std::collections::VecDeque::new();
        let mut count = 0;
        while Instant::now() < end {
            let properties = BasicProperties::default().with_delivery_mode(2);
            let (exchange, key) = (EXCHANGE.into(), "invite.created".into());
            let sent = self.channel.basic_publish(exchange, key, options, &payload, properties).await;
            confirms.push_back(sent.map_err(text)?);
            if confirms.len() == WINDOW
                && let Some(confirm) = confirms.pop_front()
            {
                confirm.await.map_err(text)?;
                let now = Instant::now();
                count += usize::from(now >= begin && now < end);
            }
        }
        for confirm in confirms {
            confirm.await.map_err(text)?;
        }
        Ok(Measured::from_count(count, duration))
    }
}

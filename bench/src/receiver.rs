//! A receiver of webhooks: keep-alive HTTP/1.1, answers 200 at once, or never on paths that hang.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::http::{Result, text_after};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A webhook that has arrived.
#[derive(Clone)]
pub struct Receipt {
    /// The number in its path.
    pub endpoint: usize,
    /// `evt_…`
    pub event: String,
    /// The id of the resource that it is about.
    pub resource: String,
    /// When it was there to the last byte.
    pub at: Instant,
}

#[derive(Default)]
struct Shared {
    receipts: Mutex<Vec<Receipt>>,
    count: AtomicUsize,
    hanging: AtomicBool,
}

/// A running receiver, on a thread of its own; dropping it ends it.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
}

/// What became of each event at each endpoint.
pub struct Arrivals {
    /// When each came first, by endpoint and resource.
    pub first: HashMap<(usize, String), Receipt>,
    /// How many came once more.
    pub repeated: usize,
}

impl Receiver {
    /// Endpoints whose number is a multiple of this hang when the receiver is told so.
    pub const HANGING: usize = 5;

    /// Starts it.
    pub async fn start() -> Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
        listener.set_nonblocking(true).map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let shared = Arc::new(Shared::default());
        let (stop, mut stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                let mut connections = tokio::task::JoinSet::new();
                loop {
                    tokio::select! {
                        _ = stopped.changed() => return,
                        Some(_) = connections.join_next(), if !connections.is_empty() => {}
                        accepted = listener.accept() => {
                            let Ok((stream, _)) = accepted else { continue };
                            connections.spawn(serve(stream, Arc::clone(&serving)));
                        }
                    }
                }
            });
        });
        Ok(Self { address, shared, stop })
    }

    /// The URL of an endpoint.
    pub fn url(&self, endpoint: usize) -> String {
        format!("http://{}/{endpoint}", self.address)
    }

    /// Lets every fifth endpoint hang, or not.
    pub fn hang(&self, hanging: bool) {
        self.shared.hanging.store(hanging, Ordering::Relaxed);
    }

    /// Forgets what has arrived.
    pub fn clear(&self) {
        self.shared.receipts.lock().expect("the receipts' lock").clear();
        self.shared.count.store(0, Ordering::Relaxed);
    }

    /// How many have arrived.
    pub fn count(&self) -> usize {
        self.shared.count.load(Ordering::Relaxed)
    }

    /// Waits until so many have arrived.
    pub async fn wait(&self, count: usize, limit: Duration) -> Result<()> {
        let began = Instant::now();
        while self.count() < count {
            if began.elapsed() > limit {
                return Err(format!("{} of {count} webhooks arrived within {limit:?}", self.count()));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// What has arrived, in order.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.shared.receipts.lock().expect("the receipts' lock").clone()
    }

    /// What has arrived, the first of each.
    pub fn arrivals(&self) -> Arrivals {
        let mut arrivals = Arrivals { first: HashMap::new(), repeated: 0 };
        let mut events = HashSet::new();
        for receipt in self.receipts() {
            if !events.insert((receipt.endpoint, receipt.event.clone())) {
                arrivals.repeated += 1;
                continue;
            }
            arrivals.first.entry((receipt.endpoint, receipt.resource.clone())).or_insert(receipt);
        }
        arrivals
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::with_capacity(8 * 1024);
    loop {
        let Some(end) = read_request(&mut stream, &mut buffer).await else { return };
        let receipt = receipt(&buffer[..end]);
        buffer.drain(..end);
        if receipt.endpoint % Receiver::HANGING == 0 && shared.hanging.load(Ordering::Relaxed) {
            // Until the sender has had enough.
            while stream.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {}
            return;
        }
        shared.receipts.lock().expect("the receipts' lock").push(receipt);
        shared.count.fetch_add(1, Ordering::Relaxed);
        if stream.write_all(OK).await.is_err() {
            return;
        }
    }
}

/// Reads until the buffer holds a whole request; where it ends. None: the connection has ended.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<usize> {
    loop {
        if let Some(end_of_head) = memchr::memmem::find(buffer, b"\r\n\r\n") {
            let head = std::str::from_utf8(&buffer[..end_of_head]).ok()?.to_ascii_lowercase();
            let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length:"));
            let end = end_of_head + 4 + length.and_then(|length| length.trim().parse::<usize>().ok()).unwrap_or(0);
            if buffer.len() >= end {
                return Some(end);
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

fn receipt(request: &[u8]) -> Receipt {
    let path = request.iter().skip_while(|byte| **byte != b'/').skip(1);
    let digits = path.take_while(|byte| byte.is_ascii_digit());
    Receipt {
        endpoint: digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')),
        event: text_after(request, b"{\"id\":\"").unwrap_or_default(),
        resource: text_after(request, b"\"data\":{\"id\":\"").unwrap_or_default(),
        at: Instant::now(),
    }
}

//! A mail server that takes everything and keeps nothing, and a client that does no more than hand mails over.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::http::Result;
use crate::measured::Measured;

/// The running server; dropping it ends it.
pub struct Sink {
    /// Where it listens.
    pub address: SocketAddr,
    taken: Arc<AtomicUsize>,
    times: Arc<Mutex<Vec<Instant>>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Sink {
    /// Starts it.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (taken, times) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (count, noted) = (Arc::clone(&taken), Arc::clone(&times));
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&count), Arc::clone(&noted)));
            }
        });
        Ok(Self { address, taken, times, accepting })
    }

    /// Waits until so many mails were taken: the rate from the first to the last.
    pub async fn wait(&self, count: usize, limit: Duration) -> Result<Measured> {
        let began = Instant::now();
        while self.taken.load(Ordering::Relaxed) < count {
            if began.elapsed() > limit {
                return Err(format!("{} of {count} mails within {limit:?}", self.taken.load(Ordering::Relaxed)));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let times = self.times.lock().expect("the times' lock");
        let took = times.last().zip(times.first()).map_or(Duration::ZERO, |(last, first)| *last - *first);
        Ok(Measured::from_count(times.len(), took))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(stream: TcpStream, taken: Arc<AtomicUsize>, times: Arc<Mutex<Vec<Instant>>>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink\r\n").await.ok()?;
    let mut line = Vec::new();
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await.ok()? == 0 {
            return None;
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer: &[u8] = match verb.as_slice() {
            b"EHLO" => b"250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            b"DATA" => {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                while line != b".\r\n" {
                    line.clear();
                    if stream.read_until(b'\n', &mut line).await.ok()? == 0 {
                        return None;
                    }
                }
                times.lock().expect("the times' lock").push(Instant::now());
                taken.fetch_add(1, Ordering::Relaxed);
                b"250 taken\r\n"
            }
            b"QUIT" => b"221 bye\r\n",
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer).await.ok()?;
    }
}

/// Hands mails of this size over on so many connections: the limit.
pub async fn feed(address: SocketAddr, connections: usize, bytes: usize, duration: Duration) -> Result<Measured> {
    let end = Instant::now() + duration;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..connections {
        clients.spawn(async move {
            let text = |error: std::io::Error| error.to_string();
            let stream = TcpStream::connect(address).await.map_err(text)?;
            stream.set_nodelay(true).map_err(text)?;
            let mut stream = BufReader::new(stream);
            let message = format!("{}\r\n.\r\n", "x".repeat(76).repeat(bytes / 76));
            let commands = ["MAIL FROM:<a@example.com>\r\n", "RCPT TO:<b@example.com>\r\n", "DATA\r\n", &message];
            let (mut line, mut count) = (String::new(), 0);
            stream.read_line(&mut line).await.map_err(text)?;
            while Instant::now() < end {
                for command in commands {
                    stream.write_all(command.as_bytes()).await.map_err(text)?;
                    line.clear();
                    stream.read_line(&mut line).await.map_err(text)?;
                }
                count += 1;
            }
            Ok::<usize, String>(count)
        });
    }
    let mut count = 0;
    while let Some(client) = clients.join_next().await {
        count += client.map_err(|error| error.to_string())??;
    }
    Ok(Measured::from_count(count, duration))
}

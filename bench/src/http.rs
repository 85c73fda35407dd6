//! A keep-alive HTTP/1.1 connection that does no more than a load tool needs, and JSON calls on top for setting things up.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Whatever goes wrong, as text: it ends up in a report.
pub type Result<T> = std::result::Result<T, String>;

/// For how long a connection may be quiet before it is opened anew.
const QUIET: Duration = Duration::from_secs(5);

/// One connection.
pub struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    used: Instant,
    buffer: Vec<u8>,
    filled: usize,
}

/// Where in the connection's buffer an answer stands.
#[derive(Clone, Copy)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    body_at: usize,
    end: usize,
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await.map_err(|error| format!("connect: {error}"))?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    Ok(stream)
}

impl Connection {
    /// Connects, without Nagle's delay.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self {
            stream: connect(address).await?,
            address,
            used: Instant::now(),
            buffer: vec![0; 16 * 1024],
            filled: 0,
        })
    }

    /// Sends a request and reads its answer to the end.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer> {
        // The server closes connections that are quiet for longer, as any client has to expect.
        if self.used.elapsed() > QUIET {
            self.stream = connect(self.address).await?;
        }
        self.used = Instant::now();
        self.stream.write_all(request).await.map_err(|error| format!("send: {error}"))?;
        self.filled = 0;
        let mut answer: Option<Answer> = None;
        loop {
            if self.filled == self.buffer.len() {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
            match self.stream.read(&mut self.buffer[self.filled..]).await {
                Ok(0) => return Err("the server closed the connection".to_owned()),
                Ok(read) => self.filled += read,
                Err(error) => return Err(format!("receive: {error}")),
            }
            if answer.is_none() {
                answer = parse_head(&self.buffer[..self.filled])?;
            }
            if let Some(answer) = answer.filter(|answer| answer.end <= self.filled) {
                return Ok(answer);
            }
        }
    }

    /// The body of the last answer.
    pub fn body(&self, answer: Answer) -> &[u8] {
        &self.buffer[answer.body_at..answer.end]
    }
}

/// None: the head is not all there yet.
fn parse_head(bytes: &[u8]) -> Result<Option<Answer>> {
    let Some(end_of_head) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head = &bytes[..end_of_head + 2];
    let status = head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let status = status.ok_or("an answer without a status")?;
    let mut length = None;
    let mut at = 0;
    while let Some(line_end) = memchr::memchr(b'\r', &head[at..]) {
        let line = &head[at..at + line_end];
        const NAME: &[u8] = b"content-length:";
        if line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME) {
            length = std::str::from_utf8(&line[NAME.len()..]).ok().and_then(|text| text.trim().parse().ok());
        }
        at += line_end + 2;
    }
    let body_at = end_of_head + 4;
    let length: usize = match length {
        Some(length) => length,
        None if status == 204 || status == 304 => 0,
        None => return Err("an answer without Content-Length; this tool reads no others".to_owned()),
    };
    Ok(Some(Answer { status, body_at, end: body_at + length }))
}

/// The text that follows a piece of JSON, up to the next quotation mark.
pub fn text_after(bytes: &[u8], piece: &[u8]) -> Option<String> {
    let rest = &bytes[memchr::memmem::find(bytes, piece)? + piece.len()..];
    let text = &rest[..memchr::memchr(b'"', rest)?];
    Some(String::from_utf8_lossy(text).into_owned())
}

/// JSON calls with an API key, one after the other.
pub struct Api {
    address: SocketAddr,
    key: String,
    connection: Option<Connection>,
}

impl Api {
    /// For the server at this address.
    pub fn new(address: SocketAddr, key: &str) -> Self {
        Self { address, key: key.to_owned(), connection: None }
    }

    /// The request line and headers that every request of this key starts with.
    pub fn head(&self, method: &str, path: &str) -> String {
        let content = if matches!(method, "POST" | "PATCH") { "Content-Type: application/json\r\n" } else { "" };
        format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{content}", self.address, self.key)
    }

    /// The status and the body. `extra` are further header lines.
    pub async fn call(&mut self, method: &str, path: &str, extra: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!("{}{extra}Content-Length: {}\r\n\r\n{body}", self.head(method, path), body.len());
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address).await?,
        };
        let answer = connection.exchange(request.as_bytes()).await?;
        let body = connection.body(answer);
        let value = match body {
            [] => Value::Null,
            body => serde_json::from_slice(body).map_err(|error| format!("{method} {path}: {error}"))?,
        };
        self.connection = Some(connection);
        Ok((answer.status, value))
    }

    /// A POST that must succeed.
    pub async fn post(&mut self, path: &str, body: Value) -> Result<Value> {
        match self.call("POST", path, "", Some(&body)).await? {
            (200..300, value) => Ok(value),
            (status, value) => Err(format!("POST {path}: {status} {value}")),
        }
    }

    /// A PATCH that must succeed.
    pub async fn patch(&mut self, path: &str, body: Value) -> Result<Value> {
        match self.call("PATCH", path, "", Some(&body)).await? {
            (200, value) => Ok(value),
            (status, value) => Err(format!("PATCH {path}: {status} {value}")),
        }
    }

    /// A DELETE that must succeed.
    pub async fn delete(&mut self, path: &str) -> Result<()> {
        match self.call("DELETE", path, "", None).await? {
            (204, _) => Ok(()),
            (status, value) => Err(format!("DELETE {path}: {status} {value}")),
        }
    }

    /// A GET that must succeed.
    pub async fn get(&mut self, path: &str) -> Result<Value> {
        match self.call("GET", path, "", None).await? {
            (200, value) => Ok(value),
            (status, value) => Err(format!("GET {path}: {status} {value}")),
        }
    }
}

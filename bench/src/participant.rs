//! A participant over HTTP, as the interview page speaks to the server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Connection, Result};

/// An answer that takes longer than this ends the run: something is stuck.
const STUCK: Duration = Duration::from_secs(60);

/// Somebody with a link who has acted on it.
pub struct Participant<'a> {
    connection: &'a mut Connection,
    address: SocketAddr,
    link: &'a str,
    /// The session's id.
    pub session: String,
    token: String,
}

impl<'a> Participant<'a> {
    /// Comes to the interview.
    pub async fn open(connection: &'a mut Connection, address: SocketAddr, link: &'a str) -> Result<Self> {
        let mut participant = Self { connection, address, link, session: String::new(), token: String::new() };
        let device = json!({"device": {"browser": "Chrome 120", "os": "macOS 14.2", "type": "desktop"}});
        let opened = participant.post("", &device).await?;
        participant.session = opened["session"]["id"].as_str().ok_or("a session without an id")?.to_owned();
        participant.token = opened["sessionToken"].as_str().ok_or("a session without a token")?.to_owned();
        Ok(participant)
    }

    /// Agrees to everything.
    pub async fn consent(&mut self) -> Result<()> {
        self.post("/consent", &json!({"granted": true, "type": "all"})).await.map(|_| ())
    }

    /// Starts.
    pub async fn start(&mut self) -> Result<Value> {
        self.post("/start", &json!({})).await
    }

    /// Answers whatever is asked with this text, to the end, and completes. The latencies of the answers: when each was there,
    /// and how long it took.
    pub async fn answer_all(&mut self, mut turn: Value, text: &str) -> Result<Vec<(Instant, Duration)>> {
        let mut latencies = Vec::new();
        for seq in 1.. {
            let Some(prompt) = turn["prompt"]["id"].as_str() else { break };
            let body = json!({"promptId": prompt, "seq": seq, "text": text});
            let sent = Instant::now();
            turn = self.post("/answers", &body).await?;
            let answered = Instant::now();
            latencies.push((answered, answered - sent));
        }
        self.post("/complete", &json!({})).await?;
        Ok(latencies)
    }

    /// The whole request of a heartbeat, to be sent again and again.
    pub fn heartbeat(&self) -> String {
        self.request("/heartbeat", "{}")
    }

    async fn post(&mut self, action: &str, body: &Value) -> Result<Value> {
        let request = self.request(action, &body.to_string());
        let exchange = tokio::time::timeout(STUCK, self.connection.exchange(request.as_bytes()));
        let answer = exchange.await.map_err(|_| format!("no answer within {STUCK:?}"))??;
        let body = self.connection.body(answer);
        if !(200..300).contains(&answer.status) {
            return Err(format!("session{action}: status {}: {}", answer.status, String::from_utf8_lossy(body)));
        }
        serde_json::from_slice(body).map_err(|error| format!("session{action}: {error}"))
    }

    fn request(&self, action: &str, body: &str) -> String {
        let credential = match self.token.as_str() {
            "" => String::new(),
            token => format!("Authorization: Bearer {token}\r\n"),
        };
        format!(
            "POST /v1/interview/{}/session{action} HTTP/1.1\r\nHost: {}\r\n{credential}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.link,
            self.address,
            body.len()
        )
    }
}

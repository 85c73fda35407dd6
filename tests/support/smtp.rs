//! A real SMTP server from PyPI (`smtp_server.py`), and what it received.
#![allow(dead_code, reason = "shared by tests that each use a part of it")]

use std::{process::Stdio, time::Duration};

use interview_relay::mail::{MailSettings, Outlet};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    sync::mpsc,
};

/// Longer than anything takes that is going to happen.
const LIMIT: Duration = Duration::from_secs(60);

/// A running SMTP server; it ends with the test.
pub struct SmtpServer {
    _child: Child,
    input: ChildStdin,
    output: mpsc::UnboundedReceiver<Value>,
    port: u64,
    messages: Vec<Value>,
}

impl SmtpServer {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/smtp_server.py");
        let mut child = Command::new(super::python())
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("start Python");
        let input = child.stdin.take().expect("piped");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        // Read all the time: a server that cannot say what it received receives no more.
        let (sender, output) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let line = serde_json::from_str(&line).expect("JSON");
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut server = Self { _child: child, input, output, port: 0, messages: Vec::new() };
        server.port = server.line().await["port"].as_u64().expect("a port");
        server
    }

    /// How to reach it.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Settings to send mails through it.
    pub fn settings(&self) -> MailSettings {
        MailSettings {
            outlet: Outlet::Smtp(self.url()),
            from: "mail@relay.example.com".parse().expect("a sender"),
            ..MailSettings::to_folder("unused".into())
        }
    }

    /// How an address is treated, attempt after attempt: `accept`, `reject`, `later`, `drop` (takes the message and
    /// hangs up) or `hold` (takes it and does not answer before [`Self::release`]). The last word stays.
    pub async fn treat(&mut self, address: &str, words: &[&str]) {
        self.command(json!({"address": address, "words": words})).await;
    }

    /// Lets the held ones be answered.
    pub async fn release(&mut self) {
        self.command(json!({"release": true})).await;
    }

    async fn command(&mut self, command: Value) {
        self.input.write_all(format!("{command}\n").as_bytes()).await.expect("write");
        self.input.flush().await.expect("flush");
        while self.line().await.get("ok").is_none() {}
    }

    /// The next line, whose message is kept.
    async fn line(&mut self) -> Value {
        let line = tokio::time::timeout(LIMIT, self.output.recv()).await.expect("in time").expect("it runs");
        if let Some(message) = line.get("message") {
            self.messages.push(message.clone());
        }
        line
    }

    /// Waits until that many messages were received in all, and answers them.
    pub async fn received(&mut self, n: usize) -> Vec<Value> {
        while self.messages.len() < n {
            self.line().await;
        }
        self.all().await
    }

    /// All messages that were received until now.
    pub async fn all(&mut self) -> Vec<Value> {
        // What was received before this command was answered has been told before, too.
        self.treat("nobody@example.com", &["accept"]).await;
        self.messages.clone()
    }
}

/// A header of a message, as the server's parser has it.
#[track_caller]
pub fn header(message: &Value, name: &str) -> String {
    let headers = message["headers"].as_array().expect("headers");
    let found = headers.iter().find(|pair| pair[0].as_str().is_some_and(|given| given.eq_ignore_ascii_case(name)));
    found.unwrap_or_else(|| panic!("no header {name}: {message}"))[1].as_str().expect("text").to_owned()
}

/// The part of a type.
#[track_caller]
pub fn part(message: &Value, kind: &str) -> String {
    let parts = message["parts"].as_array().expect("parts");
    let found = parts.iter().find(|part| part["type"] == kind);
    found.unwrap_or_else(|| panic!("no part {kind}: {message}"))["text"].as_str().expect("text").to_owned()
}

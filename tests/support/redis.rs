//! A Redis of a test's own, which may be killed.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::ports::free_port;

/// A server that keeps nothing on disk; it is gone when this is dropped.
pub struct Redis {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Redis {
    /// Starts a fresh one.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("relay-redis.").tempdir().expect("make a folder");
        let mut redis = Self { folder, port: free_port(), child: None };
        redis.restart().await;
        redis
    }

    /// Its URL, the same whenever it runs.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it again, empty.
    pub async fn restart(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--port", &self.port.to_string(), "--dir"]);
        command.arg(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("start Redis: run the tests with ./scripts/test"));
        let up = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                let status = self.child.as_mut().and_then(|child| child.try_wait().expect("ask for the process"));
                assert_eq!(status, None, "Redis ended");
                // A process tells nobody when it starts to listen.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), up).await.expect("Redis listens");
    }

    /// `kill -9`
    pub fn kill9(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        child.kill().expect("kill");
        child.wait().expect("wait");
    }

    /// Sends the process a signal: `STOP` makes it accept connections and answer nothing, until `CONT`.
    pub fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().expect("kill").success());
    }

    /// What it answers to a command, in one line.
    pub async fn ask(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("connect");
        stream.write_all(format!("{command}\r\n").as_bytes()).await.expect("send");
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).await.expect("an answer");
        answer.trim_end().to_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill9();
    }
}

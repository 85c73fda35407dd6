//! The limit for everything over HTTP: an axum server that answers a fixed JSON body, run as a process of its own
//! (`relay-bench hello PORT`) under the same load tool.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::http::header;
use axum::routing::any;

use crate::http::{Connection, Result};

/// Serves until it is killed.
pub async fn serve(port: u16) -> Result<()> {
    let app = Router::new().route("/", any(|| async { ([(header::CONTENT_TYPE, "text/plain")], "Hello, World!") }));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| error.to_string())?;
    axum::serve(listener, app).await.map_err(|error| error.to_string())
}

/// The running process; dropping it ends it.
pub struct Hello {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Hello {
    /// Starts it and waits until it answers.
    pub async fn start() -> Result<Self> {
        let port = crate::ports::free_port();
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let process = Command::new(program)
            .args(["hello", &port.to_string()])
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let hello = Self { process, address: SocketAddr::from(([127, 0, 0, 1], port)) };
        while Connection::open(hello.address).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        Ok(hello)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Hello {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

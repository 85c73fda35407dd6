//! The real program as a process of its own, to be killed.
#![allow(dead_code, reason = "shared by tests that each use a part of it")]

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use tempfile::TempDir;

use super::ports::free_port;

/// Where the program keeps its events.
pub struct Home {
    folder: TempDir,
    /// The PostgreSQL database; SQLite in the folder without one.
    pub database_url: Option<String>,
    /// What else the program finds in its environment.
    pub environment: Vec<(String, String)>,
}

impl Home {
    /// A folder of its own, with a master key.
    pub fn new(database_url: Option<String>) -> Self {
        super::ring();
        let folder = tempfile::Builder::new().prefix("relay-process.").tempdir().expect("make a folder");
        let key = BASE64_STANDARD.encode(super::MASTER_KEY);
        std::fs::write(folder.path().join("master.key"), key + "\n").expect("key");
        Self { folder, database_url, environment: Vec::new() }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The database file of the embedded store.
    pub fn sqlite_file(&self) -> PathBuf {
        self.path().join("data/relay.db")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_interview-relay"));
        command.current_dir(self.path()).env_clear().env("RELAY_RATE_LIMIT", "off").env("RELAY_LOG_LEVEL", "warn");
        command.env("RELAY_MASTER_KEY_FILE", self.path().join("master.key"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(url) = &self.database_url {
            command.env("DATABASE_URL", url);
        }
        command
    }

    /// Runs an administrator's command.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().expect("run the program")
    }

    /// Starts an administrator's command, whose output waits to be read.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command().args(arguments).stdout(Stdio::piped()).spawn().expect("run the program")
    }

    /// Runs an administrator's command that must succeed, and answers what it printed.
    pub fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {out}{err}");
        out.into_owned()
    }

    /// Creates an organization with a key that may do everything; answers the key.
    pub fn organization(&self) -> String {
        self.organization_on("enterprise")
    }

    /// The same, on a plan.
    pub fn organization_on(&self, plan: &str) -> String {
        let org = self.succeed(&["org", "create", "--name", "Acme", "--plan", plan, "--json"]);
        let org: Value = serde_json::from_str(&org).expect("JSON");
        let id = org["id"].as_str().expect("an id");
        let key = self.succeed(&["keys", "create", "--org", id, "--name", "test", "--scopes", "all", "--json"]);
        let key: Value = serde_json::from_str(&key).expect("JSON");
        key["key"].as_str().expect("a key").to_owned()
    }

    /// Starts the server and waits until it can serve.
    pub async fn serve(&self) -> Server {
        self.serve_with(&[]).await
    }

    /// The same with more arguments.
    pub async fn serve_with(&self, arguments: &[&str]) -> Server {
        let mut server = self.launch(free_port(), arguments);
        server.wait_until_ready().await;
        server
    }

    /// Starts the server on a port and does not wait for it.
    pub fn launch(&self, port: u16, arguments: &[&str]) -> Server {
        spawn(self.command(), port, arguments, (Stdio::null(), Stdio::inherit()))
    }

    /// Starts the server with everything in its log, which goes to a file, and waits until it can serve.
    pub async fn serve_logged(&self, log: &Path, arguments: &[&str]) -> Server {
        let mut command = self.command();
        command.env("RELAY_LOG_LEVEL", "trace");
        let log = std::fs::File::create(log).expect("a file for the log");
        let mut server = spawn(command, free_port(), arguments, (Stdio::null(), log.into()));
        server.wait_until_ready().await;
        server
    }

    /// Starts the server with what it prints going to a file, and waits until it can serve.
    pub async fn serve_printing(&self, printed: &Path) -> Server {
        let printed = std::fs::File::create(printed).expect("a file for the output");
        let mut server = spawn(self.command(), free_port(), &[], (printed.into(), Stdio::inherit()));
        server.wait_until_ready().await;
        server
    }
}

fn spawn(mut command: Command, port: u16, arguments: &[&str], (out, log): (Stdio, Stdio)) -> Server {
    let listen = format!("127.0.0.1:{port}");
    command.args(["serve", "--listen", &listen]).args(arguments);
    let child = command.stdout(out).stderr(log).spawn().expect("start the server");
    Server { child, url: format!("http://{listen}") }
}

/// A running server; dropping it kills it.
pub struct Server {
    child: Child,
    /// Its base URL.
    pub url: String,
}

impl Server {
    async fn wait_until_ready(&mut self) {
        super::ring();
        let client = reqwest::Client::new();
        let ready = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("ask for the process") {
                    panic!("the server ended with {status}");
                }
                let answer = client.get(format!("{}/readyz", self.url)).send().await;
                if answer.is_ok_and(|answer| answer.status() == 200) {
                    return;
                }
                // A process tells nobody when it starts to listen.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ready).await.expect("ready within seconds");
    }

    /// The most memory that it has had so far, in MiB.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1_024
    }

    /// `kill -9`, and waits until the process is gone.
    pub fn kill9(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }

    /// SIGTERM; answers the exit status.
    pub fn terminate(&mut self) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        self.child.wait().expect("wait")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Each function becomes a module with two tests of the real program, `sqlite` and `postgres`.
macro_rules! on_both_homes {
    ($($(#[$attribute:meta])* async fn $name:ident($home:ident: Home) $body:block)*) => {$(
        $(#[$attribute])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn scene($home: $crate::support::process::Home) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                scene($crate::support::process::Home::new(None)).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                let database = $crate::support::postgres::TestDatabase::create_empty(stringify!($name)).await;
                scene($crate::support::process::Home::new(Some(database.url.clone()))).await;
            }
        }
    )*};
}
pub(crate) use on_both_homes;

//! Server processes of the product, as a user would start them.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;

use crate::folder::{Builder, TempDir};
use crate::http::{Connection, Result};
use crate::ports::free_port;

/// How long a start may take, recovery included.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How often a starting server is asked whether it is ready.
const ASK_AGAIN: Duration = Duration::from_millis(2);

/// Where a server keeps its data.
pub struct Home {
    folder: TempDir,
    program: PathBuf,
    /// None: SQLite in the folder.
    pub database_url: Option<String>,
    variables: Vec<(&'static str, String)>,
}

impl Home {
    /// A new one below `parent`, with a master key if it is PostgreSQL's.
    pub fn new(parent: &Path, program: &Path, database_url: Option<String>) -> Result<Self> {
        let text = |error: std::io::Error| error.to_string();
        let folder = Builder::new().prefix("relay-bench.").tempdir_in(parent).map_err(text)?;
        let program = fs::canonicalize(program).map_err(|error| format!("{}: {error}", program.display()))?;
        let key: [u8; 32] = rand::random();
        let key = base64::engine::general_purpose::STANDARD.encode(key);
        fs::write(folder.path().join("master.key"), key + "\n").map_err(text)?;
        Ok(Self { folder, program, database_url, variables: Vec::new() })
    }

    /// Sets an environment variable for the starts that follow.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.variables.push((name, value.into()));
    }

    /// Where the master key is.
    pub fn master_key_file(&self) -> PathBuf {
        match &self.database_url {
            Some(_) => self.folder.path().join("master.key"),
            None => self.folder.path().join("data-0/master.key"),
        }
    }

    fn command(&self, number: usize) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(&self.program);
        // The bench's own environment must not become the product's settings, nor a settings file that lies around.
        for (name, _) in std::env::vars() {
            if name.starts_with("RELAY_") || name.ends_with("_URL") {
                command.env_remove(name);
            }
        }
        command.current_dir(folder).stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env("RELAY_DATA_DIR", folder.join(format!("data-{number}")));
        if let Some(url) = &self.database_url {
            command.env("DATABASE_URL", url).env("RELAY_MASTER_KEY_FILE", self.master_key_file());
        }
        command
    }

    /// Runs an administration command to its end: its output, how long it took, and the most memory it had, in MiB.
    pub async fn administer(&self, arguments: &[&str]) -> Result<(String, Duration, f64)> {
        let output = self.folder.path().join("administration.out");
        let file = File::create(&output).map_err(|error| error.to_string())?;
        let errors = file.try_clone().map_err(|error| error.to_string())?;
        let began = Instant::now();
        let mut process =
            self.command(0).args(arguments).stdout(file).stderr(errors).spawn().map_err(|error| error.to_string())?;
        let mut peak = 0.0_f64;
        let status = loop {
            if let Some((_, high)) = crate::usage::resident(process.id()) {
                peak = peak.max(high);
            }
            match process.try_wait().map_err(|error| error.to_string())? {
                Some(status) => break status,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        let took = began.elapsed();
        let output = fs::read_to_string(output).unwrap_or_default();
        if status.success() { Ok((output, took, peak)) } else { Err(format!("{arguments:?}: {status}: {output}")) }
    }

    /// The SQLite file, found by its content, so that its name is the product's affair.
    pub fn sqlite_file(&self) -> Result<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("data-0")).map_err(|error| error.to_string())?;
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| {
                let mut start = [0; 15];
                let read = File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut start));
                read.is_ok() && &start == b"SQLite format 3"
            })
            .ok_or_else(|| "no SQLite file in the data folder".to_owned())
    }

    /// Starts server `number` (nodes of one home share the database and the master key) and waits until it is ready.
    pub async fn start(&self, number: usize) -> Result<Server> {
        let port = free_port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let log = self.folder.path().join(format!("server-{number}.log"));
        let file = File::options().create(true).append(true).open(&log).map_err(|error| error.to_string())?;
        let errors = file.try_clone().map_err(|error| error.to_string())?;
        let began = Instant::now();
        let process = self
            .command(number)
            .args(["--listen", &address.to_string(), "--rate-limit", "off"])
            .stdout(file)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        let mut server = Server { process, address, took: Duration::ZERO, log };
        loop {
            if server.is_ready().await {
                server.took = began.elapsed();
                return Ok(server);
            }
            let ended = server.process.try_wait().map_err(|error| error.to_string())?;
            if ended.is_some() || began.elapsed() > START_LIMIT {
                return Err(format!("the server did not become ready: {}", server.log_end()));
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }
}

/// A running server; dropping it kills it.
pub struct Server {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of the process to its being ready.
    pub took: Duration,
    log: PathBuf,
}

impl Server {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Whether it says that it can serve.
    pub async fn is_ready(&self) -> bool {
        let Ok(mut connection) = Connection::open(self.address).await else { return false };
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        connection.exchange(request.as_bytes()).await.is_ok_and(|answer| answer.status == 200)
    }

    /// The API key that the first start has printed.
    pub fn key(&self) -> Result<String> {
        let log = fs::read_to_string(&self.log).map_err(|error| error.to_string())?;
        let at = log.find("ir_live_").ok_or_else(|| format!("no API key was printed: {log}"))?;
        Ok(log[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect())
    }

    /// SIGKILL, and gone when this returns.
    pub fn kill9(mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// SIGTERM, and gone when this returns.
    pub fn stop(mut self) -> Result<()> {
        let kill = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        kill.map_err(|error| error.to_string())?;
        let status = self.process.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("stopped with {status}: {}", self.log_end())) }
    }

    /// Whether the process is still there.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// The last lines it has logged.
    pub fn log_end(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

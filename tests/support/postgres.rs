//! PostgreSQL for tests: a fresh database per test on the server of `DATABASE_URL`, and throw-away clusters for the
//! tests that kill the server.
//!
//! Nothing here skips a test: without `DATABASE_URL`, or without PostgreSQL's programs, it panics and says what to do.
#![allow(dead_code, reason = "shared by tests that each use a part of it")]

use std::fmt::Write as _;
use std::future::Future;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row};
use tokio::sync::OnceCell;

use super::ports::free_port;

/// Every database made here starts with this, so that those of crashed runs can be recognized and dropped.
const PREFIX: &str = "relay_test_";
/// Databases of this age belong to runs that can no longer be going on.
const STALE: Duration = Duration::from_secs(6 * 60 * 60);
/// Held while the template is built; test processes of one run (nextest has one per test) share it.
const TEMPLATE_LOCK: i64 = 0x7265_6c61_795f_7470;
/// How long a PostgreSQL start may take, recovery after a kill included.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A fresh database of one test, dropped at its end.
#[derive(Debug)]
pub struct TestDatabase {
    /// Where to connect.
    pub url: String,
    name: String,
    server: PgConnectOptions,
}

impl TestDatabase {
    /// Copies a database from the run's template, in which `migrate` (given the template's URL) has been applied once.
    /// `name_hint` shows up in the database's name, for whoever reads the server's log.
    pub async fn create<M, F>(name_hint: &str, migrate: M) -> Self
    where
        M: FnOnce(String) -> F,
        F: Future<Output = ()>,
    {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        let template = TEMPLATE.get_or_init(|| build_template(run(), migrate)).await;
        Self::new(name_hint, Some(template)).await
    }

    /// An empty database, for the tests of the migrations themselves.
    pub async fn create_empty(name_hint: &str) -> Self {
        Self::new(name_hint, None).await
    }

    async fn new(name_hint: &str, template: Option<&str>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let hint: String = name_hint.chars().filter(char::is_ascii_alphanumeric).take(24).collect();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}_{}_{number}_{}", now(), std::process::id(), hint.to_lowercase());
        let server = server_options();
        let mut connection = connect(&server).await;
        let template = template.map(|template| format!(" TEMPLATE {template}")).unwrap_or_default();
        execute(&mut connection, format!("CREATE DATABASE {name}{template}")).await;
        close(connection).await;
        Self { url: url_of(&name), name, server }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A test's own runtime cannot be blocked on from a destructor, so the drop brings one along. Best effort: a test
        // that killed its server, say, has nothing to drop any more.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async {
                let mut connection = server.connect().await.ok()?;
                // FORCE: the test's connection pools may still be open.
                let drop = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                connection.execute(drop).await.ok()?;
                connection.close().await.ok()
            })
        });
        let _ = dropping.join();
    }
}

/// The URL of the server to use, with its maintenance database.
pub fn server_url() -> String {
    std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()).unwrap_or_else(|| {
        panic!(
            "DATABASE_URL is not set: run the tests with ./scripts/test, which starts a PostgreSQL of its own for them"
        )
    })
}

fn server_options() -> PgConnectOptions {
    let url = server_url();
    PgConnectOptions::from_str(&url).unwrap_or_else(|error| panic!("DATABASE_URL is not a PostgreSQL URL: {error}"))
}

/// The server's URL with another database in it, query parameters kept.
fn url_of(database: &str) -> String {
    with_database(&server_url(), database)
}

fn with_database(url: &str, database: &str) -> String {
    let (address, query) = match url.split_once('?') {
        Some((address, query)) => (address, format!("?{query}")),
        None => (url, String::new()),
    };
    let host = address.find("://").map_or(0, |at| at + 3);
    let end = address[host..].find('/').map_or(address.len(), |at| host + at);
    format!("{}/{database}{query}", &address[..end])
}

/// The name of this run, which starts with the time of its start.
fn run() -> String {
    std::env::var("RELAY_TEST_RUN").unwrap_or_else(|_| format!("{}_{}", now(), std::process::id()))
}

/// Builds the template of the run unless another process of the same run has.
async fn build_template<M, F>(run: String, migrate: M) -> String
where
    M: FnOnce(String) -> F,
    F: Future<Output = ()>,
{
    let template = format!("{PREFIX}{run}_template");
    let building = format!("{template}_building");
    let mut connection = connect(&server_options()).await;
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut connection)
        .await
        .expect("lock the template");
    drop_stale(&mut connection).await;
    let exists = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(&template)
        .fetch_optional(&mut connection)
        .await
        .expect("look for the template");
    if exists.is_none() {
        execute(&mut connection, format!("DROP DATABASE IF EXISTS {building} WITH (FORCE)")).await;
        execute(&mut connection, format!("CREATE DATABASE {building}")).await;
        migrate(url_of(&building)).await;
        // The rename makes it whole or absent, and a template can be copied only while nobody is connected to it: whatever
        // the migration left open is closed here.
        sqlx::query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1")
            .bind(&building)
            .execute(&mut connection)
            .await
            .expect("close the migration's connections");
        execute(&mut connection, format!("ALTER DATABASE {building} RENAME TO {template}")).await;
    }
    close(connection).await; // also gives the lock back
    template
}

/// Drops what crashed runs have left, told by the time in the name. Other runs may do the same at this moment.
async fn drop_stale(connection: &mut PgConnection) {
    let names = sqlx::query("SELECT datname FROM pg_database WHERE starts_with(datname, $1)")
        .bind(PREFIX)
        .fetch_all(&mut *connection)
        .await
        .expect("list the databases");
    for name in names.iter().map(|row| row.get::<String, _>(0)) {
        let made = name[PREFIX.len()..].split('_').next().and_then(|seconds| seconds.parse::<u64>().ok());
        if made.is_some_and(|made| made + STALE.as_secs() < now()) {
            let drop = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
            let _ = connection.execute(drop).await;
        }
    }
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    match options.connect().await {
        Ok(connection) => connection,
        Err(error) => panic!("cannot connect to the PostgreSQL of DATABASE_URL: {error}"),
    }
}

async fn execute(connection: &mut PgConnection, statement: String) {
    if let Err(error) = connection.execute(AssertSqlSafe(statement.clone())).await {
        panic!("{statement}: {error}");
    }
}

async fn close(connection: PgConnection) {
    connection.close().await.expect("close the connection");
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs()
}

/// A PostgreSQL cluster of a test's own, which it may kill and start again. Stopped and removed when dropped.
///
/// It stays in the test's process group, so that Ctrl-C reaches it too.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    folder: tempfile::TempDir,
    /// The user to run as: PostgreSQL refuses root.
    owner: Option<(u32, u32)>,
    port: u16,
    password: String,
    server: Option<Child>,
}

impl Cluster {
    /// Makes and starts a cluster on a free loopback port, with PostgreSQL's own durability settings.
    pub fn start() -> Self {
        let programs = find_programs();
        let folder = tempfile::Builder::new().prefix("relay-postgres.").tempdir().expect("make a folder");
        let owner = owner_of_clusters(folder.path());
        // Other users of the machine can reach the loopback port.
        let password = random_password();
        let password_file = folder.path().join("password");
        std::fs::write(&password_file, &password).expect("write the password");
        if let Some((uid, gid)) = owner {
            for path in [folder.path(), &password_file] {
                std::os::unix::fs::chown(path, Some(uid), Some(gid)).expect("hand the folder over");
            }
        }
        let mut cluster = Self { programs, folder, owner, port: free_port(), password, server: None };
        let output = cluster
            .program("initdb")
            .args(["--username=postgres", "--encoding=UTF8", "--no-locale", "--auth=password"])
            .arg(format!("--pgdata={}", cluster.data().display()))
            .arg(format!("--pwfile={}", password_file.display()))
            .output()
            .expect("run initdb");
        assert!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr));
        // Between the choice of a port and the start another process may take it.
        for attempt in 0..3 {
            match cluster.try_start() {
                Ok(()) => return cluster,
                Err(log) if attempt < 2 && log.contains("could not bind") => cluster.port = free_port(),
                Err(log) => panic!("PostgreSQL did not start:\n{log}"),
            }
        }
        unreachable!("the last attempt returns or panics")
    }

    /// Where to connect. The same before and after a restart.
    pub fn url(&self) -> String {
        format!("postgres://postgres:{}@{}/postgres?sslmode=disable", self.password, self.address())
    }

    /// Where it listens. The same before and after a restart.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The URL of another database of this cluster.
    pub fn url_of(&self, database: &str) -> String {
        with_database(&self.url(), database)
    }

    /// SIGKILL for the server and all its processes at once, as if the machine had lost them.
    pub fn kill9(&mut self) {
        let mut server = self.server.take().expect("the cluster is running");
        let mut victims = vec![server.id()];
        victims.extend(children_of(server.id()));
        signal("-KILL", &victims);
        server.wait().expect("reap the server");
        // Until its last process is gone PostgreSQL takes the cluster for a running one.
        let deadline = Instant::now() + START_LIMIT;
        while victims.iter().any(|pid| is_alive(*pid)) {
            assert!(Instant::now() < deadline, "killed PostgreSQL processes are still there: {victims:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Starts the cluster again after [`Cluster::kill9`], on the same port, and returns once recovery is through.
    pub fn restart(&mut self) {
        assert!(self.server.is_none(), "the cluster is already running");
        if let Err(log) = self.try_start() {
            panic!("PostgreSQL did not start again:\n{log}");
        }
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(self.folder.path()).stdin(Stdio::null()).env("LC_ALL", "C");
        if let Some((uid, gid)) = self.owner {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// On failure: what the server logged.
    fn try_start(&mut self) -> Result<(), String> {
        let mut server = self
            .program("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "logging_collector=off"])
            .args(["-c", &format!("port={}", self.port)])
            .args(["-c", &format!("unix_socket_directories={}", self.folder.path().display())])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("run postgres");
        let log = BufReader::new(server.stderr.take().expect("stderr is piped"));
        let (ready, is_ready) = mpsc::channel();
        // The thread reads on to the end, or the server would stop at a full pipe.
        std::thread::spawn(move || {
            let mut text = String::new();
            for line in log.lines().map_while(Result::ok) {
                if line.contains("ready to accept connections") {
                    let _ = ready.send(Ok(()));
                }
                if text.len() < 64 * 1024 {
                    let _ = writeln!(text, "{line}");
                }
            }
            let _ = ready.send(Err(text));
        });
        match is_ready.recv_timeout(START_LIMIT) {
            Ok(Ok(())) => {
                self.server = Some(server);
                Ok(())
            }
            Ok(Err(log)) => {
                let _ = server.wait();
                Err(log)
            }
            Err(_) => {
                self.server = Some(server); // so that dropping the cluster ends it
                Err(format!("not ready within {START_LIMIT:?}"))
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // SIGQUIT is PostgreSQL's immediate shutdown; nobody needs the data any more.
            signal("-QUIT", &[server.id()]);
            let _ = server.wait();
        }
    }
}

/// PostgreSQL's newest installed server programs.
fn find_programs() -> PathBuf {
    let version = |path: &Path| path.file_name().and_then(|name| name.to_str()?.parse::<f64>().ok()).unwrap_or(0.0);
    let packaged = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("bin/postgres").exists())
        .max_by(|a, b| version(a).total_cmp(&version(b)))
        .map(|path| path.join("bin"));
    let on_path = || {
        std::env::split_paths(&std::env::var_os("PATH")?)
            .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
    };
    packaged
        .or_else(on_path)
        .unwrap_or_else(|| panic!("PostgreSQL's server programs are missing: run the tests with ./scripts/test"))
}

/// None: run as ourselves. As root: the user and group `postgres`.
fn owner_of_clusters(ours: &Path) -> Option<(u32, u32)> {
    let me = std::fs::metadata(ours).expect("look at our own folder").uid();
    if me != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("read /etc/passwd");
    let owner = users.lines().find_map(|line| {
        let mut fields = line.strip_prefix("postgres:")?.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    Some(owner.unwrap_or_else(|| panic!("PostgreSQL refuses to run as root, and there is no user `postgres`")))
}

fn random_password() -> String {
    let mut bytes = [0; 16];
    let mut random = std::fs::File::open("/dev/urandom").expect("open /dev/urandom");
    random.read_exact(&mut bytes).expect("read random bytes");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn signal(signal: &str, processes: &[u32]) {
    let status = Command::new("kill")
        .arg(signal)
        .args(processes.iter().map(u32::to_string))
        .stderr(Stdio::null()) // some of them may have ended by themselves
        .status();
    status.expect("run kill");
}

/// The state letter and the parent of a process, from /proc; None if it is gone.
fn process(pid: &str) -> Option<(String, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

fn children_of(parent: u32) -> Vec<u32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| process(name).is_some_and(|(_, of)| of == parent))
        .filter_map(|name| name.parse().ok())
        .collect()
}

/// A zombie counts as gone: it holds nothing any more, and may wait long for a parent to reap it.
fn is_alive(pid: u32) -> bool {
    process(&pid.to_string()).is_some_and(|(state, _)| !matches!(state.as_str(), "Z" | "X"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn one_table(url: String) {
        let mut connection = PgConnection::connect(&url).await.expect("connect to the template");
        connection.execute("CREATE TABLE thing (id BIGINT)").await.expect("create a table");
        // Left open on purpose: the template must be copied all the same.
        std::mem::forget(connection);
    }

    async fn things(url: &str) -> i64 {
        let mut connection = PgConnection::connect(url).await.expect("connect");
        let row = connection.fetch_one("SELECT COUNT(*) FROM thing").await.expect("count");
        row.get(0)
    }

    #[tokio::test]
    async fn acknowledged_rows_survive_a_kill_of_the_cluster() {
        let mut cluster = Cluster::start();
        let mut connection = PgConnection::connect(&cluster.url()).await.expect("connect");
        connection.execute("CREATE TABLE thing (id BIGINT)").await.expect("create a table");
        connection.execute("INSERT INTO thing VALUES (1)").await.expect("insert");
        cluster.kill9();
        assert!(connection.execute("SELECT 1").await.is_err(), "the server is gone");
        cluster.restart();
        assert_eq!(things(&cluster.url()).await, 1);
    }

    #[test]
    fn the_database_in_a_url_is_replaced_and_the_rest_kept() {
        let cases = [
            ("postgres://u:p@h:1/db?sslmode=disable", "postgres://u:p@h:1/x?sslmode=disable"),
            ("postgres://h", "postgres://h/x"),
            ("postgresql://u@h/?a=/b", "postgresql://u@h/x?a=/b"),
        ];
        for (url, expected) in cases {
            assert_eq!(with_database(url, "x"), expected);
        }
    }

    /// Not through [`TestDatabase::create`], whose template is the one that all other tests of the run share.
    #[tokio::test]
    async fn databases_are_copies_of_the_template_and_do_not_see_each_other() {
        let template = build_template(format!("{}_{}_self", now(), std::process::id()), one_table).await;
        let first = TestDatabase::new("First, of 2!", Some(&template)).await;
        let second = TestDatabase::new("second", Some(&template)).await;
        let mut connection = PgConnection::connect(&first.url).await.expect("connect");
        connection.execute("INSERT INTO thing VALUES (1)").await.expect("insert");
        assert_eq!((things(&first.url).await, things(&second.url).await), (1, 0));
        let gone = first.url.clone();
        drop(first);
        assert!(PgConnection::connect(&gone).await.is_err(), "dropped although a connection was open");
        let mut connection = connect(&server_options()).await;
        execute(&mut connection, format!("DROP DATABASE {template}")).await;
    }
}

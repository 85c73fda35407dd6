//! Whose time a cell was: the processor time of the server, of PostgreSQL and of everything else, and what PostgreSQL's
//! log had to do. Read from /proc and from PostgreSQL's own statistics.

use std::fs;
use std::time::Instant;

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};

/// Processor time in cores (2.0 = two cores fully busy), and PostgreSQL's commits and flushes per second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Of the product's server processes.
    pub server: f64,
    /// Of all PostgreSQL processes.
    pub postgres: f64,
    /// Of all else: the load generator or the peer, and whatever the machine was doing besides.
    pub others: f64,
    /// Taken away by the machine's host.
    pub stolen: f64,
    /// PostgreSQL's transactions committed per second.
    pub commits: f64,
    /// PostgreSQL's log flushes (fdatasync) per second.
    pub flushes: f64,
}

/// A measurement of [`Usage`] that has begun.
pub struct Watch {
    servers: Vec<u32>,
    postgres: Option<Postgres>,
    began: Instant,
    before: Sample,
}

struct Postgres {
    connection: PgConnection,
    postmaster: u32,
    backend: u32,
}

#[derive(Clone, Copy, Default)]
struct Sample {
    server: f64,
    postgres: f64,
    busy: f64,
    stolen: f64,
    commits: i64,
    flushes: i64,
}

/// Clock ticks per second of /proc's figures, the same on every Linux.
const TICKS: f64 = 100.0;

impl Watch {
    /// Begins, for these server processes and the PostgreSQL of this URL.
    pub async fn begin(servers: &[u32], database_url: Option<&str>) -> Self {
        let postgres = match database_url {
            Some(url) => Postgres::connect(url).await,
            None => None,
        };
        let mut watch = Self { servers: servers.to_vec(), postgres, began: Instant::now(), before: Sample::default() };
        watch.before = watch.sample().await;
        watch.began = Instant::now();
        watch
    }

    /// Ends it.
    pub async fn end(mut self) -> Usage {
        let seconds = self.began.elapsed().as_secs_f64();
        let (after, before) = (self.sample().await, self.before);
        let server = (after.server - before.server) / seconds;
        let postgres = (after.postgres - before.postgres) / seconds;
        Usage {
            server,
            postgres,
            others: ((after.busy - before.busy) / seconds - server - postgres).max(0.0),
            stolen: (after.stolen - before.stolen) / seconds,
            commits: (after.commits - before.commits) as f64 / seconds,
            flushes: (after.flushes - before.flushes) as f64 / seconds,
        }
    }

    async fn sample(&mut self) -> Sample {
        let (busy, stolen) = machine();
        let mut sample = Sample { busy, stolen, ..Sample::default() };
        sample.server = self.servers.iter().filter_map(|pid| processor_seconds(*pid, false)).sum();
        if let Some(postgres) = &mut self.postgres {
            sample.postgres = postgres.processor_seconds();
            let counters = sqlx::query(
                "SELECT (SELECT SUM(xact_commit)::bigint FROM pg_stat_database), (SELECT wal_sync FROM pg_stat_wal)",
            );
            if let Ok(row) = counters.fetch_one(&mut postgres.connection).await {
                (sample.commits, sample.flushes) = (row.get(0), row.get(1));
            }
        }
        sample
    }
}

impl Postgres {
    async fn connect(url: &str) -> Option<Self> {
        let mut connection = PgConnection::connect(url).await.ok()?;
        let pid: i32 = sqlx::query("SELECT pg_backend_pid()").fetch_one(&mut connection).await.ok()?.get(0);
        // Only a server on this machine can be looked at; another one's process id means nothing here.
        let postmaster =
            parent_of(pid as u32).filter(|pid| name_of(*pid).is_some_and(|name| name.contains("postgres")))?;
        Some(Self { connection, postmaster, backend: pid as u32 })
    }

    fn processor_seconds(&self) -> f64 {
        let living: f64 = processes()
            .filter(|pid| parent_of(*pid) == Some(self.postmaster))
            .filter_map(|pid| processor_seconds(pid, false))
            .sum();
        living + processor_seconds(self.postmaster, true).unwrap_or(0.0)
    }
}

/// All processes of the PostgreSQL of this URL.
pub async fn postgres_processes(database_url: &str) -> Vec<u32> {
    match Postgres::connect(database_url).await {
        // Without the one that serves this very connection, which ends at once.
        Some(postgres) => {
            processes().filter(|pid| parent_of(*pid) == Some(postgres.postmaster) && *pid != postgres.backend).collect()
        }
        None => Vec::new(),
    }
}

/// Resident memory in MiB: now, and the most it has been.
pub fn resident(pid: u32) -> Option<(f64, f64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse::<f64>().ok().map(|kib| kib / 1024.0)
    };
    Some((mib("VmRSS:")?, mib("VmHWM:")?))
}

/// Of all processors, in seconds since the machine's start: busy, stolen.
fn machine() -> (f64, f64) {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks: Vec<f64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    let at = |index: usize| ticks.get(index).copied().unwrap_or(0.0) / TICKS;
    // user + nice + system + irq + softirq; idle and iowait are not busy.
    (at(0) + at(1) + at(2) + at(5) + at(6), at(7))
}

fn processes() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The fields of /proc/PID/stat after the program's name: state, parent, …
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(") ")?.1.split_whitespace().map(str::to_owned).collect())
}

fn parent_of(pid: u32) -> Option<u32> {
    stat(pid)?.get(1)?.parse().ok()
}

fn name_of(pid: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/comm")).ok()
}

fn processor_seconds(pid: u32, with_reaped_children: bool) -> Option<f64> {
    let stat = stat(pid)?;
    let ticks = |index: usize| stat.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    let own = ticks(11) + ticks(12);
    let reaped = if with_reaped_children { ticks(13) + ticks(14) } else { 0.0 };
    Some((own + reaped) / TICKS)
}

//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// Measures InterviewRelay side by side with a peer and with the limits of the machine. Run it through `bench/run`.
#[derive(Clone, Debug, Parser)]
#[command(name = "relay-bench")]
pub struct Settings {
    /// What to measure; everything if nothing is named.
    #[arg(value_enum)]
    pub parts: Vec<Part>,
    /// Seconds per cell.
    #[arg(long, default_value_t = 6.0)]
    pub seconds: f64,
    /// Seconds per cell before anything counts.
    #[arg(long, default_value_t = 1.0)]
    pub warmup: f64,
    /// How often each cell is measured; the median counts.
    #[arg(long, default_value_t = 1)]
    pub rounds: usize,
    /// Rows of the large set.
    #[arg(long, default_value_t = 1_000_000)]
    pub rows: usize,
    /// Invites before a dead endpoint, in the feed and for the broker.
    #[arg(long, default_value_t = 1_000_000)]
    pub events: usize,
    /// Idle sessions.
    #[arg(long, default_value_t = 100_000)]
    pub sessions: usize,
    /// Kills per engine in the crash part.
    #[arg(long, default_value_t = 20)]
    pub kills: usize,
    /// Short cells, 20,000 rows, 100,000 events, 2,000 sessions, 3 kills: to see that everything works. Writes no RESULTS.md.
    #[arg(long)]
    pub quick: bool,
    /// The PostgreSQL server to measure on, which must be on this machine.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// The product's program.
    #[arg(long, default_value = "target/release/interview-relay")]
    pub server: PathBuf,
    /// The peer's program.
    #[arg(long, default_value = "bench/peer/target/release/relay-peer")]
    pub peer: PathBuf,
    /// Where data folders are made; the flush limit is measured here too.
    #[arg(long, default_value = "/var/tmp")]
    pub folder: PathBuf,
    /// Where the results go.
    #[arg(long, default_value = "bench/RESULTS.md")]
    pub results: PathBuf,
    /// Write the results although the run is short or not of everything.
    #[arg(long)]
    pub write: bool,
    /// A sentence for the top of the results, about the circumstances of this run.
    #[arg(long, default_value = "")]
    pub remark: String,
    /// Also sample the server's stacks during the invite cells (needs perf) and print where the time goes.
    #[arg(long)]
    pub profile: bool,
}

/// The parts of the bench, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Limits: flushes, raw inserts, hello world over HTTP.
    Limits,
    /// cqrs-es with postgres-es.
    Peer,
    /// Creating invites through the command path, in this process.
    Commands,
    /// Invites over HTTP, one by one and in bulk.
    Invites,
    /// Two server processes on one PostgreSQL.
    Nodes,
    /// List queries on few and on many rows; then start, memory and rebuild with the many.
    Lists,
    /// Whole interviews over HTTP.
    Interviews,
    /// Open sessions in which nobody says anything.
    Idle,
    /// Reading a long interview: transcript and PDF.
    Transcripts,
    /// Webhooks: how many, how soon, beside hanging ones, after a restart.
    Webhooks,
    /// A dead endpoint, the catch-up feed and RabbitMQ with many events.
    Events,
    /// Invites by mail.
    Mail,
    /// kill -9 of the server and of PostgreSQL.
    Crash,
}

impl Settings {
    /// From the command line.
    pub fn read() -> Self {
        let mut settings = Self::parse();
        if settings.quick {
            settings.seconds = settings.seconds.min(1.5);
            settings.warmup = settings.warmup.min(0.5);
            settings.rows = settings.rows.min(20_000);
            settings.events = settings.events.min(100_000);
            settings.sessions = settings.sessions.min(2_000);
            settings.kills = settings.kills.min(3);
        }
        settings
    }

    /// Whether this part was asked for.
    pub fn wants(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    /// Whether the run is one that RESULTS.md should keep.
    pub fn is_full(&self) -> bool {
        self.write || (self.parts.is_empty() && !self.quick)
    }

    /// Of a cell.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// Before a cell counts.
    pub fn warmup(&self) -> Duration {
        Duration::from_secs_f64(self.warmup)
    }
}

//! The table of ratios: what is held against which peer or limit, and what is to be reached.

use std::fmt;

/// A ratio of the table.
pub struct Goal {
    /// What it says.
    pub what: &'static str,
    /// The figure.
    pub of: &'static str,
    /// The peer or the limit.
    pub to: &'static str,
    /// What is to be reached; None where the ratio only tells.
    pub wanted: Option<Wanted>,
}

/// What a ratio is to reach.
#[derive(Clone, Copy)]
pub enum Wanted {
    /// More is better.
    AtLeast(f64),
    /// Less is better: times, memory.
    AtMost(f64),
}

impl Wanted {
    /// Whether this ratio does.
    pub fn is_reached(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(wanted) => ratio >= wanted,
            Self::AtMost(wanted) => ratio <= wanted,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(wanted) => write!(f, "≥ {wanted}"),
            Self::AtMost(wanted) => write!(f, "≤ {wanted}"),
        }
    }
}

const fn least(what: &'static str, of: &'static str, to: &'static str, ratio: f64) -> Goal {
    Goal { what, of, to, wanted: Some(Wanted::AtLeast(ratio)) }
}

const fn most(what: &'static str, of: &'static str, to: &'static str, ratio: f64) -> Goal {
    Goal { what, of, to, wanted: Some(Wanted::AtMost(ratio)) }
}

const fn share(what: &'static str, of: &'static str, to: &'static str) -> Goal {
    Goal { what, of, to, wanted: None }
}

/// The table. A cell's key is followed by `.p50` or `.p99` where a latency is meant; `=` begins a constant.
pub const GOALS: &[Goal] = &[
    least("CreateInvite, PostgreSQL, 1 client, to the peer", "command/postgres/c1", "peer/c1", 2.0),
    least("CreateInvite, PostgreSQL, 64 clients, to the peer", "command/postgres/c64", "peer/c64", 10.0),
    least("CreateInvite, PostgreSQL, 256 clients, to the peer", "command/postgres/c256", "peer/c256", 14.0),
    most("p99 at 64 clients, to the peer's p50", "command/postgres/c64.p99", "peer/c64.p50", 1.0),
    least("CreateInvite, PostgreSQL, 256 clients, to raw 100-row inserts", "command/postgres/c256", "raw/rows100", 0.5),
    least("CreateInvite, SQLite, 64 clients, to the peer on PostgreSQL", "command/sqlite/c64", "peer/c64", 20.0),
    most(
        "cost of random idempotency keys, SQLite, 64 clients: without keys to with them",
        "command/sqlite/c64/no-keys",
        "command/sqlite/c64",
        1.3,
    ),
    least("POST invites over HTTP, PostgreSQL, to hello world", "http/postgres/invite/key", "hello/c64", 0.25),
    least("POST invites over HTTP, SQLite, to hello world", "http/sqlite/invite/key", "hello/c64", 0.4),
    least("bulk of 500 over HTTP, PostgreSQL, to raw 500-row inserts", "http/postgres/bulk500", "raw/rows500", 0.3),
    least("bulk of 500 over HTTP, SQLite, to raw 500-row inserts", "http/sqlite/bulk500", "raw/rows500", 0.3),
    least("list, SQLite, many rows to few", "list/sqlite/many/plain", "list/sqlite/few/plain", 0.9),
    least("list, SQLite, status filter", "list/sqlite/many/status", "list/sqlite/few/status", 0.9),
    least("list, SQLite, email filter", "list/sqlite/many/email", "list/sqlite/few/email", 0.9),
    least("list, SQLite, ascending", "list/sqlite/many/ascending", "list/sqlite/few/ascending", 0.9),
    least(
        "list, SQLite, far page through after, to the first",
        "list/sqlite/many/deep",
        "list/sqlite/many/plain",
        0.95,
    ),
    least("list, PostgreSQL, many rows to few", "list/postgres/many/plain", "list/postgres/few/plain", 0.9),
    least("list, PostgreSQL, status filter", "list/postgres/many/status", "list/postgres/few/status", 0.9),
    least("list, PostgreSQL, email filter", "list/postgres/many/email", "list/postgres/few/email", 0.9),
    least("list, PostgreSQL, ascending", "list/postgres/many/ascending", "list/postgres/few/ascending", 0.9),
    least(
        "list, PostgreSQL, far page through after, to the first",
        "list/postgres/many/deep",
        "list/postgres/many/plain",
        0.95,
    ),
    least("two server processes on one PostgreSQL, to one", "nodes/two", "nodes/one", 1.0),
    most("rebuild, SQLite, to reading the rows once", "many/sqlite/rebuild", "many/sqlite/read", 4.0),
    most("rebuild, PostgreSQL, to reading the rows once", "many/postgres/rebuild", "many/postgres/read", 4.0),
    most("start to ready with many events, SQLite, to 0.5 s", "many/sqlite/start", "=0.5", 1.0),
    most("start to ready with many events, PostgreSQL, to 0.5 s", "many/postgres/start", "=0.5", 1.0),
    most("idle memory with many events, SQLite, to 50 MiB", "many/sqlite/idle", "=50", 1.0),
    most("idle memory with many events, PostgreSQL, to 50 MiB", "many/postgres/idle", "=50", 1.0),
    share(
        "requests of interviews, SQLite, 64 participants, to hello world",
        "interviews/sqlite/c64/requests",
        "hello/c64",
    ),
    share(
        "requests of interviews, PostgreSQL, 64 participants, to hello world",
        "interviews/postgres/c64/requests",
        "hello/c64",
    ),
    least("interviews, SQLite, 512 participants to 64", "interviews/sqlite/c512", "interviews/sqlite/c64", 0.9),
    least("interviews, PostgreSQL, 512 participants to 64", "interviews/postgres/c512", "interviews/postgres/c64", 0.9),
    most("p99 of an answer, SQLite, 64 participants, to 100 ms", "interviews/sqlite/c64.p99", "=100", 1.0),
    most("p99 of an answer, PostgreSQL, 64 participants, to 100 ms", "interviews/postgres/c64.p99", "=100", 1.0),
    most(
        "memory with idle sessions, SQLite, after another round of heartbeats to before",
        "idle/sqlite/after",
        "idle/sqlite/before",
        1.02,
    ),
    most(
        "memory with idle sessions, PostgreSQL, after another round of heartbeats to before",
        "idle/postgres/after",
        "idle/postgres/before",
        1.02,
    ),
    most("bytes per idle session, SQLite, to 2,048", "idle/sqlite/session", "=2048", 1.0),
    most("bytes per idle session, PostgreSQL, to 2,048", "idle/postgres/session", "=2048", 1.0),
    most("transcript of 1,000 utterances as JSON, SQLite, median to 20 ms", "transcript/sqlite/json.p50", "=20", 1.0),
    most(
        "transcript of 1,000 utterances as JSON, PostgreSQL, median to 20 ms",
        "transcript/postgres/json.p50",
        "=20",
        1.0,
    ),
    most("transcript of 1,000 utterances as PDF, SQLite, median to 1 s", "transcript/sqlite/pdf.p50", "=1000", 1.0),
    most(
        "transcript of 1,000 utterances as PDF, PostgreSQL, median to 1 s",
        "transcript/postgres/pdf.p50",
        "=1000",
        1.0,
    ),
    share("webhooks of a backlog, SQLite, 1 endpoint, to hello world", "webhooks/sqlite/drain1", "hello/c64"),
    share("webhooks of a backlog, SQLite, 16 endpoints, to hello world", "webhooks/sqlite/drain16", "hello/c64"),
    share("webhooks of a backlog, PostgreSQL, 1 endpoint, to hello world", "webhooks/postgres/drain1", "hello/c64"),
    share("webhooks of a backlog, PostgreSQL, 16 endpoints, to hello world", "webhooks/postgres/drain16", "hello/c64"),
    most("commit to receipt at 1,000 events/s, SQLite, p50 to 5 ms", "webhooks/sqlite/at1000.p50", "=5", 1.0),
    most("commit to receipt at 1,000 events/s, SQLite, p99 to 25 ms", "webhooks/sqlite/at1000.p99", "=25", 1.0),
    most("commit to receipt at 1,000 events/s, PostgreSQL, p50 to 5 ms", "webhooks/postgres/at1000.p50", "=5", 1.0),
    most("commit to receipt at 1,000 events/s, PostgreSQL, p99 to 25 ms", "webhooks/postgres/at1000.p99", "=25", 1.0),
    most(
        "p99 of 800 endpoints, SQLite, with 200 others hanging to without",
        "webhooks/sqlite/fifth-hangs.p99",
        "webhooks/sqlite/all-well.p99",
        2.0,
    ),
    most(
        "p99 of 800 endpoints, PostgreSQL, with 200 others hanging to without",
        "webhooks/postgres/fifth-hangs.p99",
        "webhooks/postgres/all-well.p99",
        2.0,
    ),
    most("restart to first delivery, SQLite, after SIGTERM, to 1 s", "webhooks/sqlite/restart", "=1", 1.0),
    most("restart to first delivery, SQLite, after kill -9, to 1 s", "webhooks/sqlite/restart-after-kill", "=1", 1.0),
    most("restart to first delivery, PostgreSQL, after SIGTERM, to 1 s", "webhooks/postgres/restart", "=1", 1.0),
    most(
        "restart to first delivery, PostgreSQL, after kill -9, to 1 s",
        "webhooks/postgres/restart-after-kill",
        "=1",
        1.0,
    ),
    most(
        "p99 beside a dead endpoint with everything before it, SQLite, to without",
        "events/sqlite/with-dead.p99",
        "events/sqlite/without-dead.p99",
        1.25,
    ),
    most(
        "memory with a dead endpoint with everything before it, SQLite, to without",
        "events/sqlite/with-dead/memory",
        "events/sqlite/without-dead/memory",
        1.1,
    ),
    most(
        "p99 beside a dead endpoint with everything before it, PostgreSQL, to without",
        "events/postgres/with-dead.p99",
        "events/postgres/without-dead.p99",
        1.25,
    ),
    most(
        "memory with a dead endpoint with everything before it, PostgreSQL, to without",
        "events/postgres/with-dead/memory",
        "events/postgres/without-dead/memory",
        1.1,
    ),
    least("catch-up feed, SQLite, 1 client, to 100,000 events/s", "feed/sqlite/c1", "=100000", 1.0),
    least("catch-up feed, SQLite, 4 clients, to 100,000 events/s", "feed/sqlite/c4", "=100000", 1.0),
    share("catch-up feed, SQLite, 1 client, to reading the rows once", "feed/sqlite/c1", "feed/sqlite/rows"),
    least("catch-up feed, PostgreSQL, 1 client, to 100,000 events/s", "feed/postgres/c1", "=100000", 1.0),
    least("catch-up feed, PostgreSQL, 4 clients, to 100,000 events/s", "feed/postgres/c4", "=100000", 1.0),
    share("catch-up feed, PostgreSQL, 1 client, to reading the rows once", "feed/postgres/c1", "feed/postgres/rows"),
    least("RabbitMQ with confirms, SQLite, to 20,000 events/s", "broker/sqlite", "=20000", 1.0),
    share("RabbitMQ with confirms, SQLite, to a bare publisher", "broker/sqlite", "broker/sqlite/bare"),
    least("RabbitMQ with confirms, PostgreSQL, to 20,000 events/s", "broker/postgres", "=20000", 1.0),
    share("RabbitMQ with confirms, PostgreSQL, to a bare publisher", "broker/postgres", "broker/postgres/bare"),
    share("mails by SMTP, SQLite, to a bare client", "mail/sqlite", "mail/bare"),
    share("mails by SMTP, PostgreSQL, to a bare client", "mail/postgres", "mail/bare"),
];

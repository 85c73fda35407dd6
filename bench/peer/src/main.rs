//! The peer: the same kind of command on cqrs-es and postgres-es, as their own documentation sets them up.
//!
//!     relay-peer DATABASE_URL CLIENTS SECONDS WARMUP_SECONDS POOL
//!
//! runs one closed-loop cell on an empty database and prints its result as one line of JSON. What a command costs here: the
//! stream is read, the event inserted (one transaction), the view read and written (another). No sealing, no leaf hash, no
//! idempotency record, no total order: the comparison gives all of these away.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::GenericQuery;
use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, View};
use postgres_es::{PostgresCqrs, PostgresViewRepository, postgres_cqrs};
use serde::{Deserialize, Serialize};
use sqlx::Executor;
use sqlx::postgres::PgPoolOptions;

/// The tables that postgres-es's documentation gives, unchanged but for the view's name.
const TABLES: &str = "
CREATE TABLE events
(
    aggregate_type text                         NOT NULL,
    aggregate_id   text                         NOT NULL,
    sequence       bigint CHECK (sequence >= 0) NOT NULL,
    event_type     text                         NOT NULL,
    event_version  text                         NOT NULL,
    payload        json                         NOT NULL,
    metadata       json                         NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);
CREATE TABLE invites
(
    view_id text                        NOT NULL,
    version bigint CHECK (version >= 0) NOT NULL,
    payload json                        NOT NULL,
    PRIMARY KEY (view_id)
);";

/// What an invite consists of, in command, event and view alike.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    campaign_id: String,
    email: String,
    name: String,
    expires_at: String,
    created_at: String,
    email_status: String,
    metadata: HashMap<String, String>,
}

struct CreateInvite(Details);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum InviteEvent {
    Created(Details),
}

impl DomainEvent for InviteEvent {
    fn event_type(&self) -> String {
        "InviteCreated".to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

#[derive(Debug)]
struct AlreadyThere;

impl std::fmt::Display for AlreadyThere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the invite is already there")
    }
}

impl std::error::Error for AlreadyThere {}

#[derive(Default, Serialize, Deserialize)]
struct Invite {
    details: Option<Details>,
}

impl Aggregate for Invite {
    const TYPE: &'static str = "invite";
    type Command = CreateInvite;
    type Event = InviteEvent;
    type Error = AlreadyThere;
    type Services = ();

    async fn handle(&mut self, command: CreateInvite, (): &(), sink: &EventSink<Self>) -> Result<(), AlreadyThere> {
        if self.details.is_some() {
            return Err(AlreadyThere);
        }
        sink.write(InviteEvent::Created(command.0), self).await;
        Ok(())
    }

    fn apply(&mut self, event: InviteEvent) {
        let InviteEvent::Created(details) = event;
        self.details = Some(details);
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct InviteView {
    id: String,
    status: String,
    #[serde(flatten)]
    details: Details,
}

impl View<Invite> for InviteView {
    fn update(&mut self, event: &EventEnvelope<Invite>) {
        let InviteEvent::Created(details) = &event.payload;
        self.id.clone_from(&event.aggregate_id);
        self.status = "pending".to_owned();
        self.details = details.clone();
    }
}

type Query = GenericQuery<PostgresViewRepository<InviteView, Invite>, InviteView, Invite>;

fn details(number: u64) -> Details {
    Details {
        campaign_id: "cam_01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        email: format!("participant-{number:012}@customers.example.com"),
        name: "Maria-Luise Mustermann-Beispiel".to_owned(),
        expires_at: "2030-01-22T10:30:00Z".to_owned(),
        created_at: "2030-01-15T10:30:00Z".to_owned(),
        email_status: "not_sent".to_owned(),
        metadata: HashMap::from([
            ("userId".to_owned(), format!("{number:012}")),
            ("segment".to_owned(), "enterprise, renewal due this quarter".to_owned()),
            ("source".to_owned(), "spring satisfaction survey, second wave, asked by the account team".to_owned()),
        ]),
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, clients, seconds, warmup, pool] = arguments.as_slice() else {
        panic!("usage: relay-peer DATABASE_URL CLIENTS SECONDS WARMUP_SECONDS POOL")
    };
    let number = |text: &str| text.parse::<f64>().expect("a number");
    let clients = number(clients) as usize;
    let pool = PgPoolOptions::new()
        .max_connections(number(pool) as u32)
        .acquire_timeout(Duration::from_secs(60))
        .connect(url)
        .await
        .expect("connect");
    pool.execute(TABLES).await.expect("create the tables");

    let views = Arc::new(PostgresViewRepository::<InviteView, Invite>::new("invites", pool.clone()));
    let mut query = Query::new(views);
    // Without a handler GenericQuery drops errors without a word.
    query.use_error_handler(Box::new(|error| panic!("the view was not written: {error}")));
    let cqrs: Arc<PostgresCqrs<Invite>> = Arc::new(postgres_cqrs(pool.clone(), vec![Box::new(query)], ()));

    let next = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let begin = Instant::now() + Duration::from_secs_f64(number(warmup));
    let workers: Vec<_> = (0..clients)
        .map(|_| {
            let (cqrs, next, stop) = (Arc::clone(&cqrs), Arc::clone(&next), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    // Time-ordered, as the product's own ids are.
                    let id = format!("inv_01890a5d-{number:016x}");
                    let sent = Instant::now();
                    cqrs.execute(&id, CreateInvite(details(number))).await.expect("an accepted command");
                    if sent >= begin {
                        latencies.push(sent.elapsed().as_nanos() as u64);
                    }
                }
                latencies
            })
        })
        .collect();
    tokio::time::sleep_until((begin + Duration::from_secs_f64(number(seconds))).into()).await;
    stop.store(true, Ordering::Relaxed);
    let took = begin.elapsed().as_secs_f64();
    let mut latencies = Vec::new();
    for worker in workers {
        latencies.extend(worker.await.expect("a client that did not panic"));
    }

    let stored: (i64, i64, f64) = sqlx::query_as(
        "SELECT (SELECT COUNT(*) FROM events), (SELECT COUNT(*) FROM invites),
                (SELECT AVG(LENGTH(payload::text))::float8 FROM events)",
    )
    .fetch_one(&pool)
    .await
    .expect("count what is stored");
    assert_eq!(stored.0, stored.1, "every event has its view");
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize] as f64 / 1e6;
    println!(
        "{}",
        serde_json::json!({
            "per_second": latencies.len() as f64 / took, "p50_ms": at(0.5), "p99_ms": at(0.99),
            "count": latencies.len(), "stored": stored.0, "event_bytes": stored.2,
        })
    );
}

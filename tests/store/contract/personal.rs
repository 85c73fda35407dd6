//! Guarantee 9: personal data is in the log as ciphertext only.

use std::sync::Arc;

use aggregates::{
    id::{CampaignId, Id as _, InviteId, OrganizationId},
    invite::{Invite, InviteCommand, InviteTerms, NewInviteInput},
    organization::{Organization, OrganizationCommand, Plan},
    value::Input,
};
use chrono::DateTime;
use futures_util::future::join_all;
use interview_relay::{
    clock::Clock,
    command::{Answer, Caller, Command, Commands, Stop, Work},
    http::IdempotencyRequest,
    store::{Location, Store, Value},
    trust::keys::Keys,
};
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    MASTER_KEY,
    engines::{Engine, on_both_engines, postgres_rows},
    postgres::Cluster,
};

const EMAIL: &str = "Canary.Address@Example.com";
const NAME: &str = "Canary Participant";
const METADATA: &str = "canary-metadata";
/// What must not be found, in lower case.
const CANARIES: [&str; 3] = ["canary.address", "canary participant", "canary-metadata"];

/// Tables whose rows may show personal data in clear; all of them can be rebuilt from the log.
const READ_MODELS: [&str; 12] = [
    "organizations",
    "api_keys",
    "projects",
    "scripts",
    "campaigns",
    "invites",
    "sessions",
    "files",
    "webhooks",
    "email_templates",
    "members",
    "counters",
];
/// All others.
const DURABLE: [&str; 19] = [
    "events",
    "log_head",
    "org_heads",
    "organization_keys",
    "subjects",
    "idempotency",
    "subscriptions",
    "parked",
    "timers",
    "api_key_uses",
    "heartbeats",
    "uploads",
    "webhook_endpoints",
    "webhook_replays",
    "webhook_deliveries",
    "webhook_attempts",
    "mails",
    "mail_rate",
    "acme",
];

struct Found;

impl Command for Found {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let organization_id = work.caller().organization;
        let name = "Org".to_owned();
        work.write(work.store().new_organization_key(&organization_id.to_string()));
        let create = OrganizationCommand::Create { organization_id, name, plan: Plan::Free, opening_credits: 0 };
        work.execute::<Organization>(organization_id, create)?;
        Ok(Answer::created(String::new(), ""))
    }
}

struct InvitePerson {
    email: String,
    campaign: u128,
}

impl Command for InvitePerson {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let body = json!({"email": self.email, "name": NAME, "metadata": {"note": METADATA}});
        let terms = InviteTerms { now: work.now(), expires_in: None, email_template: None };
        let invite = NewInviteInput::from_json(&body)?.validate(&terms)?;
        let invite_id: InviteId = work.new_id();
        let create = InviteCommand::Create {
            invite_id,
            organization_id: work.caller().organization,
            campaign_id: CampaignId::from_uuid(Uuid::from_u128(self.campaign)),
            invite,
            unique: true,
        };
        work.execute::<Invite>(invite_id, create)?;
        Ok(Answer::created(invite_id.to_string(), work.document::<Invite>(invite_id)?))
    }
}

/// Shows an invite as it comes out of the log.
struct Show(InviteId);

impl Command for Show {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Invite>(self.0).await?;
        Ok(Answer::ok(work.document::<Invite>(self.0)?))
    }
}

pub(super) fn commands(engine: &Engine, store: Store) -> Arc<Commands> {
    Arc::new(Commands::new(store, engine.clock.clone(), engine.keys.clone(), "https://relay.example".to_owned()))
}

fn caller() -> Caller {
    Caller {
        organization: OrganizationId::from_uuid(Uuid::from_u128(7)),
        actor: "key_1".to_owned(),
        request_id: "req_1".to_owned(),
    }
}

async fn run(commands: &Commands, command: &impl Command) -> Answer {
    commands.run(&caller(), None, command).await.expect("ran").result.expect("allowed")
}

async fn invite(commands: &Commands) -> InviteId {
    let key = IdempotencyRequest { key: "k".to_owned(), fingerprint: [0; 32] };
    let command = InvitePerson { email: EMAIL.to_owned(), campaign: 1 };
    let outcomes = commands.run(&caller(), Some(&key), &command).await.expect("ran");
    outcomes.result.expect("allowed").location.expect("a place").parse().expect("an invite's id")
}

fn assert_no_canary(place: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary} is in clear in {place}");
    }
}

fn assert_all_canaries(place: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    assert!(CANARIES.iter().all(|canary| text.contains(canary)), "{place} shows them, so that they would be found");
}

on_both_engines! {
    async fn no_durable_table_holds_personal_data_in_clear(engine: Engine) {
        let commands = commands(&engine, engine.store.clone());
        run(&commands, &Found).await;
        invite(&commands).await;
        let shown = engine.sql("SELECT doc FROM invites").await;
        assert_all_canaries("the read model", shown[0][0].text().as_bytes());
        for table in DURABLE {
            let rows = engine.sql(&format!("SELECT * FROM {table}")).await;
            assert!(!rows.is_empty() || !["events", "subjects", "idempotency"].contains(&table), "{table} has rows");
            for value in rows.into_iter().flatten() {
                match value {
                    Value::Text(text) => assert_no_canary(table, text.as_bytes()),
                    Value::Bytes(bytes) => assert_no_canary(table, &bytes),
                    _ => {}
                }
            }
        }
        // No table was left out above.
        let mut known: Vec<_> = READ_MODELS.iter().chain(&DURABLE).chain(&["schema_migrations"]).map(ToString::to_string).collect();
        known.sort();
        assert_eq!(engine.tables().await, known);
    }

    /// Everything that was sealed opens again on a node that knows nothing but the master key.
    async fn another_node_reads_the_person_back(engine: Engine) {
        let first = commands(&engine, engine.store.clone());
        run(&first, &Found).await;
        let id = invite(&first).await;
        let shown = run(&first, &Show(id)).await;
        let other = commands(&engine, engine.node().await);
        let read = run(&other, &Show(id)).await;
        assert_eq!(read, shown);
        assert!(read.body.contains(EMAIL) && read.body.contains(NAME) && read.body.contains(METADATA), "{}", read.body);
    }

    /// The log stays readable, and its hashes valid, when the person's key is gone.
    async fn without_the_key_the_person_is_gone_from_the_log(engine: Engine) {
        let first = commands(&engine, engine.store.clone());
        run(&first, &Found).await;
        let id = invite(&first).await;
        engine.sql("DELETE FROM subjects").await;
        let other = commands(&engine, engine.node().await);
        let read = run(&other, &Show(id)).await;
        assert_no_canary("the document", read.body.as_bytes());
        let document: serde_json::Value = serde_json::from_str(&read.body).expect("JSON");
        assert_eq!(document["email"], serde_json::Value::Null);
    }

    /// Two commands meet a person for the first time at once: one subject, one key.
    async fn a_person_who_appears_at_once_on_two_nodes_is_one_subject(engine: Engine) {
        let nodes = [commands(&engine, engine.store.clone()), commands(&engine, engine.node().await)];
        run(&nodes[0], &Found).await;
        for round in 0..5 {
            let attempts = (0..16).map(|i: usize| {
                let node = nodes[i % 2].clone();
                let spelling = if i.is_multiple_of(3) { "PERSON" } else { "person" };
                let email = format!("{spelling}{round}@example.com");
                tokio::spawn(async move { run(&node, &InvitePerson { email, campaign: i as u128 + 100 }).await })
            });
            for attempt in join_all(attempts).await {
                attempt.expect("a task");
            }
            assert_eq!(engine.number("SELECT COUNT(*) FROM subjects").await, round + 1);
        }
        assert_eq!(engine.number("SELECT COUNT(*) FROM invites").await, 80);
        let sql = "SELECT COUNT(DISTINCT subject_id) FROM events WHERE subject_id IN (SELECT id FROM subjects)";
        assert_eq!(engine.number(sql).await, 5);
        assert_eq!(engine.number("SELECT COUNT(*) FROM events WHERE type = 'invite.created' AND subject_id IS NULL").await, 0);
        // Every event opens under the key that was kept.
        let reader = commands(&engine, engine.node().await);
        for row in engine.sql("SELECT id FROM invites").await {
            let shown = run(&reader, &Show(row[0].text().parse().expect("an id"))).await;
            assert!(shown.body.to_lowercase().contains("@example.com"), "{}", shown.body);
        }
    }
}

/// The file itself, without the read models, byte by byte: no index and no hidden table has what no query shows.
#[tokio::test]
async fn the_sqlite_file_without_read_models_holds_no_personal_data() {
    let engine = Engine::sqlite("file").await;
    let commands = commands(&engine, engine.store.clone());
    run(&commands, &Found).await;
    invite(&commands).await;
    let file = engine.sqlite_file().expect("a file");
    let copy = file.with_extension("copy");
    engine.sql(&format!("VACUUM INTO '{}'", copy.display())).await;
    assert_all_canaries("the copy with read models", &std::fs::read(&copy).expect("read"));
    let connection = rusqlite::Connection::open(&copy).expect("open the copy");
    for table in READ_MODELS {
        connection.execute_batch(&format!("DROP TABLE {table}")).expect("drop");
    }
    connection.execute_batch("VACUUM").expect("vacuum");
    drop(connection);
    assert_no_canary("the file", &std::fs::read(&copy).expect("read"));
}

/// The same of PostgreSQL: each table's files, with its indexes and what it keeps out of line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_postgres_files_of_durable_tables_hold_no_personal_data() {
    let cluster = Cluster::start();
    let location = Location::Postgres(cluster.url());
    Store::migrate(location.clone()).await.expect("migrate");
    let keys = Arc::new(Keys::new(MASTER_KEY.into()));
    let (clock, _hands) = Clock::manual(DateTime::from_timestamp(1_780_000_000, 0).expect("a valid time"));
    let store = Store::open(location, keys.clone(), clock.clone(), 4).await.expect("open");
    let commands = Commands::new(store, clock, keys, "https://relay.example".to_owned());
    run(&commands, &Found).await;
    invite(&commands).await;
    // What is committed reaches the files with the next checkpoint.
    postgres_rows(&cluster.url(), "CHECKPOINT").await;
    let files = async |table: &str| {
        let sql = format!(
            "SELECT pg_relation_filepath(part) FROM (SELECT c.oid AS part FROM pg_class c WHERE c.oid = '{table}'::regclass
             UNION SELECT reltoastrelid FROM pg_class WHERE oid = '{table}'::regclass AND reltoastrelid <> 0
             UNION SELECT indexrelid FROM pg_index WHERE indrelid = '{table}'::regclass) AS parts"
        );
        let mut bytes = Vec::new();
        for row in postgres_rows(&cluster.url(), &sql).await {
            bytes.extend(std::fs::read(cluster.data().join(row[0].text())).expect("read"));
        }
        bytes
    };
    assert_all_canaries("the read model", &files("invites").await);
    for table in DURABLE {
        let bytes = files(table).await;
        assert!(
            table != "events" || bytes.windows(15).any(|part| part.starts_with(b"invite.created")),
            "the event is in these files"
        );
        assert_no_canary(table, &bytes);
    }
}

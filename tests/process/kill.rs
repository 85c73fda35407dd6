//! `kill -9` loses nothing that was acknowledged, and a retry with the same Idempotency-Key doubles nothing.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::support::{
    engines::{postgres_rows, sqlite_rows},
    postgres::Cluster,
    process::{Home, Server, on_both_homes},
};

const CLIENTS: usize = 64;
const ROUNDS: usize = 3;

/// Every request that was ever sent, by its Idempotency-Key, and the id that was acknowledged, kept outside of the
/// server.
type Journal = Mutex<BTreeMap<String, Option<String>>>;

struct Load {
    client: reqwest::Client,
    key: String,
    campaign: String,
    journal: Journal,
}

impl Load {
    /// Prepares a campaign to invite to.
    async fn prepare(server: &Server, key: String) -> Arc<Self> {
        crate::support::ring();
        let client = reqwest::Client::new();
        let post = async |path: &str, body: Value| -> Value {
            let request = client.post(format!("{}{path}", server.url)).bearer_auth(&key).json(&body);
            let answer = request.send().await.expect("send");
            let status = answer.status();
            let body: Value = answer.json().await.expect("JSON");
            assert!(status.is_success(), "{path}: {body}");
            body
        };
        let question = json!({"id": "q1", "text": "How was it?", "type": "open"});
        let script =
            post("/v1/scripts", json!({"name": "S", "systemPrompt": "Be kind.", "questions": [question]})).await;
        let script = script["id"].as_str().expect("an id");
        post(&format!("/v1/scripts/{script}/publish"), json!({})).await;
        let campaign = post("/v1/campaigns", json!({"name": "C", "scriptId": script})).await;
        let campaign = campaign["id"].as_str().expect("an id").to_owned();
        Arc::new(Self { client, key, campaign, journal: Journal::default() })
    }

    /// Sends one invite. `Some` is an acknowledgement.
    async fn invite(&self, url: &str, idempotency_key: &str) -> Option<String> {
        self.journal.lock().entry(idempotency_key.to_owned()).or_insert(None);
        let body = json!({"email": format!("{idempotency_key}@example.com"), "sendEmail": false});
        let request = self.client.post(format!("{url}/v1/campaigns/{}/invites", self.campaign));
        let request = request.bearer_auth(&self.key).header("Idempotency-Key", idempotency_key).json(&body);
        let answer = request.send().await.ok()?;
        match answer.status().as_u16() {
            201 => {}
            409 | 503 => return None,
            status => panic!("{status}: {}", answer.text().await.unwrap_or_default()),
        }
        let invite: Value = answer.json().await.ok()?;
        let id = invite["id"].as_str().expect("an id").to_owned();
        let before = self.journal.lock().insert(idempotency_key.to_owned(), Some(id.clone())).flatten();
        assert!(before.is_none_or(|before| before == id), "a retry was answered with another invite");
        Some(id)
    }

    /// Clients that send invites until one of them cannot, or until told to stop.
    async fn run(self: &Arc<Self>, url: &str, round: usize, stop: Arc<AtomicBool>, enough: Arc<AtomicUsize>) {
        let mut tasks = tokio::task::JoinSet::new();
        for client in 0..CLIENTS {
            let (load, url, stop, enough) = (self.clone(), url.to_owned(), stop.clone(), enough.clone());
            tasks.spawn(async move {
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    if load.invite(&url, &format!("r{round}-c{client}-n{n}")).await.is_none() {
                        return;
                    }
                    enough.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while tasks.join_next().await.transpose().expect("no client panics").is_some() {}
    }

    /// Repeats everything that was not acknowledged, with the same keys, until it is.
    async fn settle(&self, url: &str) {
        loop {
            let open: Vec<String> = {
                let journal = self.journal.lock();
                journal.iter().filter(|(_, id)| id.is_none()).map(|(key, _)| key.clone()).collect()
            };
            if open.is_empty() {
                return;
            }
            for key in open {
                self.invite(url, &key).await;
            }
        }
    }

    fn acknowledged(&self) -> HashSet<String> {
        self.journal.lock().values().flatten().cloned().collect()
    }
}

/// What the database holds, read past the program.
async fn rows(home: &Home, sql: &str) -> Vec<Vec<interview_relay::store::Value>> {
    match &home.database_url {
        Some(url) => postgres_rows(url, sql).await,
        None => sqlite_rows(&home.sqlite_file(), sql),
    }
}

async fn check(home: &Home, load: &Load) {
    let invites = rows(home, "SELECT stream_id FROM events WHERE type = 'invite.created'").await;
    let stored: HashSet<String> = invites.iter().map(|row| row[0].text().to_owned()).collect();
    assert_eq!(stored.len(), invites.len(), "a stream was created twice");
    assert_eq!(stored, load.acknowledged(), "what is stored is what was acknowledged, none lost and none doubled");
    assert_eq!(stored.len(), load.journal.lock().len(), "one invite per Idempotency-Key");
    let gapless = rows(home, "SELECT COUNT(*), MAX(position), MIN(position) FROM events").await;
    assert_eq!(gapless[0][0], gapless[0][1], "positions have gaps");
    assert_eq!(gapless[0][2].int(), 1);
    let said = home.succeed(&["projections", "verify"]);
    assert!(said.contains("replay equals live"), "{said}");
}

on_both_homes! {
    async fn killing_the_server_loses_nothing(home: Home) {
        let key = home.organization();
        let mut server = home.serve().await;
        let load = Load::prepare(&server, key).await;
        for round in 0..ROUNDS {
            let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
            let url = server.url.clone();
            let clients = load.run(&url, round, stop, acknowledged.clone());
            let killer = async {
                while acknowledged.load(Ordering::Relaxed) < 150 * (round + 1) {
                    tokio::task::yield_now().await;
                }
                server.kill9();
            };
            tokio::join!(clients, killer);
            server = home.serve().await;
            load.settle(&server.url).await;
        }
        check(&home, &load).await;
        assert!(server.terminate().success(), "SIGTERM ends the server in order");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_postgres_loses_nothing() {
    let mut cluster = Cluster::start();
    let home = Home::new(Some(cluster.url()));
    let key = home.organization();
    let server = home.serve().await;
    let load = Load::prepare(&server, key).await;
    for round in 0..ROUNDS {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let clients = load.run(&server.url, round, stop, acknowledged.clone());
        let killer = async {
            while acknowledged.load(Ordering::Relaxed) < 150 {
                tokio::task::yield_now().await;
            }
            cluster.kill9();
        };
        tokio::join!(clients, killer);
        cluster.restart();
        load.settle(&server.url).await;
    }
    check(&home, &load).await;
}

//! The real program, killed while deliveries are under way; and its database, restarted under it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    behaviour::{bomb, compressed},
    support::{Receiver, Reply, counts},
};
use crate::support::{
    engines::{postgres_rows, sqlite_rows},
    postgres::Cluster,
    process::{Home, Server, on_both_homes},
};

const EVENTS: usize = 60;
/// More connections to the database than a server has.
const CONNECTIONS: usize = 32;

struct Scene {
    client: reqwest::Client,
    key: String,
    campaign: String,
}

impl Scene {
    async fn post(&self, server: &Server, path: &str, body: Value) -> Value {
        let (status, body) = self.send(server, path, "", &body).await;
        assert!((200..300).contains(&status), "{path}: {body}");
        body
    }

    async fn send(&self, server: &Server, path: &str, idempotency_key: &str, body: &Value) -> (u16, Value) {
        let mut request = self.client.post(format!("{}{path}", server.url)).bearer_auth(&self.key).json(body);
        if !idempotency_key.is_empty() {
            request = request.header("Idempotency-Key", idempotency_key);
        }
        let answer = request.send().await.expect("send");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    async fn prepare(server: &Server, key: String, url: &str) -> Self {
        let mut scene = Self { client: reqwest::Client::new(), key, campaign: String::new() };
        let question = json!({"id": "q1", "text": "How was it?", "type": "open"});
        let script = json!({"name": "S", "systemPrompt": "Be kind.", "questions": [question]});
        let script = scene.post(server, "/v1/scripts", script).await;
        let script = script["id"].as_str().expect("an id");
        scene.post(server, &format!("/v1/scripts/{script}/publish"), json!({})).await;
        let campaign = scene.post(server, "/v1/campaigns", json!({"name": "C", "scriptId": script})).await;
        scene.campaign = campaign["id"].as_str().expect("an id").to_owned();
        scene.post(server, "/v1/webhooks", json!({"url": url, "eventTypes": ["invite.created"]})).await;
        scene
    }

    async fn invite(&self, server: &Server, round: usize) {
        let invites: Vec<Value> =
            (0..EVENTS).map(|n| json!({"email": format!("r{round}n{n}@example.com"), "sendEmail": false})).collect();
        let path = format!("/v1/campaigns/{}/invites/bulk", self.campaign);
        let body = json!({"invites": invites});
        // Connections that the database's end has cut are noticed by whoever uses them next, who is told 503 and repeats the
        // request under its key, as the contract has it. There are no more of them than this.
        for _ in 0..CONNECTIONS {
            match self.send(server, &path, &format!("round {round}"), &body).await {
                (201, _) => return,
                (503, _) => {}
                (status, answer) => panic!("{path}: {status} {answer}"),
            }
        }
        panic!("{path}: still not available");
    }
}

async fn column(home: &Home, sql: &str) -> BTreeSet<String> {
    let rows = match &home.database_url {
        Some(url) => postgres_rows(url, sql).await,
        None => sqlite_rows(&home.sqlite_file(), sql),
    };
    rows.into_iter().map(|row| row[0].text().to_owned()).collect()
}

const EXPECTED: &str = "SELECT event_id FROM events WHERE type = 'invite.created'";
const DELIVERED: &str = "SELECT event_id FROM webhook_deliveries WHERE status = 'delivered'";

/// Waits until everything has arrived; then a stop in order leaves it written down as delivered.
async fn delivered(home: &Home, receiver: &Receiver, server: &mut Server) {
    let expected = column(home, EXPECTED).await;
    receiver.wait_for_ids(&expected).await;
    assert!(server.terminate().success(), "SIGTERM ends the server in order");
    assert_eq!(column(home, DELIVERED).await, expected);
}

on_both_homes! {
    async fn killing_the_server_loses_no_delivery(home: Home) {
        let key = home.organization();
        let mut server = home.serve_with(&["--dev"]).await;
        let receiver = Receiver::good().await;
        let scene = Scene::prepare(&server, key, &receiver.url()).await;
        let mut known = BTreeSet::new();
        for round in 0..3 {
            let before = receiver.count();
            scene.invite(&server, round).await;
            receiver.wait(before + 10 * (round + 1)).await;
            server.kill9();
            known.extend(column(&home, DELIVERED).await);
            let at_death = receiver.count();
            server = home.serve_with(&["--dev"]).await;
            delivered(&home, &receiver, &mut server).await;
            let again = counts(&receiver.requests()[at_death..]);
            assert!(again.keys().all(|id| !known.contains(id)), "what was written down was sent again");
            server = home.serve_with(&["--dev"]).await;
        }
        let seen = counts(&receiver.requests());
        assert_eq!(seen.keys().cloned().collect::<BTreeSet<_>>(), column(&home, EXPECTED).await);
        assert!(seen.values().all(|n| *n <= 2), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_take_no_memory() {
    let home = Home::new(None);
    let key = home.organization();
    let mut server = home.serve_with(&["--dev"]).await;
    let answer = compressed(&bomb(512));
    let receiver = Receiver::start(move |_| Reply::Raw(answer.clone())).await;
    let scene = Scene::prepare(&server, key, &receiver.url()).await;
    scene.invite(&server, 0).await;
    receiver.wait_for_ids(&column(&home, EXPECTED).await).await;
    let peak = server.peak_memory();
    assert!(peak < 400, "{peak} MiB, for bombs of 512 MiB each");
    delivered(&home, &receiver, &mut server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarting_postgres_in_the_middle_loses_no_delivery() {
    let mut cluster = Cluster::start();
    let home = Home::new(Some(cluster.url()));
    let key = home.organization();
    let mut server = home.serve_with(&["--dev"]).await;
    let receiver = Receiver::good().await;
    let scene = Scene::prepare(&server, key, &receiver.url()).await;
    for round in 0..3 {
        let before = receiver.count();
        scene.invite(&server, round).await;
        receiver.wait(before + 5).await;
        cluster.kill9();
        cluster.restart();
        receiver.wait_for_ids(&column(&home, EXPECTED).await).await;
    }
    delivered(&home, &receiver, &mut server).await;
    let seen = counts(&receiver.requests());
    assert_eq!(seen.len(), 3 * EVENTS, "what was asked for again has happened once");
    assert_eq!(seen.keys().cloned().collect::<BTreeSet<_>>(), column(&home, EXPECTED).await);
    assert!(seen.values().all(|n| *n <= 2), "{seen:?}");
}

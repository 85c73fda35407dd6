//! Interviews through the real program, whose timers run by the machine's clock.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::process::{Server, on_both_homes};

/// Sends requests to a server, and insists on success.
pub(super) struct Client {
    pub http: reqwest::Client,
    pub url: String,
}

impl Client {
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Value {
        let answer = request.send().await.expect("send");
        let status = answer.status();
        let body: Value = answer.json().await.expect("JSON");
        assert!(status.is_success(), "{status}: {body}");
        body
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Value {
        self.send(self.http.post(format!("{}{path}", self.url)).bearer_auth(token).json(&body)).await
    }

    /// A session that somebody has just opened: the path of its routes, its token and its id.
    pub async fn session(&self, key: &str) -> (String, String, String) {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let question = json!({"id": "q1", "text": "How was it?", "type": "yes_no"});
        let body = json!({"name": "S", "systemPrompt": "Be kind.", "questions": [question]});
        let script = text(&self.post("/v1/scripts", key, body).await["id"]);
        self.post(&format!("/v1/scripts/{script}/publish"), key, json!({})).await;
        let campaign = text(&self.post("/v1/campaigns", key, json!({"name": "C", "scriptId": script})).await["id"]);
        let body = json!({"email": "ada@example.com", "sendEmail": false});
        let invite = self.post(&format!("/v1/campaigns/{campaign}/invites"), key, body).await;
        let link = format!("/v1/interview/{}/session", text(&invite["token"]));
        let opened = self.send(self.http.post(format!("{}{link}", self.url)).json(&json!({}))).await;
        (link, text(&opened["sessionToken"]), text(&opened["session"]["id"]))
    }

    /// Waits until the session stands where it is expected to.
    async fn wait_for(&self, session: &str, key: &str, status: &str) -> Value {
        let reached = async {
            loop {
                let found =
                    self.send(self.http.get(format!("{}/v1/sessions/{session}", self.url)).bearer_auth(key)).await;
                if found["status"] == json!(status) {
                    return found;
                }
                // Nobody tells a client when a timer fires.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), reached).await.unwrap_or_else(|_| panic!("never {status}"))
    }
}

on_both_homes! {
    async fn silence_pauses_and_a_long_pause_ends_an_interview(home: Home) {
        let settings = ["--heartbeat-timeout", "1s", "--pause-timeout", "10s"];
        let mut server: Server = home.serve_with(&settings).await;
        let key = home.organization();
        crate::support::ring();
        let mut client = Client { http: reqwest::Client::new(), url: server.url.clone() };
        let (link, token, session) = client.session(&key).await;
        let (token, session) = (token.as_str(), session.as_str());
        client.post(&format!("{link}/consent"), token, json!({"granted": true, "type": "all"})).await;
        client.post(&format!("{link}/start"), token, json!({})).await;

        let paused = client.wait_for(session, &key, "paused").await;
        assert_eq!(paused["pauseReason"], "heartbeat_lost");
        let alive = client.post(&format!("{link}/heartbeat"), token, json!({})).await;
        assert_eq!(alive, json!({"status": "in_progress", "nextHeartbeatIn": 1}));
        client.wait_for(session, &key, "paused").await;

        // The token still works on the program that comes after, and so do the timers.
        server.kill9();
        server = home.serve_with(&settings).await;
        client.url.clone_from(&server.url);
        client.send(client.http.get(format!("{}{link}/next", client.url)).bearer_auth(token)).await;
        let ended = client.wait_for(session, &key, "abandoned").await;
        assert_eq!(ended["endReason"], "pause_timeout");
        assert!(server.terminate().success());
    }
}

//! A participant, as the interview page sends requests: with the link's token and the session's, never with an API key.
#![allow(dead_code, reason = "shared by tests that each use a part of it")]

use reqwest::Method;
use serde_json::{Value, json};

use super::product::{Answered, Product};

/// Somebody with a link, and with a session token once the link was acted on.
pub struct Participant<'a> {
    product: &'a Product,
    /// The base URL of the node that is asked.
    pub url: String,
    /// The token of the link.
    pub link: String,
    /// The token of the session.
    pub token: String,
    /// The session's id.
    pub session: String,
    seq: u64,
}

impl<'a> Participant<'a> {
    /// Has a link, and has not acted on it.
    pub fn invited(product: &'a Product, invite: &Value) -> Self {
        let link = invite["token"].as_str().expect("a token").to_owned();
        let url = product.url.clone();
        Self { product, url, link, token: String::new(), session: String::new(), seq: 0 }
    }

    /// The same link, in another tab of the browser.
    pub fn other_tab(&self) -> Self {
        Self::invited(self.product, &json!({"token": self.link}))
    }

    /// Acts on the link of a new invite.
    pub async fn join(product: &'a Product, campaign: &str, email: &str) -> Self {
        let mut participant = Self::invited(product, &product.invite(campaign, email).await);
        participant.open().await.expect(201);
        participant
    }

    /// Has agreed to everything and started; answers what the start told.
    pub async fn begin(product: &'a Product, campaign: &str, email: &str) -> (Self, Value) {
        let participant = Self::join(product, campaign, email).await;
        participant.consent(true).await.expect(201);
        let started = participant.post("start", json!({})).await.expect(200);
        (participant, started)
    }

    fn path(&self, action: &str) -> String {
        let slash = if action.is_empty() { "" } else { "/" };
        format!("{}/v1/interview/{}/session{slash}{action}", self.url, self.link)
    }

    /// A request with the session's token.
    pub fn request(&self, method: Method, action: &str) -> reqwest::RequestBuilder {
        let request = self.product.client.request(method, self.path(action));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    /// Opens the link.
    pub async fn look(&self) -> Answered {
        self.product.send(self.product.client.get(format!("{}/v1/interview/{}", self.url, self.link))).await
    }

    /// Acts on the link, and keeps the tokens that this yields.
    pub async fn open(&mut self) -> Answered {
        let device = json!({"device": {"browser": "Chrome 120", "os": "macOS 14.2", "type": "desktop"}});
        let answer = self.product.send(self.product.client.post(self.path("")).json(&device)).await;
        if answer.status < 300 {
            let body = answer.json();
            self.token = body["sessionToken"].as_str().expect("a token").to_owned();
            self.session = body["session"]["id"].as_str().expect("an id").to_owned();
        }
        answer
    }

    /// POST to one of the session's routes.
    pub async fn post(&self, action: &str, body: Value) -> Answered {
        self.product.send(self.request(Method::POST, action).json(&body)).await
    }

    /// The current prompt.
    pub async fn next(&self) -> Answered {
        self.product.send(self.request(Method::GET, "next")).await
    }

    /// Agrees to everything, or to nothing.
    pub async fn consent(&self, granted: bool) -> Answered {
        self.post("consent", json!({"granted": granted, "type": "all"})).await
    }

    /// Answers a prompt with the next sequence number.
    pub async fn answer(&mut self, prompt: &Value, answer: Value) -> Answered {
        self.seq += 1;
        self.answer_as(self.seq, prompt, answer).await
    }

    /// Answers a prompt with a given sequence number.
    pub async fn answer_as(&self, seq: u64, prompt: &Value, answer: Value) -> Answered {
        let mut body = answer;
        body["promptId"] = prompt["id"].clone();
        body["seq"] = json!(seq);
        self.post("answers", body).await
    }

    /// Answers whatever is asked, to the end; answers the last turn.
    pub async fn finish(&mut self) -> Value {
        let mut turn = self.next().await.expect(200);
        for _ in 0..50 {
            if turn["done"] == json!(true) {
                return turn;
            }
            let answer = match turn["prompt"]["type"].as_str().expect("a type") {
                "open" => {
                    json!({"text": "It was a long and rather good experience with many helpful people, every time."})
                }
                "rating" => json!({"value": turn["prompt"]["scale"]["max"]}),
                "multiple_choice" => json!({"value": turn["prompt"]["options"][0]}),
                _ => json!({"value": true}),
            };
            let prompt = turn["prompt"].clone();
            self.seq = turn["nextSeq"].as_u64().expect("a number") - 1;
            turn = self.answer(&prompt, answer).await.expect(201);
        }
        panic!("the interview does not end: {turn}");
    }
}

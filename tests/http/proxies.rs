//! Where requests come from, behind proxies and without (`--trusted-proxies`).

use std::sync::Arc;

use interview_relay::http::{TrustedProxies, rate_limit::InProcess};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    engines::Engine,
    participant::Participant,
    product::{Product, Setup},
};

async fn product(trusted: &str) -> Product {
    let proxies = TrustedProxies::parse(trusted).expect("a list");
    let limiter = Arc::new(InProcess::default());
    Product::start_as(Engine::sqlite("proxies").await, Setup { proxies, limiter, ..Setup::default() }).await
}

/// What is left to somebody without a key whom a proxy names so.
async fn left(product: &Product, forwarded: &[&str]) -> i64 {
    let request = product.request(Method::GET, "/v1/projects", "nonsense");
    let request = forwarded.iter().fold(request, |request, line| request.header("X-Forwarded-For", *line));
    let answer = product.send(request).await;
    assert_eq!(answer.status, 401);
    answer.header("x-ratelimit-remaining").expect("a budget").parse().expect("a number")
}

/// The address in the record of a consent that a proxy has handed over.
async fn consent_from(product: &Product, forwarded: &str) -> Value {
    let campaign = product.campaign(json!({})).await;
    let ada = Participant::join(product, &campaign, "ada@example.com").await;
    let body = json!({"granted": true, "type": "all"});
    let request = ada.request(Method::POST, "consent").header("X-Forwarded-For", forwarded).json(&body);
    product.send(request).await.expect(201);
    product.get(&format!("/v1/sessions/{}/consents", ada.session)).await.expect(200)["data"][0]["ip"].clone()
}

#[tokio::test]
async fn a_trusted_proxy_says_who_asks() {
    let product = product("127.0.0.0/8, 10.0.0.0/8").await;
    let full = left(&product, &["198.51.100.1"]).await;
    assert_eq!(left(&product, &["198.51.100.1"]).await, full - 1);
    assert_eq!(left(&product, &["198.51.100.2"]).await, full, "another client behind the same proxy");
    // Whatever a client claims stands before its own address, on a line of its own too.
    assert_eq!(left(&product, &["203.0.113.9, 198.51.100.1"]).await, full - 2);
    assert_eq!(left(&product, &["203.0.113.8", "198.51.100.1, 10.0.0.7"]).await, full - 3);
    // Without a sensible word it is the proxy that asks.
    assert_eq!(left(&product, &[]).await, full);
    assert_eq!(left(&product, &["unknown"]).await, full - 1);
    assert_eq!(consent_from(&product, "203.0.113.9, 198.51.100.1").await, json!("198.51.100.1"));
    product.stop().await;
}

#[tokio::test]
async fn nobody_else_is_believed() {
    for trusted in ["", "10.0.0.0/8, 127.0.0.2"] {
        let product = product(trusted).await;
        let full = left(&product, &["198.51.100.1"]).await;
        assert_eq!(left(&product, &["198.51.100.2"]).await, full - 1);
        assert_eq!(left(&product, &[]).await, full - 2);
        assert_eq!(consent_from(&product, "198.51.100.1").await, json!("127.0.0.1"));
        product.stop().await;
    }
}

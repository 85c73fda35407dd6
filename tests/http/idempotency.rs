//! The `Idempotency-Key`, as a client of the API meets it.

use aggregates::organization::Plan;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{
    engines::on_both_engines,
    product::{Answered, Product, Setup, id},
};

const EVENTS: &str = "SELECT COUNT(*) FROM events";
const REPLIES: &str = "SELECT COUNT(*) FROM idempotency";

fn replayed(answer: &Answered) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

on_both_engines! {
    async fn the_same_request_has_one_effect_and_one_answer(engine: Engine) {
        let product = Product::start(engine).await;
        let body = json!({"name": "P"});
        let first = product.post_once("/v1/projects", "k-1", body.clone()).await;
        first.expect(201);
        assert!(!replayed(&first));
        let written = product.engine.number(EVENTS).await;
        for key in ["k-1", "\"k-1\""] {
            let again = product.post_once("/v1/projects", key, body.clone()).await;
            assert_eq!((again.status, &again.text), (201, &first.text), "{key}");
            assert!(replayed(&again), "{key}");
            assert_eq!(again.header("location"), first.header("location"));
            assert_eq!(again.header("etag"), first.header("etag"));
            assert!(again.header("x-ratelimit-remaining").is_some());
        }
        assert_eq!(product.engine.number(EVENTS).await, written);

        let other = product.post_once("/v1/projects", "k-1", json!({"name": "Q"})).await;
        assert_eq!(other.refused(422), "IDEMPOTENCY_KEY_REUSED");
        assert!(!replayed(&other));
        let elsewhere = product.post_once("/v1/campaigns", "k-1", body.clone()).await;
        assert_eq!(elsewhere.refused(422), "IDEMPOTENCY_KEY_REUSED", "another path is another request");
        assert_eq!(product.engine.number(EVENTS).await, written);

        let stranger = product.other_organization().await;
        let request = product.request(reqwest::Method::POST, "/v1/projects", &stranger);
        let theirs = product.send(request.header("Idempotency-Key", "k-1").json(&body)).await;
        assert_ne!(id(&theirs.expect(201)), id(&first.json()), "a key belongs to one organization");
        assert!(!replayed(&theirs));
    }

    async fn at_the_same_time_too_there_is_one_effect(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let path = format!("/v1/campaigns/{campaign}/invites");
        let body = json!({"email": "ada@example.com"});
        let answers = join_all((0..16).map(|_| product.post_once(&path, "k", body.clone()))).await;
        let fresh: Vec<_> = answers.iter().filter(|answer| answer.status == 201 && !replayed(answer)).collect();
        assert_eq!(fresh.len(), 1);
        for answer in &answers {
            match answer.status {
                201 => assert_eq!(answer.text, fresh[0].text),
                _ => {
                    assert_eq!(answer.refused(409), "IDEMPOTENCY_IN_PROGRESS");
                    assert!(answer.header("retry-after").is_some());
                }
            }
        }
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM events WHERE type = 'invite.created'").await, 1);
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM invites").await, 1);
    }

    async fn refusals_are_remembered_but_malformed_requests_are_not(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let invites = format!("/v1/campaigns/{campaign}/invites");
        product.post(&format!("/v1/campaigns/{campaign}/pause"), json!({})).await.expect(200);
        let body = json!({"email": "ada@example.com"});
        let refused = product.post_once(&invites, "paused", body.clone()).await;
        assert_eq!(refused.refused(409), "CAMPAIGN_NOT_ACTIVE");
        product.post(&format!("/v1/campaigns/{campaign}/resume"), json!({})).await.expect(200);
        let again = product.post_once(&invites, "paused", body.clone()).await;
        assert_eq!(again.refused(409), "CAMPAIGN_NOT_ACTIVE");
        assert!(replayed(&again));
        assert_eq!(again.json()["error"]["requestId"], refused.json()["error"]["requestId"]);
        assert_ne!(again.header("x-request-id"), refused.header("x-request-id"));
        let invalid = json!({"email": "nobody"});
        product.post_once(&invites, "invalid", invalid.clone()).await.expect(422);
        let again = product.post_once(&invites, "invalid", invalid).await;
        assert!(again.status == 422 && replayed(&again), "{}", again.text);

        let kept = product.engine.number(REPLIES).await;
        for _ in 0..2 {
            let malformed = product.post_once(&invites, "malformed", json!({"email": 1})).await;
            assert!(malformed.status == 400 && !replayed(&malformed));
        }
        assert_eq!(product.engine.number(REPLIES).await, kept);
        product.post_once(&invites, "malformed", body).await.expect(201);

        let invite = id(&product.invite(&campaign, "bob@example.com").await);
        let resend = format!("/v1/invites/{invite}/resend");
        product.post(&resend, json!({})).await.expect(200);
        product.post_once(&resend, "resend", json!({})).await.expect(429);
        product.engine.hands.advance(TimeDelta::minutes(1));
        let later = product.post_once(&resend, "resend", json!({})).await;
        assert!(later.status == 200 && !replayed(&later), "a 429 is not remembered: {}", later.text);
    }

    async fn an_answer_is_remembered_for_a_day(engine: Engine) {
        let product = Product::start(engine).await;
        let body = json!({"name": "P"});
        let first = product.post_once("/v1/projects", "k", body.clone()).await.expect(201);
        product.engine.hands.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
        let again = product.post_once("/v1/projects", "k", body.clone()).await;
        assert_eq!(again.expect(201), first);
        assert!(replayed(&again));
        product.engine.hands.advance(TimeDelta::seconds(1));
        let anew = product.post_once("/v1/projects", "k", json!({"name": "Q"})).await;
        assert!(!replayed(&anew));
        assert_ne!(id(&anew.expect(201)), id(&first));
    }

    async fn a_remembered_answer_does_not_spend_credits_again(engine: Engine) {
        let product = Product::start_as(engine, Setup { plan: Plan::Free, credits: 0, ..Setup::default() }).await;
        let campaign = product.campaign(json!({})).await;
        let path = format!("/v1/campaigns/{campaign}/invites");
        let body = json!({"email": "ada@example.com"});
        let poor = product.post_once(&path, "k", body.clone()).await;
        assert_eq!(poor.refused(402), "INSUFFICIENT_CREDITS");
        let again = product.post_once(&path, "k", body).await;
        assert!(again.status == 402 && replayed(&again));
    }

    async fn a_new_api_key_is_told_again_and_kept_sealed(engine: Engine) {
        let product = Product::start(engine).await;
        let body = json!({"name": "K", "scopes": ["campaigns:read"]});
        let first = product.post_once("/v1/api-keys", "k", body.clone()).await;
        let secret = first.expect(201)["key"].as_str().expect("a key").to_owned();
        let again = product.post_once("/v1/api-keys", "k", body).await;
        assert!(replayed(&again));
        assert_eq!(again.expect(201)["key"], json!(secret));
        product.send(product.request(reqwest::Method::GET, "/v1/campaigns", &secret)).await.expect(200);

        let replies = product.engine.sql("SELECT reply FROM idempotency").await;
        assert_eq!(replies.len(), 1);
        let reply = replies[0][0].clone().into_bytes().expect("bytes");
        let contains = |needle: &[u8]| reply.windows(needle.len()).any(|window| window == needle);
        assert!(!contains(secret.as_bytes()) && !contains(b"ir_live_") && !contains(b"campaigns:read"));
        if let Some(file) = product.engine.sqlite_file() {
            for name in [file.clone(), file.with_extension("db-wal")] {
                let bytes = std::fs::read(&name).unwrap_or_default();
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "the secret stands in {}", name.display());
            }
        }
    }
}

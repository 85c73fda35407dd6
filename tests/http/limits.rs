//! Rate limits as clients see them (contract 12), counted by the clock that tests move.

use aggregates::organization::Plan;
use chrono::{TimeDelta, Timelike};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    product::{Answered, Product},
};

fn number(answer: &Answered, name: &str) -> i64 {
    answer.header(name).unwrap_or_else(|| panic!("{name} is missing on {}", answer.status)).parse().expect("a number")
}

/// Limit, remaining and reset.
fn budget(answer: &Answered) -> (i64, i64, i64) {
    let header = |name: &str| number(answer, &format!("x-ratelimit-{name}"));
    (header("limit"), header("remaining"), header("reset"))
}

on_both_engines! {
    async fn every_answer_tells_the_budget_and_the_window_moves_with_the_clock(engine: Engine) {
        let product = Product::start_limited(engine, Plan::Free).await;
        let now = product.engine.clock.now();
        let reset = now.timestamp() - i64::from(now.second()) + 60;
        let first = product.get("/v1/projects").await;
        assert_eq!(first.status, 200);
        assert_eq!(budget(&first), (60, 59, reset));

        // Whatever comes of a request, it counts and says so.
        let created = product.post("/v1/projects", json!({"name": "P"})).await;
        let errors = [
            (created, 201),
            (product.get("/v1/projects/prj_nothing").await, 404),
            (product.get("/v1/nothing").await, 404),
            (product.get("/v1/projects?limit=0").await, 400),
            (product.post("/v1/projects", json!({})).await, 400),
            (product.post("/v1/projects", json!({"name": ""})).await, 422),
            (product.delete("/v1/projects").await, 405),
        ];
        let mut remaining = 59;
        for (answer, status) in errors {
            remaining -= 1;
            assert_eq!(answer.status, status, "{}", answer.text);
            assert_eq!(budget(&answer), (60, remaining, reset), "{status}");
        }
        while remaining > 0 {
            remaining -= 1;
            assert_eq!(budget(&product.get("/v1/projects").await), (60, remaining, reset));
        }

        let events = product.engine.number("SELECT position FROM log_head").await;
        for _ in 0..2 {
            let refused = product.post("/v1/projects", json!({"name": "too much"})).await;
            assert_eq!(refused.refused(429), "RATE_LIMITED");
            assert_eq!(budget(&refused), (60, 0, reset));
            let after = number(&refused, "retry-after");
            assert_eq!(after, reset - now.timestamp());
            assert_eq!(refused.json()["error"]["retryAfter"], json!(after));
        }
        assert_eq!(product.engine.number("SELECT position FROM log_head").await, events, "nothing was done");
        // The limit goes before the scope and the resource, but after the key.
        assert_eq!(product.get("/v1/projects/prj_nothing").await.status, 429);

        product.engine.hands.advance(TimeDelta::seconds(reset - now.timestamp() - 1));
        let refused = product.get("/v1/projects").await;
        assert_eq!((refused.status, number(&refused, "retry-after")), (429, 1));
        product.engine.hands.advance(TimeDelta::seconds(1));
        let fresh = product.get("/v1/projects").await;
        assert_eq!((fresh.status, budget(&fresh)), (200, (60, 59, reset + 60)));
        product.stop().await;
    }

    async fn keys_have_budgets_of_their_own_and_a_replay_has_fresh_headers(engine: Engine) {
        let product = Product::start_limited(engine, Plan::Free).await;
        let other = product.post("/v1/api-keys", json!({"name": "K", "scopes": ["projects:read"]})).await.expect(201);
        let other = other["key"].as_str().expect("a key").to_owned();
        let (first, again) = (
            product.post_once("/v1/projects", "once", json!({"name": "P"})).await,
            product.post_once("/v1/projects", "once", json!({"name": "P"})).await,
        );
        assert_eq!((budget(&first).1, budget(&again).1), (58, 57));
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
        assert_eq!(first.json(), again.json());
        while product.get("/v1/projects").await.status == 200 {}
        // A refusal is not remembered under the key: the same request works in the next window.
        assert_eq!(product.post_once("/v1/projects", "late", json!({"name": "L"})).await.status, 429);
        let read = product.send(product.request(Method::GET, "/v1/projects", &other)).await;
        assert_eq!((read.status, budget(&read).1), (200, 59));
        let forbidden = product.request(Method::POST, "/v1/projects", &other).json(&json!({"name": "x"}));
        let forbidden = product.send(forbidden).await;
        assert_eq!((forbidden.refused(403).as_str(), budget(&forbidden).1), ("INSUFFICIENT_PERMISSIONS", 58));
        product.engine.hands.advance(TimeDelta::seconds(60));
        let late = product.post_once("/v1/projects", "late", json!({"name": "L"})).await;
        assert_eq!((late.status, late.header("idempotent-replayed")), (201, None));
        product.stop().await;
    }

    async fn who_has_no_key_is_counted_by_address(engine: Engine) {
        let product = Product::start_limited(engine, Plan::Free).await;
        let mut last: Option<i64> = None;
        for (i, key) in ["nonsense", "ir_live_x", "ir_live_y"].iter().enumerate() {
            let answer = product.send(product.request(Method::GET, "/v1/projects", key)).await;
            assert_eq!(answer.refused(401), "INVALID_API_KEY");
            let (limit, remaining, _) = budget(&answer);
            assert_eq!(remaining, limit - 1 - i64::try_from(i).expect("small"), "different keys, one address");
            last = Some(remaining);
        }
        for _ in 0..last.expect("asked") {
            let answer = product.send(product.request(Method::GET, "/v1/projects", "nonsense")).await;
            assert_eq!(answer.status, 401);
        }
        let refused = product.send(product.request(Method::GET, "/v1/projects", "nonsense")).await;
        assert_eq!(refused.refused(429), "RATE_LIMITED");
        assert_eq!(refused.json()["error"]["retryAfter"], json!(number(&refused, "retry-after")));
        // Someone else's guessing behind the same address does not stop a valid key.
        let ours = product.get("/v1/projects").await;
        assert_eq!((ours.status, budget(&ours).1), (200, 59));
        assert_ne!(ours.json()["data"], Value::Null);
        product.stop().await;
    }
}

//! API keys: shown once, kept as a hash, narrow, mortal and revocable at once on every node (contract 5, 36, 51).

use std::sync::Arc;

use chrono::{SecondsFormat, TimeDelta};
use interview_relay::{
    http::{Authenticator, key_auth::StoredKeys},
    reactors::upkeep::KeyUses,
    store::Value as Stored,
    trust::secret_key,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    product::{Answered, Product, id},
};

/// Whether a text stands anywhere in the tables.
async fn stored_anywhere(product: &Product, text: &str) -> bool {
    for table in product.engine.tables().await {
        for value in product.engine.sql(&format!("SELECT * FROM {table}")).await.into_iter().flatten() {
            let found = match value {
                Stored::Text(stored) => stored.contains(text),
                Stored::Bytes(stored) => stored.windows(text.len()).any(|window| window == text.as_bytes()),
                _ => false,
            };
            if found {
                return true;
            }
        }
    }
    false
}

async fn get(product: &Product, path: &str, key: &str) -> Answered {
    product.send(product.request(Method::GET, path, key)).await
}

async fn make(product: &Product, body: Value) -> (String, String) {
    let answer = product.post("/v1/api-keys", body).await.expect(201);
    (id(&answer), answer["key"].as_str().expect("a key").to_owned())
}

on_both_engines! {
    async fn a_key_is_shown_once_and_only_its_hash_is_kept(engine: Engine) {
        let product = Product::start(engine).await;
        let body = json!({"name": "CI", "scopes": ["campaigns:read", "invites:write"]});
        let created = product.post_once("/v1/api-keys", "make-key", body.clone()).await;
        let document = created.expect(201);
        let id = id(&document);
        assert!(id.starts_with("key_"));
        assert_eq!(created.header("location"), Some(format!("/v1/api-keys/{id}").as_str()));
        let key = document["key"].as_str().expect("a key").to_owned();
        let body_of_key = key.strip_prefix("ir_live_").expect("the prefix");
        assert_eq!(body_of_key.len(), 36);
        assert!(body_of_key.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        // The last six are the CRC-32 of the thirty before, in base 62 (digits, capitals, small letters).
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            _ => byte - b'a' + 36,
        };
        let check = body_of_key[30..].bytes().fold(0_u64, |sum, byte| sum * 62 + u64::from(digit(byte)));
        assert_eq!(check, u64::from(crc32fast::hash(&body_of_key.as_bytes()[..30])));
        assert_eq!(document["lastFour"], json!(&key[key.len() - 4..]));
        let nulls = ["expiresAt", "revokedAt", "lastUsedAt"];
        assert!(nulls.iter().all(|name| document.get(name) == Some(&Value::Null)), "{document}");

        // A repetition answers the key again, from where it is sealed; nothing in the tables gives it away.
        let again = product.post_once("/v1/api-keys", "make-key", body).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
        assert_eq!(again.json(), document);
        assert!(!stored_anywhere(&product, &key).await);
        assert!(!stored_anywhere(&product, &body_of_key[..30]).await);
        assert!(!stored_anywhere(&product, &product.key).await);
        let hash = secret_key::hash(&key);
        let sql = format!("SELECT COUNT(*) FROM api_keys WHERE key_hash = '{hash}' AND id = '{id}'");
        assert_eq!(product.engine.number(&sql).await, 1);

        let page = product.get("/v1/api-keys").await;
        let listed = page.expect(200);
        assert_eq!(listed["pagination"]["total"], 2);
        assert!(!page.text.contains(&key) && !page.text.contains(&hash) && !page.text.contains("\"key\""));
        let ours = listed["data"].as_array().expect("a list").iter().find(|item| item["id"] == json!(id));
        assert_eq!(ours.expect("listed")["scopes"], document["scopes"]);
        product.stop().await;
    }

    async fn scopes_are_narrow_and_none_grows_beyond_its_maker(engine: Engine) {
        let product = Product::start(engine).await;
        let scopes = json!(["api_keys:write", "campaigns:write"]);
        let (_, key) = make(&product, json!({"name": "Maker", "scopes": scopes})).await;
        let post = async |scopes: Value| {
            let body = json!({"name": "Child", "scopes": scopes});
            product.send(product.request(Method::POST, "/v1/api-keys", &key).json(&body)).await
        };
        // Write implies read, and campaigns grant scripts and projects.
        for granted in ["campaigns:read", "scripts:write", "projects:read", "api_keys:read"] {
            post(json!([granted])).await.expect(201);
        }
        let refused = post(json!(["campaigns:read", "invites:read"])).await;
        assert_eq!(refused.refused(422), "VALIDATION_ERROR");
        assert_eq!(refused.fields(), [("scopes".to_owned(), "not_granted".to_owned())]);
        let unknown = post(json!(["campaigns:read", "nonsense", "admin:*"])).await;
        assert_eq!(unknown.refused(422), "VALIDATION_ERROR");
        let field = |i: usize| (format!("scopes[{i}]"), "invalid_enum".to_owned());
        assert_eq!(unknown.fields(), [field(1), field(2)]);
        assert_eq!(post(json!([])).await.fields(), [("scopes".to_owned(), "too_few".to_owned())]);
        assert_eq!(post(json!("campaigns:read")).await.refused(400), "INVALID_REQUEST");

        let (_, reader) = make(&product, json!({"name": "Reader", "scopes": ["projects:read"]})).await;
        assert_eq!(get(&product, "/v1/projects", &reader).await.status, 200);
        for path in ["/v1/campaigns", "/v1/scripts", "/v1/api-keys"] {
            assert_eq!(get(&product, path, &reader).await.refused(403), "INSUFFICIENT_PERMISSIONS", "{path}");
        }
        let write = product.request(Method::POST, "/v1/projects", &reader).json(&json!({"name": "P"}));
        let write = product.send(write).await;
        assert_eq!(write.refused(403), "INSUFFICIENT_PERMISSIONS");
        assert_eq!(write.json()["error"]["details"]["requiredScope"], "projects:write");
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM projects").await, 0);
        product.stop().await;
    }

    async fn a_key_expires_by_the_clock(engine: Engine) {
        let product = Product::start(engine).await;
        let at = |seconds| {
            let time = product.engine.clock.now() + TimeDelta::seconds(seconds);
            time.to_rfc3339_opts(SecondsFormat::Secs, true)
        };
        let body = |end: String| json!({"name": "Brief", "scopes": ["projects:read"], "expiresAt": end});
        for past in [0, -60] {
            let refused = product.post("/v1/api-keys", body(at(past))).await;
            assert_eq!(refused.refused(422), "VALIDATION_ERROR");
            assert_eq!(refused.fields(), [("expiresAt".to_owned(), "in_the_past".to_owned())]);
        }
        let refused = product.post("/v1/api-keys", body("tomorrow".to_owned())).await;
        assert_eq!((refused.status, refused.fields()[0].1.as_str()), (422, "invalid_format"));
        let end = at(60);
        let created = product.post("/v1/api-keys", body(end.clone())).await.expect(201);
        assert_eq!(created["expiresAt"], json!(end));
        let key = created["key"].as_str().expect("a key");
        assert_eq!(get(&product, "/v1/projects", key).await.status, 200);
        product.engine.hands.advance(TimeDelta::seconds(59));
        assert_eq!(get(&product, "/v1/projects", key).await.status, 200);
        product.engine.hands.advance(TimeDelta::seconds(1));
        assert_eq!(get(&product, "/v1/projects", key).await.refused(401), "INVALID_API_KEY");
        product.stop().await;
    }

    async fn a_revocation_works_at_once_on_every_node(engine: Engine) {
        let product = Product::start(engine).await;
        let (id, key) = make(&product, json!({"name": "K", "scopes": ["projects:read"]})).await;
        // What another node would ask: its own store, its own lookup. SQLite has but one node, yet the same holds.
        let node = product.engine.node().await;
        let other = StoredKeys::new(node, product.engine.clock.clone(), Arc::new(KeyUses::default()));
        assert!(other.authenticate(&key).await.expect("asked").is_some());
        assert_eq!(get(&product, "/v1/projects", &key).await.status, 200);
        let revoked = product.delete(&format!("/v1/api-keys/{id}")).await;
        assert_eq!((revoked.status, revoked.text.as_str()), (204, ""));
        assert!(other.authenticate(&key).await.expect("asked").is_none());
        assert_eq!(get(&product, "/v1/projects", &key).await.refused(401), "INVALID_API_KEY");
        let listed = product.get("/v1/api-keys").await.expect(200);
        let ours = listed["data"].as_array().expect("a list").iter().find(|item| item["id"] == json!(id)).cloned();
        let ours = ours.expect("still listed");
        assert!(ours["revokedAt"].is_string());
        assert_eq!(product.get(&format!("/v1/api-keys/{id}")).await.expect(200), ours);
        let sql = "SELECT COUNT(*) FROM events WHERE type = 'api_key.revoked'";
        product.delete(&format!("/v1/api-keys/{id}")).await;
        assert_eq!(product.engine.number(sql).await, 1, "once");
        product.stop().await;
    }

    async fn the_last_use_is_shown(engine: Engine) {
        let product = Product::start(engine).await;
        let (id, key) = make(&product, json!({"name": "K", "scopes": ["projects:read"]})).await;
        let last_used = async || {
            let page = product.get("/v1/api-keys").await.expect(200);
            let ours = page["data"].as_array().expect("a list").iter().find(|item| item["id"] == json!(id)).cloned();
            ours.expect("listed")["lastUsedAt"].clone()
        };
        let events = product.engine.number("SELECT position FROM log_head").await;
        product.upkeep().await;
        assert_eq!(last_used().await, Value::Null);
        for _ in 0..2 {
            product.engine.hands.advance(TimeDelta::seconds(90));
            assert_eq!(get(&product, "/v1/projects", &key).await.status, 200);
            product.upkeep().await;
            let now = product.engine.clock.now().to_rfc3339_opts(SecondsFormat::Secs, true);
            assert_eq!(last_used().await, json!(now));
            let shown = product.get(&format!("/v1/api-keys/{id}")).await;
            assert_eq!(shown.header("cache-control"), Some("no-store"), "its last use changes without a version");
            assert_eq!(shown.expect(200)["lastUsedAt"], json!(now));
        }
        assert_eq!(product.engine.number("SELECT position FROM log_head").await, events, "a use is no event");
        product.stop().await;
    }

    async fn a_malformed_key_is_refused_without_the_database(engine: Engine) {
        let product = Product::start(engine).await;
        let good = secret_key::generate().to_string();
        let mut typo = good.clone().into_bytes();
        typo[20] = if typo[20] == b'a' { b'b' } else { b'a' };
        let typo = String::from_utf8(typo).expect("ascii");
        // Without the tables, whoever asks the database fails.
        product.engine.sql("ALTER TABLE api_keys RENAME TO api_keys_hidden").await;
        for malformed in [typo.as_str(), "ir_live_", "ir_test_x", "x", &good[..43], &format!("{good}0")] {
            let answer = get(&product, "/v1/projects", malformed).await;
            assert_eq!(answer.refused(401), "INVALID_API_KEY", "{malformed}");
            assert!(!answer.text.contains(malformed) || malformed.len() < 9, "no key in an answer");
        }
        let asked = get(&product, "/v1/projects", &good).await;
        assert!(asked.status >= 500, "a well-formed key is looked up: {}", asked.text);
        product.engine.sql("ALTER TABLE api_keys_hidden RENAME TO api_keys").await;
        assert_eq!(get(&product, "/v1/projects", &good).await.refused(401), "INVALID_API_KEY");
        product.stop().await;
    }
}

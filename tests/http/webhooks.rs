//! `/v1/webhooks`: documents, checks, secrets (contract 41, 51, 56).

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
};

fn field(name: &str, code: &str) -> (String, String) {
    (name.to_owned(), code.to_owned())
}

on_both_engines! {
    async fn a_webhook_is_created_changed_listed_and_deleted(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let project = id(&product.post("/v1/projects", json!({"name": "P"})).await.expect(201));
        let body = json!({
            "url": "https://example.com/hook?a=b", "eventTypes": ["invite.*", "campaign.paused"], "description": "Ours",
            "headers": {"Authorization": "Bearer top-secret", "x-b": "2"}, "campaignId": campaign, "projectId": project,
            "ordered": true, "notifyEmail": "Ops@Example.com",
        });
        let created = product.post("/v1/webhooks", body).await;
        let mut document = created.expect(201);
        let id = id(&document);
        assert!(id.starts_with("whk_"));
        assert_eq!(created.header("location"), Some(format!("/v1/webhooks/{id}").as_str()));
        let secret = document.as_object_mut().expect("an object").remove("secret").expect("a secret");
        let secret = secret.as_str().expect("a text");
        assert!(secret.starts_with("whsec_") && secret.len() == 6 + 44, "{secret}");
        let expected = json!({
            "id": id, "url": "https://example.com/hook?a=b", "eventTypes": ["invite.*", "campaign.paused"],
            "description": "Ours", "headerNames": ["authorization", "x-b"], "campaignId": campaign,
            "projectId": project, "ordered": true, "notifyEmail": "Ops@Example.com", "status": "enabled",
            "disabledReason": null, "disabledAt": null, "previousSecretValidUntil": null,
            "createdAt": document["createdAt"], "updatedAt": document["createdAt"],
        });
        assert_eq!(document, expected);
        let path = format!("/v1/webhooks/{id}");
        assert_eq!(product.get(&path).await.expect(200), document, "the secret is shown once");
        for table in ["events", "webhooks"] {
            let rows = format!("{:?}", product.engine.sql(&format!("SELECT * FROM {table}")).await);
            assert!(!rows.contains(secret) && !rows.contains("top-secret"), "{table} holds a secret");
        }
        let log = format!("{:?}", product.engine.sql("SELECT data FROM events").await);
        assert!(!log.to_lowercase().contains("ops@example.com"), "the log holds an address in clear");

        product.engine.hands.advance(chrono::TimeDelta::seconds(5));
        let before = product.engine.number("SELECT position FROM log_head").await;
        let same = product.patch(&path, document.clone()).await.expect(200);
        assert_eq!(same, document, "a fetched document can be sent back");
        let headers = json!({"headers": {"AUTHORIZATION": "Bearer top-secret"}});
        assert_eq!(product.patch(&path, headers).await.expect(200), document);
        assert_eq!(product.engine.number("SELECT position FROM log_head").await, before);

        let change = json!({
            "url": "https://example.org/", "eventTypes": ["*"], "description": null, "campaignId": null,
            "projectId": null, "ordered": false, "notifyEmail": null, "headers": {"authorization": null, "X-C": "3"},
            "status": "paused",
        });
        let changed = product.patch(&path, change).await.expect(200);
        assert_eq!(changed["headerNames"], json!(["x-b", "x-c"]));
        assert_eq!((&changed["url"], &changed["status"]), (&json!("https://example.org/"), &json!("paused")));
        assert_eq!((&changed["notifyEmail"], &changed["campaignId"]), (&Value::Null, &Value::Null));
        assert_ne!(changed["updatedAt"], changed["createdAt"]);
        assert_eq!(product.patch(&path, json!({"headers": null})).await.expect(200)["headerNames"], json!([]));

        let other = product.post("/v1/webhooks", json!({"url": "https://example.com", "eventTypes": ["*"]})).await.expect(201);
        assert_eq!((&other["ordered"], &other["description"]), (&json!(false), &Value::Null));
        let page = product.get("/v1/webhooks?status=paused").await.expect(200);
        assert_eq!((&page["pagination"]["total"], &page["data"][0]["id"]), (&json!(1), &json!(id)));
        let page = product.get("/v1/webhooks?limit=1&order=asc").await.expect(200);
        assert_eq!(page["pagination"], json!({"total": 2, "limit": 1, "offset": 0, "hasMore": true}));
        assert!(!product.get("/v1/webhooks").await.text.contains("whsec_"));

        product.delete(&path).await.expect(204);
        for answer in [product.get(&path).await, product.patch(&path, json!({})).await, product.delete(&path).await] {
            assert_eq!(answer.refused(404), "RESOURCE_NOT_FOUND");
        }
        assert_eq!(product.engine.store.verify_projections().await.expect("verify").differences, []);
        product.stop().await;
    }

    async fn bad_webhooks_are_refused_with_every_field(engine: Engine) {
        let product = Product::start(engine).await;
        let missing = product.post("/v1/webhooks", json!({"ordered": "yes"})).await;
        assert_eq!(missing.refused(400), "INVALID_REQUEST");
        assert_eq!(missing.fields(), [field("eventTypes", "required"), field("ordered", "invalid_type"), field("url", "required")]);
        let unknown = "cam_01hm6gb9v4e9ttpzg6q1x1e0c5";
        let body = json!({
            "url": "https://10.0.0.1/", "eventTypes": ["invite.*", "invite.exploded"], "campaignId": unknown,
            "projectId": "prj_01hm6gb9v4e9ttpzg6q1x1e0c5", "headers": {"Host": "x"}, "notifyEmail": "x",
        });
        let refused = product.post("/v1/webhooks", body.clone()).await;
        assert_eq!(refused.refused(422), "VALIDATION_ERROR");
        let expected = [
            field("campaignId", "not_found"),
            field("eventTypes[1]", "unknown_event_type"),
            field("headers.Host", "reserved"),
            field("notifyEmail", "invalid_format"),
            field("projectId", "not_found"),
            field("url", "blocked_address"),
        ];
        assert_eq!(refused.fields(), expected);
        let good = id(&product.post("/v1/webhooks", json!({"url": "https://example.com", "eventTypes": ["*"]})).await.expect(201));
        let refused = product.patch(&format!("/v1/webhooks/{good}"), body).await;
        assert_eq!(refused.refused(422), "VALIDATION_ERROR");
        assert_eq!(refused.fields(), expected);
        let replay = format!("/v1/webhooks/{good}/replay");
        for (body, status, expected) in [
            (json!({}), 400, field("since", "required")),
            (json!({"fromSequence": 0}), 422, field("fromSequence", "out_of_range")),
            (json!({"since": "yesterday"}), 422, field("since", "invalid_format")),
            (json!({"since": "2024-01-15T10:30:00Z", "until": "2024-01-15T10:30:00Z"}), 422, field("until", "out_of_range")),
            (json!({"fromSequence": 1, "eventTypes": ["x"]}), 422, field("eventTypes[0]", "unknown_event_type")),
            (json!({"fromSequence": 1, "since": "2024-01-15T10:30:00Z"}), 422, field("fromSequence", "conflict")),
        ] {
            let refused = product.post(&replay, body.clone()).await;
            assert_eq!(refused.status, status, "{body}: {}", refused.text);
            assert_eq!(refused.fields(), [expected], "{body}");
        }
        let refused = product.get(&format!("/v1/webhooks/{good}/deliveries?status=lost&limit=0")).await;
        assert_eq!(refused.refused(400), "INVALID_REQUEST");
        product.stop().await;
    }

    async fn answers_with_a_secret_are_replayed_with_it(engine: Engine) {
        let product = Product::start(engine).await;
        let body = json!({"url": "https://example.com", "eventTypes": ["*"]});
        let first = product.post_once("/v1/webhooks", "k1", body.clone()).await;
        let again = product.post_once("/v1/webhooks", "k1", body).await;
        assert_eq!(again.expect(201), first.expect(201));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        let secret = first.json()["secret"].as_str().expect("a secret").to_owned();
        let path = format!("/v1/webhooks/{}/rotate-secret", id(&first.json()));
        let rotated = product.post_once(&path, "k2", json!({})).await.expect(200);
        assert_eq!(product.post_once(&path, "k2", json!({})).await.expect(200), rotated);
        assert_ne!(rotated["secret"], json!(secret));
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM events WHERE type = 'webhook.secret_rotated'").await, 1);
        let rows = format!("{:?}", product.engine.sql("SELECT * FROM idempotency").await);
        assert!(!rows.contains(&secret), "remembered answers are sealed");
        product.stop().await;
    }

    async fn a_test_says_what_came_of_it_and_is_sent_once(engine: Engine) {
        use crate::webhooks::support::{Receiver, Reply};
        let product = Product::start(engine).await;
        let receiver = Receiver::good().await;
        let body = json!({"url": receiver.url(), "eventTypes": ["invite.created"]});
        let webhook = id(&product.post("/v1/webhooks", body).await.expect(201));
        let path = format!("/v1/webhooks/{webhook}");
        product.patch(&path, json!({"status": "paused"})).await.expect(200);
        let sent = product.post_once(&format!("{path}/test"), "t1", json!({})).await.expect(200);
        assert_eq!((&sent["source"], &sent["status"]), (&json!("test"), &json!("delivered")));
        assert_eq!((&sent["eventType"], &sent["attempts"][0]["responseBody"]), (&json!("webhook.test"), &json!("ok")));
        assert_eq!(product.post_once(&format!("{path}/test"), "t1", json!({})).await.expect(200), sent);
        assert_eq!(receiver.count(), 1, "the same key, the same test");
        let like = product.post(&format!("{path}/test"), json!({"eventType": "invite.created"})).await.expect(200);
        assert_eq!(like["eventType"], "invite.created");
        let request = receiver.requests().remove(1);
        assert_eq!(request.json()["id"], like["eventId"]);
        assert!(request.json()["data"]["email"].is_string());
        receiver.behave(|_| Reply::Status(500));
        let failed = product.post(&format!("{path}/test"), json!({})).await.expect(200);
        assert_eq!((&failed["status"], &failed["reason"], &failed["nextAttemptAt"]), (&json!("failed"), &json!("http_500"), &Value::Null));
        let unknown = product.post(&format!("{path}/test"), json!({"eventType": "x"})).await;
        assert_eq!(unknown.fields(), [field("eventType", "unknown_event_type")]);
        let page = product.get(&format!("{path}/deliveries?status=delivered")).await.expect(200);
        assert_eq!(page["pagination"]["total"], 2);
        let page = product.get(&format!("{path}/deliveries?eventType=invite.created")).await.expect(200);
        assert_eq!((&page["pagination"]["total"], &page["data"][0]["id"]), (&json!(1), &like["id"]));
        let page = product.get(&format!("{path}/deliveries?limit=1")).await.expect(200);
        assert_eq!((&page["data"][0]["id"], &page["pagination"]["hasMore"]), (&failed["id"], &json!(true)));
        let next = format!("{path}/deliveries?limit=1&after={}", id(&failed));
        assert_eq!(product.get(&next).await.expect(200)["data"][0]["id"], like["id"]);
        let redeliver = format!("{path}/deliveries/{}/redeliver", id(&sent));
        assert_eq!(product.post(&redeliver, json!({})).await.refused(409), "CONFLICT");
        let foreign = product.other_organization().await;
        for (method, path) in [
            (Method::GET, format!("{path}/deliveries/{}", id(&sent))),
            (Method::POST, redeliver),
            (Method::POST, format!("{path}/test")),
        ] {
            let request = product.request(method, &path, &foreign).json(&json!({}));
            assert_eq!(product.send(request).await.refused(404), "RESOURCE_NOT_FOUND", "{path}");
        }
        product.stop().await;
    }
}

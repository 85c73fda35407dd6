//! `If-Match` and `If-None-Match` on everything that can be changed (contract 13).

use interview_relay::http::routes;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
};

/// Where one of each lives, by its path in the route table.
async fn one_of_each(product: &Product) -> Vec<(&'static str, String, Value)> {
    let script = product.script().await;
    let campaign = product.campaign(json!({})).await;
    let create = async |path: &str, body: Value| format!("{path}/{}", id(&product.post(path, body).await.expect(201)));
    let template = json!({"name": "T", "subject": "S", "text": "{{ link }}", "html": "<p>{{ link }}</p>"});
    let member = json!({"email": "ada@example.com", "role": "viewer"});
    vec![
        ("/v1/scripts/{scriptId}", format!("/v1/scripts/{script}"), json!({"name": "New"})),
        ("/v1/campaigns/{campaignId}", format!("/v1/campaigns/{campaign}"), json!({"name": "New"})),
        ("/v1/projects/{projectId}", create("/v1/projects", json!({"name": "P"})).await, json!({"name": "New"})),
        (
            "/v1/webhooks/{webhookId}",
            create("/v1/webhooks", json!({"url": "http://127.0.0.1:9/", "eventTypes": ["*"]})).await,
            json!({"description": "New"}),
        ),
        ("/v1/email-templates/{templateId}", create("/v1/email-templates", template).await, json!({"name": "New"})),
        (
            "/v1/organization/members/{memberId}",
            create("/v1/organization/members", member).await,
            json!({"role": "member"}),
        ),
        ("/v1/organization", "/v1/organization".to_owned(), json!({"name": "New"})),
    ]
}

on_both_engines! {
    async fn whatever_can_be_changed_is_changed_only_as_its_client_knows_it(engine: Engine) {
        let product = Product::start(engine).await;
        let things = one_of_each(&product).await;
        let routes = routes::operations();
        for route in routes.iter().filter(|route| route.method == Method::PATCH) {
            assert!(things.iter().any(|(path, ..)| *path == route.path), "no case for {}", route.path);
        }
        for (name, path, patch) in things {
            let tag = product.get(&path).await.header("etag").unwrap_or_else(|| panic!("{name}: no ETag")).to_owned();
            let known = product.request(Method::GET, &path, &product.key).header("If-None-Match", &tag);
            assert_eq!(product.send(known).await.status, 304, "{name}");
            let change = async |tag: &str, body: &Value| {
                product.send(product.request(Method::PATCH, &path, &product.key).header("If-Match", tag).json(body)).await
            };
            let changed = change(&tag, &patch).await;
            let newer = changed.header("etag").unwrap_or_else(|| panic!("{name}: no ETag")).to_owned();
            changed.expect(200);
            assert_ne!(newer, tag, "{name}");
            assert_eq!(product.get(&path).await.header("etag"), Some(newer.as_str()), "{name}");
            let document = product.get(&path).await.expect(200);
            // Whether the body is any good is not looked at.
            for body in [&patch, &json!({"name": 5})] {
                assert_eq!(change(&tag, body).await.refused(412), "PRECONDITION_FAILED", "{name}");
            }
            // A client that has lost its tag does not get its way for that.
            for empty in ["", "\"\""] {
                assert_eq!(change(empty, &patch).await.refused(412), "PRECONDITION_FAILED", "{name}: {empty:?}");
            }
            assert_eq!(product.get(&path).await.expect(200), document, "{name}");
            change("*", &patch).await.expect(200);
        }
        product.stop().await;
    }
}

//! Every route of the table, so that none can be forgotten: it demands its scope, refuses other organizations, and
//! stands in the OpenAPI document (see `openapi.rs`) and in the list of operations that the contract names.

use aggregates::api_key::Scope;
use interview_relay::http::{Access, operation::Intake, routes};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    participant::Participant,
    product::{Product, id},
};

/// Operations with their scopes and successes, as the contract lists them; those of later issues are left out.
const CONTRACT: &str = include_str!("operations.tsv");

#[test]
fn the_table_is_what_the_contract_lists() {
    let mut ours: Vec<String> = routes::operations()
        .iter()
        .filter(|operation| operation.path.starts_with("/v1/"))
        .map(|operation| {
            let access = match operation.access {
                Access::Scope(scope) => scope.to_string(),
                Access::InviteToken => "(invite token)".to_owned(),
                Access::Mail => "(mail provider)".to_owned(),
                Access::SessionToken => "(session token)".to_owned(),
                Access::Public => "(token in the body)".to_owned(),
                access => panic!("{} {}: {access:?}", operation.method, operation.path),
            };
            format!("{}\t{}\t{access}\t{}", operation.method, operation.path, operation.success)
        })
        .collect();
    let mut contract: Vec<String> = CONTRACT.lines().map(str::to_owned).collect();
    ours.sort_unstable();
    contract.sort_unstable();
    assert_eq!(ours, contract);
}

/// A key of the product's organization with these scopes.
async fn key(product: &Product, scopes: &[Scope]) -> String {
    let scopes: Vec<String> = scopes.iter().map(Scope::to_string).collect();
    let answer = product.post("/v1/api-keys", json!({"name": "narrow", "scopes": scopes})).await.expect(201);
    answer["key"].as_str().expect("a key").to_owned()
}

/// Scopes that do not grant `scope`.
fn others(scope: Scope) -> Vec<Scope> {
    let grants = |other: &Scope| aggregates::api_key::grants(&[*other].into(), scope);
    Scope::ALL.iter().copied().filter(|other| !grants(other)).collect()
}

on_both_engines! {
    async fn every_route_demands_its_scope_and_hides_from_other_organizations(engine: Engine) {
        let product = Product::start(engine).await;
        let stranger = product.other_organization().await;
        let campaign = product.campaign(json!({})).await;
        let invite = id(&product.invite(&campaign, "ada@example.com").await);
        let script = id(&product.get(&format!("/v1/campaigns/{campaign}")).await.expect(200)["scriptId"].as_str()
            .map(|id| json!({"id": id})).expect("a script"));
        let session = Participant::join(&product, &campaign, "bob@example.com").await.session;
        let project = id(&product.post("/v1/projects", json!({"name": "P"})).await.expect(201));
        let template = json!({"name": "T", "subject": "S", "text": "T", "html": "H"});
        let template = id(&product.post("/v1/email-templates", template).await.expect(201));
        let api_key = id(&product.post("/v1/api-keys", json!({"name": "K", "scopes": ["audit:read"]})).await.expect(201));
        let member = id(&product.post("/v1/organization/members", json!({"email": "cy@example.com"})).await.expect(201));
        let hook = json!({"url": "http://127.0.0.1:9/", "eventTypes": ["*"]});
        let webhook = id(&product.post("/v1/webhooks", hook).await.expect(201));
        let test = product.post(&format!("/v1/webhooks/{webhook}/test"), json!({})).await.expect(200);
        let delivery = id(&test);

        for operation in routes::operations() {
            let Access::Scope(scope) = operation.access else { continue };
            let path = operation
                .path
                .replace("{campaignId}", &campaign)
                .replace("{inviteId}", &invite)
                .replace("{sessionId}", &session)
                .replace("{scriptId}", &script)
                .replace("{projectId}", &project)
                .replace("{webhookId}", &webhook)
                .replace("{deliveryId}", &delivery)
                .replace("{templateId}", &template)
                .replace("{memberId}", &member)
                .replace("{keyId}", &api_key);
            let name = format!("{} {path}", operation.method);
            assert!(!path.contains('{'), "{name}: say in this test what its parameter stands for");
            let method: Method = operation.method.as_str().parse().expect("a method");
            let send = async |key: &str| {
                let request = product.request(method.clone(), &path, key);
                let request = if method == Method::GET { request } else { request.json(&json!({})) };
                product.send(request).await
            };

            let without = send("ir_live_nothing").await;
            assert_eq!(without.refused(401), "INVALID_API_KEY", "{name}");
            let narrow = send(&key(&product, &others(scope)).await).await;
            assert_eq!(narrow.refused(403), "INSUFFICIENT_PERMISSIONS", "{name}");
            assert_eq!(narrow.json()["error"]["details"]["requiredScope"], json!(scope.to_string()), "{name}");
            let foreign = send(&stranger).await;
            if operation.path.contains('{') {
                assert_eq!(foreign.refused(404), "RESOURCE_NOT_FOUND", "{name}");
                if operation.docs.request_body.is_some() && operation.intake == Intake::Json {
                    // What is no JSON at all is told after that, too (contract 4).
                    for (key, status) in [(&stranger, 404), (&product.key, 400)] {
                        let request = product.request(method.clone(), &path, key).body("{");
                        let sent = product.send(request.header("Content-Type", "application/json")).await;
                        assert_eq!(sent.status, status, "{name}: {}", sent.text);
                    }
                }
            } else if method == Method::GET {
                let page = foreign.expect(200);
                // What is no list is the organization itself.
                let listed: Vec<Value> = page["data"].as_array().cloned().unwrap_or_else(|| vec![page.clone()]);
                let organization = product.organization.to_string();
                let ours = [&campaign, &script, &project, &template, &api_key, &session, &webhook, &member, &organization];
                assert!(!listed.iter().any(|item| ours.iter().any(|id| item["id"] == json!(id))), "{name}");
            }
        }
    }

    async fn what_is_made_is_where_its_location_says(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let script = product.script().await;
        let questions = json!([{"id": "q1", "text": "How was it?", "type": "open"}]);
        let new_script = json!({"name": "S", "systemPrompt": "Be kind.", "questions": questions});
        let export = product.get(&format!("/v1/scripts/{script}/export")).await.expect(200);
        let cases = [
            ("/v1/projects", json!({"name": "P"})),
            ("/v1/scripts", new_script),
            ("/v1/scripts/import", export),
            ("/v1/scripts/{scriptId}/versions", json!({"questions": questions})),
            ("/v1/campaigns", json!({"name": "C", "scriptId": script})),
            ("/v1/campaigns/{campaignId}/invites", json!({"email": "ada@example.com"})),
            ("/v1/email-templates", json!({"name": "T", "subject": "S", "text": "T", "html": "H"})),
            ("/v1/organization/members", json!({"email": "cy@example.com"})),
            ("/v1/webhooks", json!({"url": "http://127.0.0.1:9/", "eventTypes": ["*"]})),
            ("/v1/api-keys", json!({"name": "K", "scopes": ["audit:read"]})),
        ];
        // Many at once have no place, a consent stands in its session's list; files come as forms and are told of in `files`.
        let elsewhere = ["/invites/bulk", "/consent", "/media", "/files", "/logo"];
        for operation in routes::operations() {
            if !matches!(operation.access, Access::Scope(_)) || operation.success != 201 {
                continue;
            }
            let Some((path, body)) = cases.iter().find(|(path, _)| *path == operation.path) else {
                assert!(elsewhere.iter().any(|end| operation.path.ends_with(end)), "no case for {}", operation.path);
                continue;
            };
            let path = path.replace("{scriptId}", &script).replace("{campaignId}", &campaign);
            let made = product.post(&path, body.clone()).await;
            let document = made.expect(201);
            let there = product.get(made.header("location").unwrap_or_else(|| panic!("{path}: no Location"))).await;
            assert_eq!(id(&there.expect(200)), id(&document), "{path}");
        }
        product.stop().await;
    }

    async fn every_route_of_a_session_demands_its_own_token_under_its_own_link(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let (ada, _) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let bob = Participant::join(&product, &campaign, "bob@example.com").await;
        let invite = product.invite(&campaign, "cy@example.com").await;
        let before = product.engine.number("SELECT position FROM log_head").await;
        let operations: Vec<_> =
            routes::operations().into_iter().filter(|operation| operation.path.contains("/session/")).collect();
        assert!(operations.len() >= 9, "{}", operations.len());
        for operation in operations {
            let name = format!("{} {}", operation.method, operation.path);
            assert_eq!(operation.access, Access::SessionToken, "{name}");
            let method: Method = operation.method.as_str().parse().expect("a method");
            let send = async |link: &str, token: &str| {
                let path = operation.path.replace("{token}", link);
                assert!(!path.contains('{'), "{name}");
                let mut request = product.request(method.clone(), &path, token);
                if token.is_empty() {
                    request = reqwest::Client::new().request(method.clone(), format!("{}{path}", product.url));
                }
                product.send(if method == Method::GET { request } else { request.json(&json!({})) }).await
            };
            let without = send(&ada.link, "").await;
            assert_eq!(without.refused(401), "INVALID_API_KEY", "{name}");
            assert_eq!(without.header("www-authenticate"), Some("Bearer"), "{name}");
            let swapped = if &ada.token[20..21] == "A" { "B" } else { "A" };
            let forged = format!("{}{swapped}{}", &ada.token[..20], &ada.token[21..]);
            for token in ["nonsense", &forged, &bob.token, &product.key, &ada.link] {
                assert_eq!(send(&ada.link, token).await.refused(401), "INVALID_API_KEY", "{name} {token}");
            }
            assert_eq!(send("inv_nothing", &ada.token).await.refused(404), "RESOURCE_NOT_FOUND", "{name}");
            // A link that exists, but that this session was not opened with.
            let other = invite["token"].as_str().expect("a token");
            assert_eq!(send(other, &ada.token).await.refused(401), "INVALID_API_KEY", "{name}");
        }
        assert_eq!(product.engine.number("SELECT position FROM log_head").await, before, "nothing of it did anything");
    }
}

//! Every route of the table, so that none can be forgotten: it demands its scope, refuses other organizations, and
//! stands in the OpenAPI document (see `openapi.rs`) and in the list of operations that the contract names.

use aggregates::api_key::Scope;
use interview_relay::http::{Access, routes};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
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
        let project = id(&product.post("/v1/projects", json!({"name": "P"})).await.expect(201));
        let template = json!({"name": "T", "subject": "S", "text": "T", "html": "H"});
        let template = id(&product.post("/v1/email-templates", template).await.expect(201));
        let api_key = id(&product.post("/v1/api-keys", json!({"name": "K", "scopes": ["audit:read"]})).await.expect(201));

        for operation in routes::operations() {
            let Access::Scope(scope) = operation.access else { continue };
            let path = operation
                .path
                .replace("{campaignId}", &campaign)
                .replace("{inviteId}", &invite)
                .replace("{scriptId}", &script)
                .replace("{projectId}", &project)
                .replace("{templateId}", &template)
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
            } else if method == Method::GET {
                let page = foreign.expect(200);
                let listed: &Vec<Value> = page["data"].as_array().expect("a list");
                let ours = [&campaign, &script, &project, &template, &api_key];
                assert!(!listed.iter().any(|item| ours.iter().any(|id| item["id"] == json!(id))), "{name}");
            }
        }
    }
}

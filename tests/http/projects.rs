//! Projects: their documents, and that nothing ever points at one that is gone (contract 1, 34).

use std::sync::Arc;

use aggregates::id::ProjectId;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
};

async fn project(product: &Product, body: Value) -> String {
    id(&product.post("/v1/projects", body).await.expect(201))
}

async fn draft(product: &Product, project: Option<&str>) -> String {
    let question = json!({"id": "q1", "text": "How was it?", "type": "open"});
    let body = json!({"name": "S", "systemPrompt": "P", "questions": [question], "projectId": project});
    id(&product.post("/v1/scripts", body).await.expect(201))
}

/// Assignments in the tables, and in the documents that the API shows, to projects that are gone.
async fn dangling(product: &Product) -> i64 {
    let mut sum = 0;
    for table in ["campaigns", "scripts"] {
        let gone = "project_id IS NOT NULL AND project_id NOT IN (SELECT id FROM projects)";
        sum += product.engine.number(&format!("SELECT COUNT(*) FROM {table} WHERE {gone}")).await;
        let differs = "project_id IS NULL AND doc LIKE '%prj\\_%' ESCAPE '\\'";
        sum += product.engine.number(&format!("SELECT COUNT(*) FROM {table} WHERE {differs}")).await;
    }
    sum
}

on_both_engines! {
    async fn a_project_is_created_changed_listed_and_deleted(engine: Engine) {
        let product = Product::start(engine).await;
        let body = json!({"name": "Research", "description": "All of it", "color": "#12aBef"});
        let created = product.post("/v1/projects", body).await;
        let document = created.expect(201);
        let id = id(&document);
        assert!(id.starts_with("prj_"));
        assert_eq!(created.header("location"), Some(format!("/v1/projects/{id}").as_str()));
        assert_eq!((&document["name"], &document["description"]), (&json!("Research"), &json!("All of it")));
        assert_eq!(document["color"].as_str().map(str::to_lowercase).as_deref(), Some("#12abef"));
        assert_eq!(document["createdAt"], document["updatedAt"]);
        let path = format!("/v1/projects/{id}");
        assert_eq!(product.get(&path).await.expect(200), document);
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM events WHERE type = 'project.created'").await, 1);

        // Absent stays, null clears.
        product.engine.hands.advance(chrono::TimeDelta::seconds(5));
        let patched = product.patch(&path, json!({"description": null})).await.expect(200);
        assert_eq!((&patched["name"], &patched["description"]), (&json!("Research"), &Value::Null));
        assert_eq!(patched["color"], document["color"]);
        assert_ne!(patched["updatedAt"], document["updatedAt"]);
        assert_eq!(patched["createdAt"], document["createdAt"]);
        let patched = product.patch(&path, json!({"name": "Field", "color": null})).await.expect(200);
        assert_eq!((&patched["name"], &patched["color"]), (&json!("Field"), &Value::Null));
        assert_eq!(product.get(&path).await.expect(200), patched);

        // A patch that changes nothing appends nothing.
        let before = product.engine.number("SELECT position FROM log_head").await;
        product.engine.hands.advance(chrono::TimeDelta::seconds(5));
        assert_eq!(product.patch(&path, json!({"name": "Field"})).await.expect(200), patched);
        assert_eq!(product.patch(&path, json!({})).await.expect(200), patched);
        assert_eq!(product.engine.number("SELECT position FROM log_head").await, before);

        project(&product, json!({"name": "Other"})).await;
        let page = product.get("/v1/projects?sort=name&limit=1&order=asc").await.expect(200);
        assert_eq!(page["data"], json!([patched]));
        assert_eq!(page["pagination"], json!({"total": 2, "limit": 1, "offset": 0, "hasMore": true}));

        let deleted = product.delete(&path).await;
        assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
        for answer in [
            product.get(&path).await,
            product.patch(&path, json!({"name": "x"})).await,
            product.delete(&path).await,
        ] {
            assert_eq!(answer.refused(404), "RESOURCE_NOT_FOUND");
        }
        let page = product.get("/v1/projects").await.expect(200);
        assert_eq!(page["pagination"]["total"], 1);
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM projects").await, 1);
        product.stop().await;
    }

    async fn bad_projects_are_refused_with_every_field(engine: Engine) {
        let product = Product::start(engine).await;
        let missing = product.post("/v1/projects", json!({"color": 1, "description": []})).await;
        assert_eq!(missing.refused(400), "INVALID_REQUEST");
        let field = |name: &str, code: &str| (name.to_owned(), code.to_owned());
        let expected =
            [field("color", "invalid_type"), field("description", "invalid_type"), field("name", "required")];
        assert_eq!(missing.fields(), expected);
        for color in ["red", "#12345", "#1234567", "#12345g", "123456", ""] {
            let refused = product.post("/v1/projects", json!({"name": "P", "color": color})).await;
            assert_eq!(refused.refused(422), "VALIDATION_ERROR", "{color}");
            assert_eq!(refused.fields(), [field("color", "invalid_format")], "{color}");
        }
        let id = project(&product, json!({"name": "P", "color": "#000000"})).await;
        let body = json!({"name": "n".repeat(101), "description": "d".repeat(501), "color": "blue"});
        for refused in [
            product.post("/v1/projects", body.clone()).await,
            product.patch(&format!("/v1/projects/{id}"), body).await,
        ] {
            assert_eq!(refused.refused(422), "VALIDATION_ERROR");
            let names: Vec<_> = refused.fields().into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["color", "description", "name"]);
        }
        let cleared = product.patch(&format!("/v1/projects/{id}"), json!({"name": null})).await;
        assert!([400, 422].contains(&cleared.status), "{}", cleared.text);
        assert_eq!(cleared.fields()[0].0, "name");
        // The unknown id goes before the bad body.
        let unknown = product.patch("/v1/projects/prj_01hm6gb9v4e9ttpzg6q1x1e0c5", json!({"name": 1})).await;
        assert_eq!(unknown.refused(404), "RESOURCE_NOT_FOUND");
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM projects").await, 1);
        product.stop().await;
    }

    async fn a_deleted_project_lets_go_of_campaigns_and_scripts_at_once(engine: Engine) {
        let product = Product::start(engine).await;
        let doomed = project(&product, json!({"name": "Doomed"})).await;
        let kept = project(&product, json!({"name": "Kept"})).await;
        let script = product.script().await;
        let (mut campaigns, mut scripts) = (Vec::new(), Vec::new());
        for i in 0..5 {
            let name = format!("C{i}");
            let body = json!({"name": name, "scriptId": script, "projectId": doomed});
            campaigns.push(id(&product.post("/v1/campaigns", body).await.expect(201)));
            scripts.push(draft(&product, Some(&doomed)).await);
        }
        // An archived script and an archived campaign are let go of as well.
        product.patch(&format!("/v1/scripts/{}", scripts[0]), json!({"status": "archived"})).await.expect(200);
        product.post(&format!("/v1/campaigns/{}/archive", campaigns[0]), json!({})).await.expect(200);
        let other = draft(&product, Some(&kept)).await;
        let listed = product.get(&format!("/v1/scripts?projectId={doomed}")).await.expect(200);
        assert_eq!(listed["pagination"]["total"], 5);

        let before = product.engine.number("SELECT position FROM log_head").await;
        let batch = product.engine.number("SELECT batch FROM log_head").await;
        product.engine.hands.advance(chrono::TimeDelta::seconds(7));
        product.delete(&format!("/v1/projects/{doomed}")).await.expect(204);
        assert_eq!(product.engine.number("SELECT position FROM log_head").await, before + 11);
        assert_eq!(product.engine.number("SELECT batch FROM log_head").await, batch + 1, "all in one transaction");
        for (kind, ids) in [("campaigns", &campaigns), ("scripts", &scripts)] {
            for id in ids {
                let document = product.get(&format!("/v1/{kind}/{id}")).await.expect(200);
                assert_eq!(document["projectId"], Value::Null, "{document}");
            }
            let listed = product.get(&format!("/v1/{kind}?projectId={doomed}")).await.expect(200);
            assert_eq!(listed["pagination"]["total"], 0);
            assert_eq!(listed["data"], json!([]));
        }
        let other = product.get(&format!("/v1/scripts/{other}")).await.expect(200);
        assert_eq!(other["projectId"], json!(kept));
        let gone = json!({"name": "late", "scriptId": script, "projectId": doomed});
        let refused = product.post("/v1/campaigns", gone).await;
        assert_eq!(refused.refused(422), "VALIDATION_ERROR");
        assert_eq!(refused.fields(), [("projectId".to_owned(), "not_found".to_owned())]);
        assert_eq!(dangling(&product).await, 0);
        assert_eq!(product.engine.store.verify_projections().await.expect("verify").differences, []);
        product.stop().await;
    }

    async fn an_assignment_that_races_a_deletion_leaves_nothing_dangling(engine: Engine) {
        let product = Arc::new(Product::start(engine).await);
        let script = product.script().await;
        for round in 0..6 {
            let doomed = project(&product, json!({"name": format!("P{round}")})).await;
            let existing = draft(&product, None).await;
            let tasks = (0..9).map(|i| {
                let (product, doomed, script, existing) =
                    (product.clone(), doomed.clone(), script.clone(), existing.clone());
                tokio::spawn(async move {
                    let body = json!({"name": "C", "scriptId": script, "projectId": doomed});
                    match i % 4 {
                        0 => product.post("/v1/campaigns", body).await,
                        1 => {
                            let question = json!({"id": "q", "text": "Q?", "type": "open"});
                            let body = json!({"name": "S", "systemPrompt": "P", "questions": [question],
                                "projectId": doomed});
                            product.post("/v1/scripts", body).await
                        }
                        2 => {
                            let path = format!("/v1/scripts/{existing}");
                            product.patch(&path, json!({"projectId": doomed})).await
                        }
                        _ => product.delete(&format!("/v1/projects/{doomed}")).await,
                    }
                })
            });
            let mut deleted = 0;
            for answer in join_all(tasks).await {
                let answer = answer.expect("no panic");
                // 409: too many concurrent changes, told to the client rather than guessed.
                assert!([200, 201, 204, 404, 409, 422].contains(&answer.status), "{}: {}", answer.status, answer.text);
                deleted += usize::from(answer.status == 204);
                if answer.status == 422 {
                    assert_eq!(answer.fields(), [("projectId".to_owned(), "not_found".to_owned())]);
                }
            }
            if deleted == 0 {
                product.delete(&format!("/v1/projects/{doomed}")).await.expect(204);
            }
            assert!(deleted <= 1, "deleted {deleted} times");
            assert_eq!(dangling(&product).await, 0, "round {round}");
        }
        assert_eq!(product.engine.store.verify_projections().await.expect("verify").differences, []);
    }

    async fn a_cursor_is_a_row_of_the_list(engine: Engine) {
        let product = Product::start(engine).await;
        let other = product.other_organization().await;
        let create = async |key: &str, name: &str| {
            let request = product.request(Method::POST, "/v1/projects", key).json(&json!({"name": name}));
            id(&product.send(request).await.expect(201))
        };
        let foreign = create(&other, "b").await;
        let mut ours = Vec::new();
        for name in ["a", "c", "d"] {
            ours.push(create(&product.key, name).await);
        }
        let page = async |sort: &str, after: &str| {
            product.get(&format!("/v1/projects?sort={sort}&order=asc&after={after}")).await
        };
        let second = page("name", &ours[0]).await.expect(200);
        assert_eq!((&second["data"][0]["name"], &second["data"][1]["name"]), (&json!("c"), &json!("d")));
        // Nobody learns where another organization's row stands, or whether it exists.
        let unknown = ProjectId::default().to_string();
        for sort in ["name", "updatedAt"] {
            for after in [&foreign, &unknown] {
                let refused = page(sort, after).await;
                assert_eq!(refused.refused(400), "INVALID_REQUEST");
                assert_eq!(refused.fields(), [("after".to_owned(), "unknown".to_owned())]);
            }
        }
        // What is gone has no place among names any more, and its reader is told; it keeps its place in time.
        product.delete(&format!("/v1/projects/{}", ours[1])).await.expect(204);
        assert_eq!(page("name", &ours[1]).await.refused(400), "INVALID_REQUEST");
        assert_eq!(page("createdAt", &ours[1]).await.expect(200)["data"][0]["name"], "d");
        product.stop().await;
    }
}

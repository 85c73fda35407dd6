//! Scripts: versions that freeze, rules of questions, files, caching, and deletion (contract 13, 31-33).

use std::sync::Arc;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
};

fn body() -> Value {
    let question = json!({"id": "q1", "text": "How was it?", "type": "open"});
    json!({"name": "Satisfaction", "description": "D", "systemPrompt": "Be kind.", "questions": [question],
        "settings": {"voice": "nova", "custom": {"a": 1}}})
}

async fn draft(product: &Product) -> String {
    id(&product.post("/v1/scripts", body()).await.expect(201))
}

async fn head(product: &Product) -> i64 {
    product.engine.number("SELECT position FROM log_head").await
}

on_both_engines! {
    async fn versions_freeze_and_drafts_follow(engine: Engine) {
        let product = Product::start(engine).await;
        let created = product.post("/v1/scripts", body()).await;
        let document = created.expect(201);
        let script = id(&document);
        let path = format!("/v1/scripts/{script}");
        assert!(script.starts_with("scr_"));
        assert_eq!(created.header("location"), Some(path.as_str()));
        assert_eq!((&document["status"], &document["version"]), (&json!("draft"), &json!(1)));
        let expected = json!({"id": "q1", "text": "How was it?", "type": "open", "required": true, "followUp": null,
            "maxDuration": null, "order": 1, "options": null, "scale": null, "media": []});
        assert_eq!(document["questions"], json!([expected]));
        assert_eq!(document["settings"], json!({"voice": "nova", "custom": {"a": 1}}));
        assert_eq!((&document["projectId"], &document["changelog"]), (&Value::Null, &Value::Null));

        // A campaign needs a published version.
        let campaign = json!({"name": "C", "scriptId": script});
        let early = product.post("/v1/campaigns", campaign.clone()).await;
        assert_eq!(early.refused(409), "SCRIPT_NOT_PUBLISHED");
        let twice = product.post(&format!("{path}/versions"), json!({})).await;
        assert_eq!(twice.refused(409), "DRAFT_EXISTS");

        // The draft is edited in place; null clears a setting, and the others stay.
        let edited = product.patch(&path, json!({"systemPrompt": "Be brief.", "settings": {"voice": null}})).await;
        let edited = edited.expect(200);
        assert_eq!((&edited["version"], &edited["systemPrompt"]), (&json!(1), &json!("Be brief.")));
        assert_eq!(edited["settings"], json!({"custom": {"a": 1}}));
        let cleared = product.patch(&path, json!({"description": null})).await.expect(200);
        assert_eq!(cleared["description"], Value::Null);

        let published = product.post(&format!("{path}/publish"), json!({})).await.expect(200);
        assert_eq!((&published["status"], &published["version"]), (&json!("published"), &json!(1)));
        assert_eq!(product.post(&format!("{path}/publish"), json!({})).await.refused(409), "CONFLICT");
        let first = product.post("/v1/campaigns", campaign.clone()).await.expect(201);
        assert_eq!(first["scriptVersion"], json!(1), "{first}");

        // PATCH opens the next draft; the frozen one stays as it is; the second PATCH edits the same draft.
        let opened = product.patch(&path, json!({"systemPrompt": "Be third."})).await.expect(200);
        assert_eq!((&opened["status"], &opened["version"]), (&json!("published"), &json!(2)));
        let again = product.patch(&path, json!({"systemPrompt": "Be fourth."})).await.expect(200);
        assert_eq!((&again["version"], &again["systemPrompt"]), (&json!(2), &json!("Be fourth.")));
        assert_eq!(product.post(&format!("{path}/versions"), json!({})).await.refused(409), "DRAFT_EXISTS");
        let frozen = product.get(&format!("{path}?version=1")).await.expect(200);
        assert_eq!((&frozen["version"], &frozen["systemPrompt"]), (&json!(1), &json!("Be brief.")));
        let shown = product.get(&format!("{path}?version=2")).await.expect(200);
        assert_eq!(shown, product.get(&path).await.expect(200));
        assert_eq!(product.get(&format!("{path}?version=3")).await.refused(404), "RESOURCE_NOT_FOUND");
        for bad in ["0", "x", "1.5", "-1"] {
            let refused = product.get(&format!("{path}?version={bad}")).await;
            assert_eq!(refused.refused(400), "INVALID_REQUEST", "{bad}");
            assert_eq!(refused.fields()[0].0, "version");
        }
        // A campaign made while there is a draft takes what is published.
        let second = product.post("/v1/campaigns", campaign.clone()).await.expect(201);
        assert_eq!(second["scriptVersion"], json!(1));
        product.post(&format!("{path}/publish"), json!({})).await.expect(200);
        let third = product.post("/v1/campaigns", campaign).await.expect(201);
        assert_eq!(third["scriptVersion"], json!(2));
        let pinned = product.get(&format!("/v1/campaigns/{}", id(&first))).await.expect(200);
        assert_eq!(pinned["scriptVersion"], json!(1), "the first campaign keeps its version");

        // POST versions copies what is not given.
        let questions = json!([{"id": "n", "text": "New?", "type": "yes_no"}]);
        let new = product.post(&format!("{path}/versions"), json!({"changelog": "Less", "questions": questions})).await;
        assert_eq!(new.header("location"), Some(format!("{path}?version=3").as_str()));
        let new = new.expect(201);
        assert_eq!((&new["version"], &new["changelog"]), (&json!(3), &json!("Less")));
        assert_eq!((&new["systemPrompt"], &new["questions"][0]["id"]), (&json!("Be fourth."), &json!("n")));
        assert_eq!(new["settings"], json!({"custom": {"a": 1}}));
        let before = head(&product).await;
        assert_eq!(product.patch(&path, json!({"name": "Satisfaction"})).await.expect(200), new);
        assert_eq!(head(&product).await, before, "nothing changed, nothing appended");
        assert_eq!(product.engine.store.verify_projections().await.expect("verify").differences, []);
        product.stop().await;
    }

    async fn an_archived_script_takes_nothing_more(engine: Engine) {
        let product = Product::start(engine).await;
        let script = product.script().await;
        let path = format!("/v1/scripts/{script}");
        let refused = product.patch(&path, json!({"status": "draft"})).await;
        assert_eq!(refused.refused(422), "VALIDATION_ERROR");
        assert_eq!(refused.fields(), [("status".to_owned(), "not_allowed".to_owned())]);
        assert_eq!(product.patch(&path, json!({"status": "gone"})).await.fields()[0].1, "invalid_enum");
        product.patch(&path, json!({"status": "published"})).await.expect(200);
        let archived = product.patch(&path, json!({"status": "archived"})).await.expect(200);
        assert_eq!(archived["status"], "archived");
        product.patch(&path, json!({"status": "archived"})).await.expect(200);
        for (path, body) in [
            (format!("{path}/versions"), json!({})),
            (format!("{path}/publish"), json!({})),
        ] {
            assert_eq!(product.post(&path, body).await.refused(409), "CONFLICT", "{path}");
        }
        assert_eq!(product.patch(&path, json!({"name": "x"})).await.refused(409), "CONFLICT");
        let campaign = product.post("/v1/campaigns", json!({"name": "C", "scriptId": script})).await;
        assert_eq!(campaign.refused(409), "SCRIPT_NOT_PUBLISHED");
        let total = async |query: &str| {
            product.get(&format!("/v1/scripts{query}")).await.expect(200)["pagination"]["total"].clone()
        };
        assert_eq!(total("?status=archived").await, 1);
        assert_eq!(total("?status=published").await, 0);
        assert_eq!(total("?search=SCRI").await, 1);
        assert_eq!(total("?search=other").await, 0);
        product.stop().await;
    }

    async fn a_script_in_use_stays(engine: Engine) {
        let product = Product::start(engine).await;
        let script = product.script().await;
        let path = format!("/v1/scripts/{script}");
        let campaign = json!({"name": "C", "scriptId": script});
        let campaign = id(&product.post("/v1/campaigns", campaign).await.expect(201));
        assert_eq!(product.delete(&path).await.refused(409), "SCRIPT_IN_USE");
        product.post(&format!("/v1/campaigns/{campaign}/pause"), json!({})).await.expect(200);
        assert_eq!(product.delete(&path).await.refused(409), "SCRIPT_IN_USE");
        product.post(&format!("/v1/campaigns/{campaign}/archive"), json!({})).await.expect(200);
        assert_eq!(product.delete(&path).await.status, 204);
        for gone in [
            product.get(&path).await,
            product.get(&format!("{path}?version=1")).await,
            product.get(&format!("{path}/export")).await,
            product.delete(&path).await,
            product.patch(&path, json!({"name": "x"})).await,
        ] {
            assert_eq!(gone.refused(404), "RESOURCE_NOT_FOUND");
        }
        let late = product.post("/v1/campaigns", json!({"name": "C", "scriptId": script})).await;
        assert_eq!(late.refused(422), "VALIDATION_ERROR");
        assert_eq!(late.fields(), [("scriptId".to_owned(), "not_found".to_owned())]);
        product.stop().await;
    }

    async fn a_deletion_that_races_campaigns_never_leaves_one_without_its_script(engine: Engine) {
        let product = Arc::new(Product::start(engine).await);
        for round in 0..6 {
            let script = product.script().await;
            let tasks = (0..6).map(|i| {
                let (product, script) = (product.clone(), script.clone());
                tokio::spawn(async move {
                    if (i + round) % 3 == 0 {
                        product.delete(&format!("/v1/scripts/{script}")).await
                    } else {
                        product.post("/v1/campaigns", json!({"name": "C", "scriptId": script})).await
                    }
                })
            });
            let answers: Vec<_> = join_all(tasks).await.into_iter().map(|answer| answer.expect("no panic")).collect();
            let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
            for answer in &answers {
                assert!([201, 204, 404, 409, 422].contains(&answer.status), "{}: {}", answer.status, answer.text);
            }
            assert!(count(204) == 0 || count(201) == 0, "deleted under a live campaign");
            let sql = "SELECT COUNT(*) FROM campaigns WHERE script_id NOT IN (SELECT id FROM scripts)";
            assert_eq!(product.engine.number(sql).await, 0, "round {round}");
        }
        assert_eq!(product.engine.store.verify_projections().await.expect("verify").differences, []);
    }

    async fn every_rule_of_questions_is_told_with_its_place(engine: Engine) {
        let product = Product::start(engine).await;
        let many: Vec<_> = (0..21).map(|i| format!("o{i}")).collect();
        let questions = json!([
            {"id": "a", "text": "", "type": "essay"},
            {"id": "a", "text": "T", "type": "multiple_choice"},
            {"id": "b", "text": "T", "type": "multiple_choice", "options": ["one"]},
            {"id": "c", "text": "T", "type": "multiple_choice", "options": ["x", "y", "x"]},
            {"id": "d", "text": "T", "type": "multiple_choice", "options": many},
            {"id": "e", "text": "T", "type": "open", "options": ["x", "y"], "scale": {"min": 1, "max": 2}},
            {"id": "f", "text": "T", "type": "rating", "scale": {"min": 5, "max": 5}},
            {"id": "g", "text": "T", "type": "rating", "scale": {"min": 1.5}},
            {"id": "h", "text": "T", "type": "yes_no", "maxDuration": 9, "order": -1, "followUp": {"maxFollowUps": 11}},
            {"id": "", "text": "T".repeat(2001), "type": "open", "followUp": {"prompt": "p".repeat(2001)}},
        ]);
        let new = json!({"name": "", "systemPrompt": " ", "questions": questions, "projectId": "prj_nothing",
            "settings": {"maxDuration": 1}});
        let refused = product.post("/v1/scripts", new.clone()).await;
        assert_eq!(refused.refused(422), "VALIDATION_ERROR");
        let mut expected: Vec<(String, String)> = [
            ("name", "too_short"),
            ("projectId", "not_found"),
            ("questions[0].text", "too_short"),
            ("questions[0].type", "invalid_enum"),
            ("questions[1].id", "duplicate"),
            ("questions[1].options", "required"),
            ("questions[2].options", "too_few"),
            ("questions[3].options[2]", "duplicate"),
            ("questions[4].options", "too_many"),
            ("questions[5].options", "not_allowed"),
            ("questions[5].scale", "not_allowed"),
            ("questions[6].scale.max", "out_of_range"),
            ("questions[7].scale.max", "required"),
            ("questions[7].scale.min", "out_of_range"),
            ("questions[8].followUp.maxFollowUps", "out_of_range"),
            ("questions[8].maxDuration", "out_of_range"),
            ("questions[8].order", "out_of_range"),
            ("questions[9].followUp.prompt", "too_long"),
            ("questions[9].id", "too_short"),
            ("questions[9].text", "too_long"),
            ("settings.maxDuration", "out_of_range"),
            ("systemPrompt", "too_short"),
        ]
        .map(|(field, code)| (field.to_owned(), code.to_owned()))
        .into();
        expected.sort_unstable();
        assert_eq!(refused.fields(), expected);

        // The same rules hold on PATCH and for a new version.
        let script = product.script().await;
        let ours = |field: &&(String, String)| field.0.starts_with("questions");
        let of_questions: Vec<_> = expected.iter().filter(ours).cloned().collect();
        let patch = json!({"questions": new["questions"]});
        let patched = product.patch(&format!("/v1/scripts/{script}"), patch.clone()).await;
        assert_eq!((patched.status, patched.fields()), (422, of_questions.clone()));
        let version = product.post(&format!("/v1/scripts/{script}/versions"), patch).await;
        assert_eq!((version.status, version.fields()), (422, of_questions));

        let malformed = json!({"name": 1, "questions": [{"id": 1, "text": "T"}, "x", {"id": "a", "text": "T",
            "type": "open", "options": [1], "scale": [], "followUp": {"enabled": "yes"}}]});
        let malformed = product.post("/v1/scripts", malformed).await;
        assert_eq!(malformed.refused(400), "INVALID_REQUEST");
        let names: Vec<_> = malformed.fields().into_iter().map(|(name, _)| name).collect();
        let expected = [
            "name", "questions[0].id", "questions[0].type", "questions[1]", "questions[2].followUp.enabled",
            "questions[2].options[0]", "questions[2].scale", "systemPrompt",
        ];
        assert_eq!(names, expected);

        let with = |questions: Value| {
            let mut body = body();
            body["questions"] = questions;
            body
        };
        let none = product.post("/v1/scripts", with(json!([]))).await;
        assert_eq!((none.status, none.fields()), (422, vec![("questions".to_owned(), "too_few".to_owned())]));
        let question = |i: usize| json!({"id": format!("q{i}"), "text": "T", "type": "open"});
        let hundred: Vec<_> = (0..100).map(question).collect();
        let stored = product.post("/v1/scripts", with(json!(hundred))).await.expect(201);
        assert_eq!(stored["questions"].as_array().map(Vec::len), Some(100));
        let more: Vec<_> = (0..101).map(question).collect();
        let more = product.post("/v1/scripts", with(json!(more))).await;
        assert_eq!((more.status, more.fields()), (422, vec![("questions".to_owned(), "too_many".to_owned())]));

        // What is left out gets its default, and the order given counts.
        let questions = json!([
            {"id": "late", "text": "T", "type": "rating", "order": 9},
            {"id": "early", "text": "T", "type": "multiple_choice", "options": ["x", "y"], "order": 3},
            {"id": "next", "text": "T", "type": "rating", "scale": {"min": 0, "max": 5}, "required": false},
        ]);
        let stored = product.post("/v1/scripts", with(questions)).await.expect(201);
        let seen: Vec<_> = stored["questions"].as_array().expect("a list").iter()
            .map(|question| (question["id"].clone(), question["order"].clone(), question["scale"].clone())).collect();
        assert_eq!(seen, [
            (json!("early"), json!(3), Value::Null),
            (json!("next"), json!(4), json!({"min": 0, "max": 5})),
            (json!("late"), json!(9), json!({"min": 1, "max": 10})),
        ]);
        product.stop().await;
    }

    async fn an_export_comes_back_as_a_draft(engine: Engine) {
        let product = Product::start(engine).await;
        let project = id(&product.post("/v1/projects", json!({"name": "P"})).await.expect(201));
        let script = draft(&product).await;
        let path = format!("/v1/scripts/{script}");
        product.post(&format!("{path}/publish"), json!({})).await.expect(200);
        let patch = json!({"systemPrompt": "Zwei – 二", "projectId": project});
        let source = product.patch(&path, patch).await.expect(200);
        let exported = product.get(&format!("{path}/export")).await;
        let file = exported.expect(200);
        assert_eq!((&file["formatVersion"], &file["media"]), (&json!(1), &json!([])));
        let numbers: Vec<_> = file["versions"].as_array().expect("a list").iter()
            .map(|version| (version["version"].clone(), version["published"].clone())).collect();
        assert_eq!(numbers, [(json!(1), json!(true)), (json!(2), json!(false))]);
        assert!(file["checksum"].as_str().is_some_and(|sum| sum.starts_with("sha256:") && sum.len() == 71));
        assert!(!exported.text.contains(&project), "a project is no part of a file");
        assert_eq!(product.get(&format!("{path}/export")).await.text, exported.text, "the same file again");

        // Another organization can take it over.
        let stranger = product.other_organization().await;
        let request = product.request(Method::POST, "/v1/scripts/import", &stranger).json(&file);
        let imported = product.send(request).await;
        let document = imported.expect(201);
        assert_eq!(imported.header("location"), Some(format!("/v1/scripts/{}", id(&document)).as_str()));
        assert_eq!((&document["status"], &document["version"]), (&json!("draft"), &json!(1)));
        assert_ne!(document["id"], source["id"]);
        for name in ["name", "description", "systemPrompt", "questions", "settings"] {
            assert_eq!(document[name], source[name], "{name}");
        }
        assert_eq!(document["projectId"], Value::Null);
        let request = product.request(Method::GET, &format!("/v1/scripts/{}/export", id(&document)), &stranger);
        let mut copy = product.send(request).await.expect(200);
        for name in ["systemPrompt", "questions", "settings", "name"] {
            assert_eq!(copy["script"][name], file["script"][name], "{name}");
        }
        let events = head(&product).await;
        for (change, wrong) in [
            (json!({"formatVersion": 2}), vec!["checksum", "formatVersion"]),
            (json!({"format": "other"}), vec!["checksum", "format"]),
            (json!({"checksum": "sha256:00"}), vec!["checksum"]),
            (json!({"media": [1]}), vec!["checksum"]),
        ] {
            let mut bad = file.clone();
            for (name, value) in change.as_object().expect("an object") {
                bad[name] = value.clone();
            }
            let refused = product.post("/v1/scripts/import", bad).await;
            assert_eq!(refused.refused(422), "VALIDATION_ERROR", "{change}");
            let names: Vec<_> = refused.fields().into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, wrong, "{change}");
        }
        copy["script"]["name"] = json!("changed by hand");
        assert_eq!(product.post("/v1/scripts/import", copy).await.fields(), [("checksum".into(), "mismatch".into())]);
        let empty = product.post("/v1/scripts/import", json!({})).await;
        assert_eq!(empty.refused(400), "INVALID_REQUEST");
        let names: Vec<_> = empty.fields().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["checksum", "format", "formatVersion", "script"]);
        assert_eq!(head(&product).await, events);
        product.stop().await;
    }

    async fn what_took_several_requests_to_write_is_imported_in_one(engine: Engine) {
        let product = Product::start(engine).await;
        let question = |n: usize| json!({"id": format!("q{n}"), "text": "問".repeat(2_000), "type": "open", "order": n,
            "followUp": {"enabled": true, "maxFollowUps": 1, "prompt": "何".repeat(1_400)}});
        let questions: Vec<Value> = (0..100).map(question).collect();
        let mut body = body();
        body["questions"] = json!(questions);
        let script = id(&product.post("/v1/scripts", body).await.expect(201));
        product.patch(&format!("/v1/scripts/{script}"), json!({"systemPrompt": "言".repeat(10_000)})).await.expect(200);
        let exported = product.get(&format!("/v1/scripts/{script}/export")).await;
        assert!(exported.text.len() > 1 << 20, "{} bytes are no more than any body may have", exported.text.len());
        let copy = id(&product.post("/v1/scripts/import", exported.expect(200)).await.expect(201));
        let (copy, script) = (format!("/v1/scripts/{copy}"), format!("/v1/scripts/{script}"));
        let (copy, script) = (product.get(&copy).await.expect(200), product.get(&script).await.expect(200));
        assert_eq!(copy["questions"], script["questions"]);

        // What no script can be so large as to need is refused, and leaves nothing.
        let events = head(&product).await;
        let body = format!("{{\"padding\": \"{}\"}}", "x".repeat(8 << 20));
        let request = product.request(Method::POST, "/v1/scripts/import", &product.key);
        let refused = product.send(request.header("content-type", "application/json").body(body)).await;
        assert_eq!(refused.refused(413), "PAYLOAD_TOO_LARGE");
        assert_eq!(head(&product).await, events);
        product.stop().await;
    }

    async fn caches_and_lost_updates(engine: Engine) {
        let product = Product::start(engine).await;
        let created = product.post("/v1/scripts", body()).await;
        let path = format!("/v1/scripts/{}", id(&created.expect(201)));
        let got = product.get(&path).await;
        let tag = got.header("etag").expect("a tag").to_owned();
        assert_eq!(created.header("etag"), Some(tag.as_str()));
        assert_eq!(got.header("cache-control"), Some("private, max-age=300"));
        let conditional = async |path: &str, tag: &str| {
            product.send(product.request(Method::GET, path, &product.key).header("If-None-Match", tag)).await
        };
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let cached = conditional(&path, &known).await;
            assert_eq!((cached.status, cached.text.as_str(), cached.header("etag")), (304, "", Some(tag.as_str())));
        }
        assert_eq!(conditional(&format!("{path}?version=1"), &tag).await.status, 304);
        assert_eq!(conditional(&path, "\"other\"").await.status, 200);

        let patch = async |tag: &str, name: &str| {
            let request = product.request(Method::PATCH, &path, &product.key).header("If-Match", tag);
            product.send(request.json(&json!({"name": name}))).await
        };
        let changed = patch(&tag, "First").await;
        assert_eq!(changed.expect(200)["name"], "First");
        let new_tag = changed.header("etag").expect("a tag").to_owned();
        assert_ne!(new_tag, tag);
        assert_eq!(patch(&tag, "Second").await.refused(412), "PRECONDITION_FAILED");
        assert_eq!(product.get(&path).await.expect(200)["name"], "First");
        assert_eq!(conditional(&path, &tag).await.status, 200);
        assert_eq!(conditional(&path, &new_tag).await.status, 304);
        patch(&format!("\"99\", {new_tag}"), "Third").await.expect(200);
        patch("*", "Fourth").await.expect(200);
        assert_eq!(patch("nonsense", "Fifth").await.refused(412), "PRECONDITION_FAILED");
        // Publishing makes another document, so its tag changes too.
        let before = product.get(&path).await.header("etag").map(str::to_owned);
        let published = product.post(&format!("{path}/publish"), json!({})).await;
        assert_eq!(published.expect(200)["name"], "Fourth");
        assert_ne!(published.header("etag").map(str::to_owned), before);
        product.stop().await;
    }
}

//! Campaigns, as a client of the API meets them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    product::{Answered, Product, id},
};

fn path(campaign: &str) -> String {
    format!("/v1/campaigns/{campaign}")
}

fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect()
}

/// The events of an aggregate, in order.
async fn events(product: &Product, stream: &str) -> Vec<String> {
    let sql = format!("SELECT type FROM events WHERE stream_id = '{stream}' ORDER BY version");
    product.engine.sql(&sql).await.iter().map(|row| row[0].text().to_owned()).collect()
}

async fn conditional(product: &Product, method: Method, campaign: &str, header: (&str, &str), body: Value) -> Answered {
    let request = product.request(method.clone(), &path(campaign), &product.key).header(header.0, header.1);
    product.send(if method == Method::GET { request } else { request.json(&body) }).await
}

/// The names on a page of the list.
async fn names(product: &Product, query: &str) -> Vec<String> {
    let page = product.get(&format!("/v1/campaigns?{query}")).await.expect(200);
    let data = page["data"].as_array().expect("a list").clone();
    assert_eq!(page["pagination"]["total"], json!(data.len()), "{query}");
    data.iter().map(|campaign| campaign["name"].as_str().expect("a name").to_owned()).collect()
}

on_both_engines! {
    async fn a_campaign_is_created_read_and_stored(engine: Engine) {
        let product = Product::start(engine).await;
        let script = product.script().await;
        let body = json!({
            "name": "Q1", "scriptId": script, "description": "Why", "unknown": 1, "metadata": {"team": "x"},
            "settings": {"voice": "nova", "mood": [1]}, "inviteDefaults": {"expiresIn": "24h"},
        });
        let answer = product.post("/v1/campaigns", body).await;
        let campaign = answer.expect(201);
        assert_eq!(answer.header("location"), Some(path(&id(&campaign)).as_str()));
        assert!(answer.header("etag").is_some());
        assert!(id(&campaign).starts_with("cam_"));
        let settings = json!({
            "language": "en", "voice": "nova", "maxDuration": 1800, "requireConsent": true, "mood": [1],
        });
        assert_eq!(campaign["settings"], settings);
        assert_eq!(campaign["metadata"], json!({"team": "x"}));
        assert_eq!(campaign["projectId"], Value::Null);
        assert_eq!(campaign["createdAt"], "2026-05-28T20:26:40Z");
        assert!(campaign.get("unknown").is_none());
        assert_eq!(product.get(&path(&id(&campaign))).await.expect(200), campaign);
        assert_eq!(events(&product, &id(&campaign)).await, ["campaign.created"]);
        let invite = product.invite(&id(&campaign), "ada@example.com").await;
        assert_eq!(invite["expiresAt"], "2026-05-29T20:26:40Z", "the campaign's default applies");
    }

    async fn what_a_campaign_names_must_exist_and_be_published(engine: Engine) {
        let product = Product::start(engine).await;
        let unknown = json!({
            "name": "", "description": "x".repeat(501), "scriptId": "scr_01h455vb4pex5vsknk084sn02q",
            "projectId": "prj_01h455vb4pex5vsknk084sn02q", "settings": {"maxDuration": 9},
            "inviteDefaults": {"expiresIn": "7y"}, "metadata": {"a": []},
        });
        let answer = product.post("/v1/campaigns", unknown).await;
        assert_eq!(answer.refused(422), "VALIDATION_ERROR");
        let expected = [
            ("description", "too_long"), ("inviteDefaults.expiresIn", "invalid_format"), ("metadata.a", "invalid_value"),
            ("name", "too_short"), ("projectId", "not_found"), ("scriptId", "not_found"),
            ("settings.maxDuration", "out_of_range"),
        ];
        assert_eq!(answer.fields(), pairs(&expected));

        let wrong = json!({
            "name": 1, "description": [], "scriptId": 2, "projectId": {}, "settings": {"voice": 1}, "metadata": "x",
            "inviteDefaults": [],
        });
        let answer = product.post("/v1/campaigns", wrong).await;
        assert_eq!(answer.refused(400), "INVALID_REQUEST");
        let wrong = ["description", "inviteDefaults", "metadata", "name", "projectId", "scriptId", "settings.voice"];
        assert_eq!(answer.fields(), pairs(&wrong.map(|field| (field, "invalid_type"))));
        let answer = product.post("/v1/campaigns", json!({})).await;
        assert_eq!(answer.refused(400), "INVALID_REQUEST");
        assert_eq!(answer.fields(), pairs(&[("name", "required"), ("scriptId", "required")]));

        let question = json!({"id": "q1", "text": "How was it?", "type": "open"});
        let draft = json!({"name": "Draft", "systemPrompt": "Be kind.", "questions": [question]});
        let draft = id(&product.post("/v1/scripts", draft).await.expect(201));
        let answer = product.post("/v1/campaigns", json!({"name": "C", "scriptId": draft})).await;
        assert_eq!(answer.refused(409), "SCRIPT_NOT_PUBLISHED");
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM events WHERE type LIKE 'campaign.%'").await, 0);
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM campaigns").await, 0);
    }

    async fn a_patch_merges(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({"voice": "nova", "mood": 1})).await;
        let project = id(&product.post("/v1/projects", json!({"name": "P"})).await.expect(201));
        let set = json!({"name": "New", "description": "D", "projectId": project, "settings": {"language": "de", "mood": null},
            "metadata": {"a": 1, "b": 2}, "inviteDefaults": {"expiresIn": "1h"}});
        let changed = product.patch(&path(&campaign), set).await.expect(200);
        assert_eq!((&changed["name"], &changed["description"]), (&json!("New"), &json!("D")));
        assert_eq!(changed["projectId"], json!(project));
        let settings = json!({"language": "de", "voice": "nova", "maxDuration": 1800, "requireConsent": true});
        assert_eq!(changed["settings"], settings, "absent is kept, null is cleared");
        let clear = json!({"description": null, "projectId": null, "settings": {"voice": null}, "metadata": {"a": null}});
        let changed = product.patch(&path(&campaign), clear).await.expect(200);
        assert_eq!((&changed["name"], &changed["description"]), (&json!("New"), &Value::Null));
        assert_eq!((&changed["projectId"], &changed["metadata"]), (&Value::Null, &json!({"b": 2})));
        assert_eq!(changed["settings"]["voice"], "alloy", "the default shows through");
        assert_eq!(changed["inviteDefaults"], json!({"expiresIn": "1h"}));

        let request = product.request(Method::PUT, &path(&campaign), &product.key).json(&json!({"name": "Put"}));
        let put = product.send(request).await.expect(200);
        assert_eq!((&put["name"], &put["metadata"]), (&json!("Put"), &json!({"b": 2})), "PUT is PATCH");
        let expected = ["campaign.created", "campaign.updated", "campaign.updated", "campaign.updated"];
        assert_eq!(events(&product, &campaign).await, expected);
        let stored = product.get(&path(&campaign)).await.expect(200);
        let mut same = stored.clone();
        same.as_object_mut().expect("an object").remove("settings");
        assert_eq!(product.patch(&path(&campaign), same).await.expect(200), stored);
        assert_eq!(events(&product, &campaign).await, expected, "what changes nothing is not written");
        assert_eq!(product.patch(&path(&campaign), stored.clone()).await.expect(200), stored, "its own body changes nothing");

        let bad = json!({"name": null, "settings": {"language": "x y"}, "status": "paused", "projectId": "nothing"});
        let answer = product.patch(&path(&campaign), bad).await;
        assert_eq!(answer.refused(422), "VALIDATION_ERROR");
        let fields: Vec<_> = answer.fields().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["name", "projectId", "settings.language"]);
        let answer = product.patch(&path(&campaign), json!({"status": "paused", "name": "X"})).await;
        assert_eq!(answer.refused(422), "VALIDATION_ERROR");
        assert_eq!(answer.fields(), pairs(&[("status", "not_allowed")]));
        assert_eq!(product.patch(&path(&campaign), json!({"name": 1})).await.refused(400), "INVALID_REQUEST");
        assert_eq!(product.get(&path(&campaign)).await.expect(200), stored);
    }

    async fn an_etag_saves_reading_and_guards_writing(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let first = product.get(&path(&campaign)).await;
        let tag = first.header("etag").expect("a tag").to_owned();
        assert_eq!(first.header("cache-control"), Some("private, max-age=300"));
        let none = Value::Null;
        let known = conditional(&product, Method::GET, &campaign, ("if-none-match", &tag), none.clone()).await;
        assert_eq!((known.status, known.text.as_str(), known.header("etag")), (304, "", Some(tag.as_str())));

        let renamed = conditional(&product, Method::PATCH, &campaign, ("if-match", &tag), json!({"name": "B"})).await;
        assert_eq!(renamed.expect(200)["name"], "B");
        let fresh = product.get(&path(&campaign)).await.header("etag").expect("a tag").to_owned();
        assert_eq!(renamed.header("etag"), Some(fresh.as_str()));
        assert_ne!(fresh, tag);
        let late = conditional(&product, Method::PATCH, &campaign, ("if-match", &tag), json!({"name": "C"})).await;
        assert_eq!(late.refused(412), "PRECONDITION_FAILED");
        assert_eq!(product.get(&path(&campaign)).await.expect(200)["name"], "B");
        let any = conditional(&product, Method::PATCH, &campaign, ("if-match", "*"), json!({"name": "D"})).await;
        any.expect(200);

        let before = product.get(&path(&campaign)).await.header("etag").expect("a tag").to_owned();
        product.invite(&campaign, "ada@example.com").await;
        let counted = conditional(&product, Method::GET, &campaign, ("if-none-match", &before), none).await;
        assert_eq!(counted.expect(200)["stats"]["totalInvites"], 1, "the stats are part of what is tagged");
        let unchanged = conditional(&product, Method::PATCH, &campaign, ("if-match", &before), json!({"name": "E"})).await;
        assert_eq!(unchanged.expect(200)["name"], "E", "an invite does not stand in the way of a change");
    }

    async fn pause_resume_archive(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let invite = product.invite(&campaign, "ada@example.com").await;
        let link = format!("/v1/interview/{}", invite["token"].as_str().expect("a token"));
        let invites = format!("{}/invites", path(&campaign));
        let act = async |action: &str| product.post(&format!("{}/{action}", path(&campaign)), json!({})).await;
        let new = json!({"email": "bob@example.com"});

        assert_eq!(act("pause").await.expect(200)["status"], "paused");
        assert_eq!(act("pause").await.refused(409), "CONFLICT");
        assert_eq!(product.post(&invites, new.clone()).await.refused(409), "CAMPAIGN_NOT_ACTIVE");
        let bulk = json!({"invites": [new]});
        assert_eq!(product.post(&format!("{invites}/bulk"), bulk).await.refused(409), "CAMPAIGN_NOT_ACTIVE");
        product.get(&link).await.expect(200);
        assert_eq!(act("resume").await.expect(200)["status"], "active");
        assert_eq!(act("resume").await.refused(409), "CONFLICT");
        product.post(&invites, new.clone()).await.expect(201);

        assert_eq!(act("archive").await.expect(200)["status"], "archived");
        for action in ["resume", "pause", "archive"] {
            assert_eq!(act(action).await.refused(409), "CAMPAIGN_NOT_ACTIVE", "{action}");
        }
        assert_eq!(product.get(&link).await.refused(409), "CAMPAIGN_NOT_ACTIVE");
        assert_eq!(product.post(&invites, new).await.refused(409), "CAMPAIGN_NOT_ACTIVE");
        let resend = format!("/v1/invites/{}/resend", id(&invite));
        assert_eq!(product.post(&resend, json!({})).await.refused(409), "CAMPAIGN_NOT_ACTIVE");
        let expected = ["campaign.created", "campaign.paused", "campaign.resumed", "campaign.archived"];
        assert_eq!(events(&product, &campaign).await, expected);
        assert_eq!(product.get(&path(&campaign)).await.expect(200)["stats"]["totalInvites"], 2);
        let nowhere = path("cam_01h455vb4pex5vsknk084sn02q");
        for action in ["pause", "resume", "archive"] {
            let answer = product.post(&format!("{nowhere}/{action}"), json!({})).await;
            assert_eq!(answer.refused(404), "RESOURCE_NOT_FOUND");
        }
    }

    async fn the_list_filters_searches_and_sorts(engine: Engine) {
        let product = Product::start(engine).await;
        let script = product.script().await;
        let project = id(&product.post("/v1/projects", json!({"name": "P"})).await.expect(201));
        let mut ids = Vec::new();
        for (name, project) in [("Beta 100%", None), ("alpha", Some(&project)), ("ÄRGER", None), ("Gamma", Some(&project))] {
            let body = json!({"name": name, "scriptId": script, "projectId": project});
            ids.push(id(&product.post("/v1/campaigns", body).await.expect(201)));
            product.engine.hands.advance(chrono::TimeDelta::seconds(10));
        }
        product.post(&format!("{}/pause", path(&ids[0])), json!({})).await.expect(200);
        product.post(&format!("{}/archive", path(&ids[3])), json!({})).await.expect(200);

        for (query, expected) in [
            ("", vec!["Gamma", "ÄRGER", "alpha", "Beta 100%"]),
            ("order=asc", vec!["Beta 100%", "alpha", "ÄRGER", "Gamma"]),
            ("status=active", vec!["ÄRGER", "alpha"]),
            ("status=paused", vec!["Beta 100%"]),
            ("status=archived", vec!["Gamma"]),
            ("search=AMMA", vec!["Gamma"]),
            ("search=%C3%A4rg", vec!["ÄRGER"]),
            ("search=0%25", vec!["Beta 100%"]),
            ("search=_", vec![]),
            ("sort=updatedAt&order=asc", vec!["alpha", "ÄRGER", "Beta 100%", "Gamma"]),
            ("from=2026-05-28T20:26:50Z&to=2026-05-28T20:27:10Z", vec!["ÄRGER", "alpha"]),
            ("updatedSince=2026-05-28T20:27:20Z", vec!["Gamma", "Beta 100%"]),
        ] {
            assert_eq!(names(&product, query).await, expected, "{query}");
        }
        assert_eq!(names(&product, &format!("projectId={project}")).await, ["Gamma", "alpha"]);
        assert_eq!(names(&product, &format!("projectId={project}&status=active")).await, ["alpha"]);
        let sorted = names(&product, "sort=name&order=asc").await;
        let mut reversed = names(&product, "sort=name&order=desc").await;
        reversed.reverse();
        assert_eq!(sorted, reversed);
        let place = |name: &str| sorted.iter().position(|other| other == name);
        assert!(sorted.len() == 4 && place("Beta 100%") < place("Gamma"), "{sorted:?}");

        let page = product.get("/v1/campaigns?limit=1&offset=1").await.expect(200);
        assert_eq!(page["data"][0]["name"], "ÄRGER");
        assert_eq!(page["pagination"], json!({"total": 4, "limit": 1, "offset": 1, "hasMore": true}));
        let bad = product.get("/v1/campaigns?limit=101&offset=-1&status=x&sort=x&order=x&projectId=x&after=x").await;
        assert_eq!(bad.refused(400), "INVALID_REQUEST");
        let fields: Vec<_> = bad.fields().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["after", "limit", "offset", "order", "projectId", "sort", "status"]);
    }

    async fn many_changes_at_once_wait_for_each_other(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let path = format!("/v1/campaigns/{campaign}");
        let invites = format!("{path}/invites");
        let work = (0..48).map(async |n: usize| {
            let answer = match n % 3 {
                0 => product.post(&invites, json!({"email": format!("p{n}@example.com")})).await,
                _ => product.patch(&path, json!({"name": format!("Name {n}")})).await,
            };
            answer.status
        });
        let mut answers = futures_util::future::join_all(work).await;
        answers.sort_unstable();
        assert_eq!(answers, [vec![200; 32], vec![201; 16]].concat(), "nobody is sent away");
        let updates = "SELECT COUNT(*) FROM events WHERE type = 'campaign.updated'";
        assert_eq!(product.engine.number(updates).await, 32, "each took effect, once");
        product.stop().await;
    }
}

//! Sessions as their organization sees them, and consent (contract 24 to 27).

use std::collections::BTreeSet;

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    participant::Participant,
    product::{Product, id},
};

const LONG: &str =
    "I used it every day for my work with customers, and most of all I liked how quickly it answered them.";

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().expect("a list").iter().map(id).collect()
}

/// The names of a session's events.
async fn events(product: &Product, session: &str) -> Vec<String> {
    let sql = format!("SELECT type FROM events WHERE stream_id = '{session}' ORDER BY version");
    product.engine.sql(&sql).await.iter().map(|row| row[0].text().to_owned()).collect()
}

on_both_engines! {
    async fn a_session_has_every_field_of_the_reference(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({"language": "de"})).await;
        let ada = Participant::join(&product, &campaign, "ada@example.com").await;
        let path = format!("/v1/sessions/{}", ada.session);
        let answer = product.get(&path).await;
        let session = answer.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let documented = [
            "id", "campaignId", "inviteId", "status", "participant", "startedAt", "completedAt", "duration",
            "questionsAnswered", "totalQuestions", "language", "sentiment", "device", "metadata", "createdAt",
        ];
        assert!(documented.iter().all(|name| session.get(name).is_some()), "{session}");
        assert_eq!((&session["status"], &session["language"], &session["duration"]), (&json!("created"), &json!("de"), &json!(0)));
        assert_eq!((&session["startedAt"], &session["completedAt"], &session["sentiment"]), (&Value::Null, &Value::Null, &Value::Null));
        let listed = product.get(&format!("/v1/campaigns/{campaign}/sessions")).await;
        assert_eq!(listed.header("cache-control"), Some("no-store"));
        assert_eq!(listed.expect(200)["data"], json!([session]));
        assert_eq!(product.get("/v1/sessions/ses_nothing").await.refused(404), "RESOURCE_NOT_FOUND");
        product.stop().await;
    }

    async fn an_organization_pauses_resumes_and_keeps_alive(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let (ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let path = |action: &str| format!("/v1/sessions/{}/{action}", ada.session);
        assert_eq!(product.post(&path("pause"), json!({"reason": "x".repeat(501)})).await.refused(422), "VALIDATION_ERROR");
        assert_eq!(product.post(&path("pause"), json!({"reason": 5})).await.refused(400), "INVALID_REQUEST");
        let body = json!({"reason": "Technical issue reported by participant"});
        let paused = product.post_once(&path("pause"), "k1", body.clone()).await.expect(200);
        assert_eq!((&paused["status"], &paused["pauseReason"]), (&json!("paused"), &body["reason"]));
        assert_eq!(product.post_once(&path("pause"), "k1", body).await.expect(200), paused);
        let mut answer = ada.other_tab();
        answer.open().await.expect(200);
        assert_eq!(answer.answer(&turn["prompt"], json!({"text": LONG})).await.refused(409), "SESSION_NOT_ACTIVE");
        let alive = product.post(&path("heartbeat"), json!({})).await.expect(200);
        assert_eq!((&alive["id"], &alive["status"], &alive["nextHeartbeatIn"]), (&json!(ada.session), &json!("paused"), &json!(30)));
        let resumed = product.post(&path("resume"), json!({})).await.expect(200);
        assert_eq!((&resumed["status"], &resumed["pauseReason"]), (&json!("in_progress"), &Value::Null));
        assert_eq!(product.post(&path("resume"), json!({})).await.refused(409), "SESSION_NOT_ACTIVE");
        assert_eq!(product.post(&path("heartbeat"), json!({})).await.expect(200)["status"], "in_progress");
        ada.post("leave", json!({})).await.expect(200);
        for action in ["pause", "resume", "heartbeat"] {
            assert_eq!(product.post(&path(action), json!({})).await.refused(409), "SESSION_NOT_ACTIVE", "{action}");
        }
        // A reason may say something about a person, so the log does not hold it in the clear.
        let in_clear = "SELECT COUNT(*) FROM events WHERE data LIKE '%Technical issue%' OR meta LIKE '%Technical issue%'";
        assert_eq!(product.engine.number(in_clear).await, 0);
        product.stop().await;
    }

    async fn consent_is_kept_with_its_grounds_and_withdrawal_ends_everything(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({"language": "de"})).await;
        let mut ada = Participant::join(&product, &campaign, "ada@example.com").await;
        let texts = ada.look().await.expect(200)["consent"]["texts"].clone();
        let hash = texts[0]["sha256"].as_str().expect("a hash");
        let consents = format!("/v1/sessions/{}/consents", ada.session);

        // Refused before the start: kept, and nothing else changes.
        let refused = ada.post("consent", json!({"granted": false, "type": "recording"})).await.expect(201);
        assert_eq!((&refused["granted"], &refused["type"]), (&json!(false), &json!("recording")));
        assert_eq!(ada.look().await.expect(200)["session"]["status"], "created");
        assert_eq!(ada.post("start", json!({})).await.refused(409), "CONSENT_REQUIRED");

        let wrong = ada.post("consent", json!({"granted": true, "type": "recording", "textSha256": "0".repeat(64)})).await;
        assert_eq!(wrong.refused(422), "VALIDATION_ERROR");
        assert_eq!(wrong.fields()[0].0, "textSha256");
        let english = "470a1bb4b0fdbfccc8cac8e33252881d66604b933d739284149d391fda7c23f9";
        let other = ada.post("consent", json!({"granted": true, "type": "recording", "textSha256": english})).await;
        assert_eq!(other.refused(422), "VALIDATION_ERROR", "that text was not the one offered");
        let bad = ada.post("consent", json!({"granted": "yes"})).await;
        assert_eq!(bad.refused(400), "INVALID_REQUEST");
        assert_eq!(bad.fields().iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["granted", "type"]);
        assert_eq!(ada.post("consent", json!({"granted": true, "type": "both"})).await.refused(422), "VALIDATION_ERROR");

        let agent = ada.request(Method::POST, "consent").header("user-agent", "Browser/1.0");
        let given = json!({"granted": true, "type": "recording", "textSha256": hash});
        let record = product.send(agent.json(&given)).await.expect(201);
        assert_eq!((&record["textSha256"], &record["textVersion"], &record["locale"]), (&json!(hash), &json!(1), &json!("de")));
        assert_eq!((&record["method"], &record["actor"], &record["ip"]), (&json!("web"), &json!("participant"), &json!("127.0.0.1")));
        assert_eq!(record["userAgent"], "Browser/1.0");
        assert_eq!(ada.post("start", json!({})).await.refused(409), "CONSENT_REQUIRED", "one of two");

        // The organization vouches for the other one.
        let path = format!("/v1/sessions/{}/consent", ada.session);
        let vouched = product.post(&path, json!({"granted": true, "type": "data_processing", "ip": "203.0.113.7"})).await.expect(201);
        assert_eq!((&vouched["method"], &vouched["ip"]), (&json!("api"), &json!("203.0.113.7")));
        assert!(vouched["actor"].as_str().expect("an actor").starts_with("key_"));
        assert_eq!(product.post(&path, json!({"granted": true, "type": "all", "ip": "here"})).await.refused(422), "VALIDATION_ERROR");
        let without = product.post(&path, json!({"granted": true, "type": "all"})).await.expect(201);
        assert_eq!((&without["ip"], &without["userAgent"]), (&Value::Null, &Value::Null));

        let turn = ada.post("start", json!({})).await.expect(200);
        let record = ada.post("consent", json!({"granted": false, "type": "data_processing"})).await.expect(201);
        assert_eq!(record["granted"], json!(false));
        let ended = product.get(&format!("/v1/sessions/{}", ada.session)).await.expect(200);
        assert_eq!((&ended["status"], &ended["endReason"]), (&json!("abandoned"), &json!("consent_withdrawn")));
        assert_eq!(ada.answer(&turn["prompt"], json!({"text": LONG})).await.refused(409), "SESSION_NOT_ACTIVE");

        // Page by page, each record once, whole.
        let all = product.get(&consents).await.expect(200);
        assert_eq!(all["pagination"], json!({"total": 5, "limit": 20, "offset": 0, "hasMore": false}));
        let mut seen = Vec::new();
        let mut query = "?limit=2".to_owned();
        loop {
            let page = product.get(&format!("{consents}{query}")).await.expect(200);
            seen.extend(page["data"].as_array().expect("a list").clone());
            if page["pagination"]["hasMore"] == json!(false) {
                break;
            }
            query = format!("?limit=2&after={}", id(seen.last().expect("a record")));
        }
        assert_eq!(json!(seen), all["data"]);
        let skipped = product.get(&format!("{consents}?limit=2&offset=4")).await.expect(200);
        assert_eq!((skipped["data"].as_array().map(Vec::len), &skipped["pagination"]["hasMore"]), (Some(1), &json!(false)));
        let oldest = product.get(&format!("{consents}?order=asc&limit=1")).await.expect(200);
        assert_eq!(oldest["data"][0], refused);
        assert_eq!(product.get(&format!("{consents}?limit=0")).await.refused(400), "INVALID_REQUEST");
        for name in ["203.0.113.7", "Browser/1.0", "127.0.0.1"] {
            let in_clear = format!("SELECT COUNT(*) FROM events WHERE data LIKE '%{name}%'");
            assert_eq!(product.engine.number(&in_clear).await, 0, "{name}");
        }
        product.stop().await;
    }

    async fn no_answer_follows_a_withdrawal_in_the_log(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let other = product.node().await;
        // Several at once, on two nodes, each answering and withdrawing at the same moment.
        for round in 0..8 {
            let (ada, turn) = Participant::begin(&product, &campaign, &format!("ada{round}@example.com")).await;
            let mut tab = ada.other_tab();
            tab.token.clone_from(&ada.token);
            tab.url.clone_from(&other.url);
            let (answered, withdrawn) = tokio::join!(
                ada.answer_as(1, &turn["prompt"], json!({"text": LONG})),
                tab.post("consent", json!({"granted": false, "type": "recording"})),
            );
            withdrawn.expect(201);
            let names = events(&product, &ada.session).await;
            let end = names.iter().position(|name| name == "consent.withdrawn").expect("withdrawn");
            let answers: Vec<_> = names.iter().enumerate().filter(|(_, name)| *name == "session.answered").collect();
            assert_eq!(answers.len(), usize::from(answered.status == 201), "{names:?}");
            assert!(answers.iter().all(|(at, _)| *at < end), "{names:?}");
            if answered.status != 201 {
                assert_eq!(answered.refused(409), "SESSION_NOT_ACTIVE");
            }
        }
        other.stop().await;
        product.stop().await;
    }

    async fn lists_are_filtered_sorted_and_paged_and_each_row_comes_once(engine: Engine) {
        let product = Product::start(engine).await;
        let questions = json!([{"id": "q1", "text": "One?", "type": "yes_no"}]);
        let campaign = product.campaign_with(questions, json!({})).await;
        let elsewhere = product.campaign(json!({})).await;
        Participant::join(&product, &elsewhere, "else@example.com").await;
        let mut created = Vec::new();
        for i in 0..14_i64 {
            let mut person = Participant::join(&product, &campaign, &format!("p{i}@example.com")).await;
            created.push(person.session.clone());
            if i % 7 == 0 {
                continue;
            }
            person.consent(true).await.expect(201);
            person.post("start", json!({})).await.expect(200);
            if i % 7 == 6 {
                person.post("pause", json!({})).await.expect(200);
                continue;
            }
            // Several last equally long, so that ties have to be broken.
            product.engine.hands.advance(TimeDelta::seconds(10 + i % 3));
            person.finish().await;
            person.post("complete", json!({})).await.expect(200);
        }
        let list = format!("/v1/campaigns/{campaign}/sessions");
        let get = async |query: &str| product.get(&format!("{list}?{query}")).await.expect(200);
        let all = get("limit=100").await;
        created.reverse();
        assert_eq!(ids(&all), created, "the newest first");
        assert_eq!(all["pagination"]["total"], json!(14));
        let everything: BTreeSet<String> = created.iter().cloned().collect();

        for status in ["created", "in_progress", "paused", "completed", "abandoned"] {
            let page = get(&format!("status={status}&limit=100")).await;
            let expected: Vec<_> = all["data"].as_array().expect("a list").iter().filter(|one| one["status"] == json!(status)).collect();
            assert_eq!(page["data"], json!(expected), "{status}");
            assert_eq!(page["pagination"]["total"], json!(expected.len()), "{status}");
        }

        for (sort, key) in [("createdAt", "id"), ("completedAt", "completedAt"), ("duration", "duration")] {
            for order in ["asc", "desc"] {
                let whole = get(&format!("sort={sort}&order={order}&limit=100")).await;
                let keys: Vec<String> = whole["data"].as_array().expect("a list").iter()
                    .map(|one| match &one[key] { Value::Number(number) => format!("{number:>9}"), Value::String(text) => text.clone(), _ => String::new() })
                    .collect();
                assert!(if order == "asc" { keys.is_sorted() } else { keys.iter().rev().is_sorted() }, "{sort} {order}: {keys:?}");
                for mode in ["after", "offset"] {
                    let (mut seen, mut query) = (Vec::new(), String::new());
                    loop {
                        let page = get(&format!("sort={sort}&order={order}&limit=3{query}")).await;
                        seen.extend(ids(&page));
                        assert_eq!(page["pagination"]["total"], json!(14));
                        if page["pagination"]["hasMore"] == json!(false) {
                            break;
                        }
                        query = match mode {
                            "after" => format!("&after={}", seen.last().expect("a row")),
                            _ => format!("&offset={}", seen.len()),
                        };
                    }
                    assert_eq!(seen, ids(&whole), "{sort} {order} {mode}");
                    assert_eq!(seen.iter().cloned().collect::<BTreeSet<_>>(), everything, "{sort} {order} {mode}");
                }
            }
        }

        // `from` is inclusive, `to` exclusive, both on the creation.
        let middle = &all["data"][6];
        let at = middle["createdAt"].as_str().expect("a time");
        let (from, to) = (get(&format!("from={at}&limit=100")).await, get(&format!("to={at}&limit=100")).await);
        assert!(ids(&from).contains(&id(middle)) && !ids(&to).contains(&id(middle)));
        assert_eq!(ids(&from).len() + ids(&to).len(), 14);
        let since = product.engine.clock.now() + TimeDelta::seconds(1);
        product.engine.hands.advance(TimeDelta::seconds(2));
        let changed = id(&all["data"].as_array().expect("a list").iter().find(|one| one["status"] == "paused").expect("one").clone());
        product.post(&format!("/v1/sessions/{changed}/resume"), json!({})).await.expect(200);
        let since = since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        assert_eq!(ids(&get(&format!("updatedSince={since}")).await), [changed]);

        let bad = product.get(&format!("{list}?status=x&sort=name&order=up&from=then&limit=101&after=inv_1")).await;
        assert_eq!(bad.refused(400), "INVALID_REQUEST");
        let fields: Vec<_> = bad.fields().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["after", "from", "limit", "order", "sort", "status"]);
        assert_eq!(product.get("/v1/campaigns/cam_nothing/sessions").await.refused(404), "RESOURCE_NOT_FOUND");
        product.stop().await;
    }

    async fn links_that_are_over_begin_nothing(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let invites = format!("/v1/campaigns/{campaign}/invites");
        let before = product.engine.number("SELECT COUNT(*) FROM events WHERE type = 'session.created'").await;

        let cancelled = product.invite(&campaign, "ada@example.com").await;
        product.post(&format!("/v1/invites/{}/cancel", id(&cancelled)), json!({})).await.expect(200);
        assert_eq!(Participant::invited(&product, &cancelled).open().await.refused(409), "INVITE_CANCELLED");
        let short = product.post(&invites, json!({"email": "bob@example.com", "expiresIn": "5m"})).await.expect(201);
        let long = product.invite(&campaign, "cy@example.com").await;
        let mut early = Participant::join(&product, &campaign, "dee@example.com").await;
        early.consent(true).await.expect(201);
        let (mut running, turn) = Participant::begin(&product, &campaign, "eve@example.com").await;
        product.engine.hands.advance(TimeDelta::minutes(5));
        assert_eq!(Participant::invited(&product, &short).open().await.refused(409), "INVITE_EXPIRED");

        // A paused campaign lets its links work; an archived one does not.
        product.post(&format!("/v1/campaigns/{campaign}/pause"), json!({})).await.expect(200);
        Participant::invited(&product, &long).open().await.expect(201);
        product.post(&format!("/v1/campaigns/{campaign}/archive"), json!({})).await.expect(200);
        assert_eq!(Participant::invited(&product, &long).open().await.refused(409), "CAMPAIGN_NOT_ACTIVE");
        assert_eq!(early.open().await.refused(409), "CAMPAIGN_NOT_ACTIVE");
        assert_eq!(early.post("start", json!({})).await.refused(409), "CAMPAIGN_NOT_ACTIVE");
        assert_eq!(early.look().await.refused(409), "CAMPAIGN_NOT_ACTIVE");
        assert_eq!(running.open().await.refused(409), "CAMPAIGN_NOT_ACTIVE", "not resumable");
        // Whoever is in the middle of it is not cut off.
        assert_eq!(running.look().await.expect(200)["session"]["status"], "in_progress");
        running.answer(&turn["prompt"], json!({"text": LONG})).await.expect(201);
        running.post("complete", json!({})).await.expect(200);
        let over = running.look().await.expect(200);
        assert_eq!((&over["invite"]["status"], &over["session"]["status"]), (&json!("completed"), &json!("completed")));

        let created = product.engine.number("SELECT COUNT(*) FROM events WHERE type = 'session.created'").await;
        assert_eq!(created - before, 3);
        product.stop().await;
    }

    async fn settings_that_change_change_no_session_that_is_open(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({"language": "de"})).await;
        let mut ada = Participant::join(&product, &campaign, "ada@example.com").await;
        let later = Participant::invited(&product, &product.invite(&campaign, "bob@example.com").await);
        let before = ada.look().await.expect(200);
        let body = json!({"settings": {"language": "fr", "requireConsent": false}});
        product.send(product.request(Method::PATCH, &format!("/v1/campaigns/{campaign}"), &product.key).json(&body)).await.expect(200);
        let shown = ada.look().await.expect(200);
        assert_eq!((&shown["language"], &shown["consent"]), (&json!("de"), &before["consent"]));
        assert_eq!(shown["consent"]["required"], json!(true));
        let new = later.look().await.expect(200);
        assert_eq!((&new["language"], &new["consent"]["required"]), (&json!("fr"), &json!(false)));
        assert_eq!(new["consent"]["texts"][0]["locale"], "fr");
        // What is shown is what can be agreed to.
        for text in shown["consent"]["texts"].as_array().expect("texts") {
            let given = json!({"granted": true, "type": text["type"], "textSha256": text["sha256"]});
            assert_eq!(ada.post("consent", given).await.expect(201)["locale"], "de");
        }
        ada.post("start", json!({})).await.expect(200);
        // Who left before the start begins anew, under what holds now.
        let mut eve = Participant::join(&product, &campaign, "eve@example.com").await;
        product.send(product.request(Method::PATCH, &format!("/v1/campaigns/{campaign}"), &product.key)
            .json(&json!({"settings": {"language": "es"}}))).await.expect(200);
        assert_eq!(eve.look().await.expect(200)["language"], "fr");
        eve.post("leave", json!({})).await.expect(200);
        assert_eq!(eve.look().await.expect(200)["language"], "es");
        eve.open().await.expect(201);
        assert_eq!(eve.look().await.expect(200)["language"], "es");
        ada.finish().await;
        ada.post("complete", json!({})).await.expect(200);
        assert_eq!(ada.look().await.expect(200)["language"], "de", "also when it is over");
        product.stop().await;
    }

    async fn who_completes_when_time_is_up_has_completed(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({"maxDuration": 60})).await;
        let (ada, _) = Participant::begin(&product, &campaign, "ada@example.com").await;
        product.engine.hands.advance(TimeDelta::seconds(59));
        assert_eq!(ada.post("complete", json!({})).await.refused(409), "CONFLICT", "a required question is open");
        product.engine.hands.advance(TimeDelta::seconds(1));
        let done = ada.post("complete", json!({})).await.expect(200);
        assert_eq!((&done["session"]["status"], &done["session"]["endReason"]), (&json!("completed"), &json!("time_limit")));
        product.stop().await;
    }

    async fn a_cancelled_invite_takes_its_session_with_it(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let invite = product.invite(&campaign, "ada@example.com").await;
        let mut ada = Participant::invited(&product, &invite);
        ada.open().await.expect(201);
        ada.consent(true).await.expect(201);
        product.post(&format!("/v1/invites/{}/cancel", id(&invite)), json!({})).await.expect(200);
        for action in ["start", "heartbeat", "consent", "leave"] {
            let body = json!({"granted": true, "type": "all"});
            assert_eq!(ada.post(action, body).await.refused(409), "INVITE_CANCELLED", "{action}");
        }
        assert_eq!(ada.next().await.refused(409), "INVITE_CANCELLED");
        assert_eq!(ada.open().await.refused(409), "INVITE_CANCELLED");
        product.stop().await;
    }
}

//! A participant's way through an interview (contract 22 to 27).

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    participant::Participant,
    product::{Product, id},
};

/// One question of each type, as the tests below answer them.
fn questions() -> Value {
    json!([
        {"id": "q1", "text": "Tell me about it.", "type": "open", "followUp": {"enabled": true, "maxFollowUps": 1}},
        {"id": "q2", "text": "How likely are you to recommend us?", "type": "rating", "scale": {"min": 0, "max": 10}},
        {"id": "q3", "text": "Which plan?", "type": "multiple_choice", "options": ["Free", "Paid"], "maxDuration": 60},
        {"id": "q4", "text": "Would you do it again?", "type": "yes_no"},
        {"id": "q5", "text": "Anything else?", "type": "open", "required": false},
    ])
}

/// A campaign that asks all of them.
async fn campaign(product: &Product, settings: Value) -> String {
    product.campaign_with(questions(), settings).await
}

fn kinds(turn: &Value) -> Vec<&str> {
    turn["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|message| message["kind"].as_str().expect("a kind"))
        .collect()
}

fn progress(turn: &Value) -> (i64, i64) {
    let number = |name: &str| turn["progress"][name].as_i64().expect("a number");
    (number("answered"), number("total"))
}

fn members(value: &Value) -> Vec<&str> {
    let mut names: Vec<_> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

async fn events(product: &Product) -> i64 {
    product.engine.number("SELECT position FROM log_head").await
}

const LONG: &str =
    "I used it every day for my work with customers, and most of all I liked how quickly it answered them.";

on_both_engines! {
    async fn an_interview_from_the_link_to_the_end(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, json!({})).await;
        let body = json!({"email": "ada@example.com", "name": "Ada", "metadata": {"userId": "12345", "segment": "enterprise"}});
        let invite = product.post(&format!("/v1/campaigns/{campaign}/invites"), body).await.expect(201);
        let mut ada = Participant::invited(&product, &invite);

        // Looking at the link, however often, creates nothing.
        let before = events(&product).await;
        assert_eq!(ada.look().await.expect(200)["session"], Value::Null);
        assert_eq!(events(&product).await, before);

        let opened = ada.open().await;
        let body = opened.expect(201);
        assert_eq!(members(&body), ["expiresAt", "session", "sessionToken"]);
        assert!(ada.token.starts_with("st_") && ada.session.starts_with("ses_"));
        assert_eq!(body["session"]["status"], "created");
        assert_eq!(opened.header("cache-control"), Some("no-store"));
        let expires = product.engine.clock.now() + TimeDelta::hours(24);
        assert_eq!(body["expiresAt"], json!(expires.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)));
        assert_eq!(ada.look().await.expect(200)["session"], json!({"id": ada.session, "status": "created", "consent": {"recording": null, "dataProcessing": null}}));

        // Coming back resumes: the same session, and a token of its own.
        let mut again = Participant::invited(&product, &invite);
        let answer = again.open().await.expect(200);
        assert_eq!((&again.session, &answer["session"]["status"]), (&ada.session, &json!("created")));

        assert_eq!(ada.post("start", json!({})).await.refused(409), "CONSENT_REQUIRED");
        assert_eq!(ada.next().await.refused(409), "SESSION_NOT_ACTIVE");
        let consent = ada.consent(true).await.expect(201);
        assert_eq!((&consent["type"], &consent["granted"]), (&json!("all"), &json!(true)));

        let turn = ada.post("start", json!({})).await.expect(200);
        assert_eq!(turn["session"]["status"], "in_progress");
        assert_eq!(kinds(&turn), ["greeting"]);
        assert_eq!(turn["done"], json!(false));
        assert_eq!(progress(&turn), (0, 5));
        let q1 = turn["prompt"].clone();
        assert_eq!(
            members(&q1),
            ["id", "kind", "maxDuration", "media", "options", "questionId", "required", "scale", "text", "type", "utteranceId"]
        );
        assert_eq!((&q1["kind"], &q1["questionId"], &q1["type"]), (&json!("question"), &json!("q1"), &json!("open")));
        assert_eq!((&q1["text"], &q1["required"], &q1["options"]), (&json!("Tell me about it."), &json!(true), &Value::Null));
        let next = ada.next().await;
        assert_eq!(next.header("cache-control"), Some("no-store"));
        for name in ["messages", "prompt", "progress", "done"] {
            assert_eq!(next.expect(200)[name], turn[name], "{name}");
        }
        assert_eq!(product.get(&format!("/v1/invites/{}", id(&invite))).await.expect(200)["status"], "started");

        // A short answer is followed up on, once; follow-ups count as no answered question.
        let follow_up = ada.answer(&q1, json!({"text": "Good."})).await.expect(201);
        let prompt = follow_up["prompt"].clone();
        assert_eq!((&prompt["kind"], &prompt["questionId"], &prompt["type"]), (&json!("follow_up"), &json!("q1"), &json!("open")));
        assert_eq!(prompt["required"], json!(false));
        let q2 = ada.answer(&prompt, json!({"text": "Fine."})).await.expect(201);
        assert_eq!(kinds(&q2), ["transition"]);
        assert_eq!((&q2["prompt"]["questionId"], &q2["prompt"]["scale"]), (&json!("q2"), &json!({"min": 0, "max": 10})));
        assert_eq!(progress(&q2), (1, 5));

        product.engine.hands.advance(TimeDelta::seconds(90));
        let q3 = ada.answer(&q2["prompt"], json!({"value": 9})).await.expect(201);
        assert_eq!((&q3["prompt"]["options"], &q3["prompt"]["maxDuration"]), (&json!(["Free", "Paid"]), &json!(60)));
        let q4 = ada.answer(&q3["prompt"], json!({"value": "Paid"})).await.expect(201);
        assert_eq!(q4["prompt"]["type"], "yes_no");
        let q5 = ada.answer(&q4["prompt"], json!({"value": true})).await.expect(201);
        assert_eq!((&q5["prompt"]["required"], q5["done"].as_bool()), (&json!(false), Some(false)));
        let end = ada.answer(&q5["prompt"], json!({"skip": true})).await.expect(201);
        assert_eq!((kinds(&end).last(), &end["prompt"], &end["done"]), (Some(&"closing"), &Value::Null, &json!(true)));
        assert_eq!(progress(&end), (4, 5));
        assert_eq!(ada.next().await.expect(200)["done"], json!(true));

        let done = ada.post("complete", json!({})).await.expect(200);
        assert_eq!(done["session"]["status"], "completed");
        let session = product.get(&format!("/v1/sessions/{}", ada.session)).await.expect(200);
        assert_eq!(done["session"]["id"], session["id"]);
        assert_eq!(session["participant"], json!({"email": "ada@example.com", "name": "Ada"}));
        assert_eq!(session["device"], json!({"browser": "Chrome 120", "os": "macOS 14.2", "type": "desktop"}));
        assert_eq!(session["metadata"], json!({"userId": "12345", "segment": "enterprise"}));
        assert_eq!((&session["campaignId"], &session["inviteId"]), (&json!(campaign), &invite["id"]));
        assert_eq!((&session["questionsAnswered"], &session["totalQuestions"]), (&json!(4), &json!(5)));
        assert_eq!((&session["duration"], &session["language"]), (&json!(90), &json!("en")));
        assert!(session["startedAt"].is_string() && session["completedAt"].is_string());

        // What follows changes nothing any more; the link says that it is over.
        assert_eq!(ada.answer(&q5["prompt"], json!({"text": "late"})).await.refused(409), "SESSION_NOT_ACTIVE");
        for action in ["start", "pause", "resume", "leave", "heartbeat"] {
            assert_eq!(ada.post(action, json!({})).await.refused(409), "SESSION_NOT_ACTIVE", "{action}");
        }
        let shown = ada.look().await.expect(200);
        assert_eq!(shown["session"], json!({"id": ada.session, "status": "completed", "consent": {"recording": true, "dataProcessing": true}}));
        assert_eq!(shown["invite"]["status"], "completed");
        let stats = &product.get(&format!("/v1/campaigns/{campaign}")).await.expect(200)["stats"];
        assert_eq!(*stats, json!({"totalInvites": 1, "completedSessions": 1, "averageDuration": 90}));
        product.stop().await;
    }

    async fn a_retried_answer_counts_once_and_two_tabs_cannot_disagree(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, json!({})).await;
        let (mut ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let q1 = turn["prompt"].clone();
        let first = ada.answer_as(1, &q1, json!({"text": LONG})).await.expect(201);
        let head = events(&product).await;
        for _ in 0..2 {
            assert_eq!(ada.answer_as(1, &q1, json!({"text": LONG})).await.expect(201), first, "the same answer again");
        }
        assert_eq!(events(&product).await, head, "and nothing new");
        let other = ada.answer_as(1, &q1, json!({"text": format!("{LONG} No, wait.")})).await;
        assert_eq!(other.refused(409), "CONFLICT", "the number was used for another answer");
        let stale = ada.answer_as(2, &q1, json!({"text": LONG})).await;
        assert_eq!(stale.refused(409), "CONFLICT", "the prompt is not the current one");
        let unknown = ada.answer_as(2, &json!({"id": "p99"}), json!({"text": LONG})).await;
        assert_eq!(unknown.refused(409), "CONFLICT");

        // A second tab has a token of its own, and sees where the first one is.
        let mut tab = ada.other_tab();
        tab.open().await.expect(200);
        let seen = tab.next().await.expect(200);
        assert_eq!(seen["prompt"], first["prompt"]);
        // Both answer the same prompt at the same moment: one answer counts.
        let (left, right) = tokio::join!(
            ada.answer_as(10, &seen["prompt"], json!({"value": 3})),
            tab.answer_as(11, &seen["prompt"], json!({"value": 8})),
        );
        let mut statuses = [left.status, right.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{} {}", left.text, right.text);
        let now = ada.next().await.expect(200);
        assert_eq!((&now["prompt"]["questionId"], progress(&now)), (&json!("q3"), (2, 5)));
        assert_eq!(tab.next().await.expect(200), now);
        ada.finish().await;
        product.stop().await;
    }

    async fn answers_are_held_against_their_question(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, json!({})).await;
        let (mut ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let before = events(&product).await;
        let refused = async |ada: &Participant<'_>, prompt: &Value, body: Value, status: u16| -> Vec<(String, String)> {
            let answer = ada.answer_as(50, prompt, body).await;
            assert_eq!(answer.refused(status), if status == 400 { "INVALID_REQUEST" } else { "VALIDATION_ERROR" });
            answer.fields()
        };
        let fields = |fields: Vec<(String, String)>| fields.into_iter().map(|(field, _)| field).collect::<Vec<_>>();
        let q1 = &turn["prompt"];
        assert_eq!(fields(refused(&ada, q1, json!({"text": "  "}), 422).await), ["text"]);
        assert_eq!(fields(refused(&ada, q1, json!({"text": "x".repeat(100_000)}), 422).await), ["text"]);
        assert_eq!(fields(refused(&ada, q1, json!({"value": 3}), 422).await), ["text"]);
        assert_eq!(fields(refused(&ada, q1, json!({"skip": true}), 422).await), ["skip"], "it is required");
        assert_eq!(fields(refused(&ada, q1, json!({"text": 3}), 400).await), ["text"]);
        let missing = ada.post("answers", json!({"text": LONG})).await;
        assert_eq!(missing.refused(400), "INVALID_REQUEST");
        assert_eq!(missing.fields().iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["promptId", "seq"]);
        assert_eq!(events(&product).await, before, "nothing of this was kept");

        let q2 = ada.answer(q1, json!({"text": LONG})).await.expect(201)["prompt"].clone();
        for wrong in [json!(11), json!(-1), json!(2.5), json!("7"), json!(true)] {
            let answer = ada.answer_as(50, &q2, json!({"value": wrong})).await;
            assert!(matches!(answer.status, 400 | 422), "{wrong}: {}", answer.text);
            assert_eq!(answer.fields()[0].0, "value", "{wrong}");
        }
        assert_eq!(fields(refused(&ada, &q2, json!({"text": "ten"}), 422).await), ["value"]);
        let q3 = ada.answer(&q2, json!({"value": 0})).await.expect(201)["prompt"].clone();
        assert_eq!(fields(refused(&ada, &q3, json!({"value": "Both"}), 422).await), ["value"]);
        let q4 = ada.answer(&q3, json!({"value": "Free"})).await.expect(201)["prompt"].clone();
        assert_eq!(fields(refused(&ada, &q4, json!({"value": "yes"}), 422).await), ["value"]);
        assert_eq!(ada.post("complete", json!({})).await.refused(409), "CONFLICT", "required questions are open");
        ada.answer(&q4, json!({"value": false})).await.expect(201);
        // The last question may be skipped, and an interview be completed without it.
        assert_eq!(ada.post("complete", json!({})).await.expect(200)["session"]["status"], "completed");
        product.stop().await;
    }

    async fn pausing_and_resuming_leaves_the_pause_out(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, json!({})).await;
        let (mut ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        assert_eq!(ada.post("resume", json!({})).await.refused(409), "SESSION_NOT_ACTIVE");
        product.engine.hands.advance(TimeDelta::seconds(10));
        assert_eq!(ada.post("pause", json!({})).await.expect(200)["session"]["status"], "paused");
        assert_eq!(ada.post("pause", json!({})).await.refused(409), "SESSION_NOT_ACTIVE");
        let paused = ada.post("heartbeat", json!({})).await.expect(200);
        assert_eq!(paused["status"], "paused", "a heartbeat does not end a pause that somebody wanted");
        assert_eq!(ada.answer(&turn["prompt"], json!({"text": LONG})).await.refused(409), "SESSION_NOT_ACTIVE");
        product.engine.hands.advance(TimeDelta::hours(1));
        assert_eq!(ada.post("resume", json!({})).await.expect(200)["session"]["status"], "in_progress");
        product.engine.hands.advance(TimeDelta::seconds(20));
        assert_eq!(ada.next().await.expect(200)["prompt"], turn["prompt"], "it goes on where it was");
        ada.finish().await;
        ada.post("complete", json!({})).await.expect(200);
        let session = product.get(&format!("/v1/sessions/{}", ada.session)).await.expect(200);
        assert_eq!(session["duration"], json!(30));
        product.stop().await;
    }

    async fn who_leaves_has_abandoned_the_interview(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, json!({})).await;
        let (mut ada, _) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let left = ada.post("leave", json!({})).await.expect(200);
        assert_eq!((&left["session"]["status"], &left["session"]["endReason"]), (&json!("abandoned"), &json!("participant_left")));
        let turn = ada.next().await.expect(200);
        assert_eq!((&turn["prompt"], &turn["done"]), (&Value::Null, &json!(true)));
        assert_eq!(ada.look().await.expect(200)["session"]["status"], "abandoned");
        // One interview per link: coming back starts no second one, and goes on with nothing.
        let session = ada.session.clone();
        let back = ada.open().await.expect(200);
        assert_eq!((&back["session"]["id"], &back["session"]["status"]), (&json!(session), &json!("abandoned")));
        for action in ["start", "resume", "heartbeat", "complete"] {
            assert_eq!(ada.post(action, json!({})).await.refused(409), "SESSION_NOT_ACTIVE", "{action}");
        }
        // Who leaves before the start has begun nothing, and may come again while the invite is valid.
        let mut bob = Participant::join(&product, &campaign, "bob@example.com").await;
        let first = bob.session.clone();
        assert_eq!(bob.post("leave", json!({})).await.expect(200)["session"]["status"], "abandoned");
        bob.open().await.expect(201);
        assert_ne!(bob.session, first);
        product.stop().await;
    }

    async fn a_token_is_no_key_and_expires(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, json!({})).await;
        let (mut ada, _) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let session = format!("/v1/sessions/{}", ada.session);
        assert_eq!(product.send(product.request(Method::GET, &session, &ada.token)).await.refused(401), "INVALID_API_KEY");
        product.engine.hands.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
        ada.next().await.expect(200);
        product.engine.hands.advance(TimeDelta::seconds(1));
        assert_eq!(ada.next().await.refused(401), "INVALID_API_KEY", "it has expired");
        ada.open().await.expect(200);
        ada.next().await.expect(200);
        product.stop().await;
    }

    async fn keys_of_idempotency_are_each_participants_own(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, json!({})).await;
        let (ada, _) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let (bob, _) = Participant::begin(&product, &campaign, "bob@example.com").await;
        let once = async |who: &Participant<'_>, action: &str| {
            product.send(who.request(Method::POST, action).header("idempotency-key", "one").json(&json!({}))).await
        };
        let first = once(&ada, "pause").await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (200, None));
        let head = events(&product).await;
        let again = once(&ada, "pause").await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
        assert_eq!(again.json(), first.json());
        assert_eq!(once(&ada, "resume").await.refused(422), "IDEMPOTENCY_KEY_REUSED");
        assert_eq!(events(&product).await, head);
        let others = once(&bob, "pause").await;
        assert_eq!((others.status, others.header("idempotent-replayed")), (200, None), "the same word of somebody else");

        // The link too: the token that was handed out first is handed out again.
        let cy = Participant::invited(&product, &product.invite(&campaign, "cy@example.com").await);
        let open = async || product.send(cy.request(Method::POST, "").header("idempotency-key", "one").json(&json!({}))).await;
        let first = open().await;
        assert_eq!(first.expect(201), open().await.expect(201));
        product.stop().await;
    }
}

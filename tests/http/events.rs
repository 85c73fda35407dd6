//! `GET /v1/events` as pages, and `GET /v1/webhooks/event-types`.

use std::collections::{BTreeMap, BTreeSet};

use aggregates::{
    id::InviteId,
    invite::{MailFate, MailReport},
};
use interview_relay::{
    command::{Caller, mail_reports::ReportMail},
    events::{PublicEvent, Selection},
};
use projections::public;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    participant::Participant,
    product::{Product, id},
};

/// A little of everything; answers the campaign.
async fn story(product: &Product) -> String {
    let project = id(&product.post("/v1/projects", json!({"name": "P"})).await.expect(201));
    let campaign = product.campaign(json!({"voice": "echo"})).await;
    let path = format!("/v1/campaigns/{campaign}");
    let invite = product
        .post(&format!("{path}/invites"), json!({"email": "ada@example.com", "name": "Ada", "metadata": {"n": 1.5}}))
        .await
        .expect(201);
    let other = id(&product.invite(&campaign, "bob@example.com").await);
    product.patch(&path, json!({"name": "Renamed", "projectId": project, "metadata": {"a": true}})).await.expect(200);
    for action in ["pause", "resume"] {
        product.post(&format!("{path}/{action}"), json!({})).await.expect(200);
    }
    product.post(&format!("/v1/invites/{}/cancel", id(&invite)), json!({})).await.expect(200);
    product.engine.hands.advance(chrono::TimeDelta::days(8));
    product.expiry("test").pass().await.expect("a pass");
    assert_eq!(product.get(&format!("/v1/invites/{other}")).await.expect(200)["status"], "expired");
    product.post(&format!("{path}/archive"), json!({})).await.expect(200);
    campaign
}

/// Everything that can become of mails.
async fn mails(product: &Product) {
    let campaign = product.campaign(json!({})).await;
    let invite: InviteId = id(&product.invite(&campaign, "joe@example.com").await).parse().expect("an id");
    let organization = product.organization;
    let caller = Caller { organization, actor: "test".to_owned(), request_id: "test".to_owned() };
    for fate in [MailFate::Sent, MailFate::Delivered, MailFate::Bounced { code: None }] {
        let report = ReportMail { invite, report: MailReport { mail: 1, fate }, settles: None };
        product.commands.run(&caller, None, &report).await.expect("run").result.expect("noted");
    }
    let invite: InviteId = id(&product.invite(&campaign, "kim@example.com").await).parse().expect("an id");
    let report = ReportMail { invite, report: MailReport { mail: 1, fate: MailFate::Opened }, settles: None };
    product.commands.run(&caller, None, &report).await.expect("run").result.expect("noted");
}

/// One interview that is finished, and two that are not; each with what can happen on the way.
async fn interviews(product: &Product) {
    let campaign = product.campaign(json!({})).await;
    let (mut ada, _) = Participant::begin(product, &campaign, "ada@example.com").await;
    ada.post("pause", json!({})).await.expect(200);
    ada.post("resume", json!({})).await.expect(200);
    ada.finish().await;
    ada.post("complete", json!({})).await;
    let (bob, _) = Participant::begin(product, &campaign, "bob@example.com").await;
    bob.consent(false).await.expect(201);
    let eve = Participant::join(product, &campaign, "eve@example.com").await;
    eve.post("leave", json!({})).await.expect(200);
}

const STORY: [&str; 10] = [
    "script.published",
    "campaign.created",
    "invite.created",
    "invite.created",
    "campaign.updated",
    "campaign.paused",
    "campaign.resumed",
    "invite.cancelled",
    "invite.expired",
    "campaign.archived",
];

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().expect("a type")).collect()
}

fn data(page: &Value) -> Vec<Value> {
    page["data"].as_array().expect("events").clone()
}

/// Reads to the end, page by page.
async fn read(product: &Product, after: &str, parameters: &str) -> Vec<Value> {
    let (mut after, mut events) = (after.to_owned(), Vec::new());
    for _ in 0..100 {
        let page = product.get(&format!("/v1/events?after={after}&{parameters}")).await.expect(200);
        events.extend(data(&page));
        after = page["next"].to_string();
        if page["pagination"]["hasMore"] == false {
            return events;
        }
    }
    panic!("no end after a hundred pages");
}

on_both_engines! {
    async fn paging_visits_each_event_once_in_order(engine: Engine) {
        let product = Product::start(engine).await;
        story(&product).await;
        let page = product.get("/v1/events").await.expect(200);
        let all = data(&page);
        assert_eq!(types(&all), STORY);
        let head = page["pagination"]["total"].as_i64().expect("a total");
        assert_eq!(page["pagination"], json!({"total": head, "limit": 100, "offset": 0, "hasMore": false}));
        assert_eq!(page["next"], head);
        let sequences: Vec<i64> = all.iter().map(|event| event["sequence"].as_i64().expect("a number")).collect();
        assert!(sequences.is_sorted_by(|a, b| a < b) && *sequences.last().expect("some") <= head, "{sequences:?}");
        assert_eq!(all.iter().map(|event| event["id"].as_str()).collect::<BTreeSet<_>>().len(), all.len());
        assert!(all.iter().all(|event| event["organizationId"] == product.organization.to_string()));
        for limit in [1, 3, 10, 1_000] {
            assert_eq!(read(&product, "0", &format!("limit={limit}")).await, all, "{limit} at a time");
        }
        for (n, event) in all.iter().enumerate() {
            for after in [event["id"].as_str().expect("an id").to_owned(), event["sequence"].to_string()] {
                assert_eq!(read(&product, &after, "limit=2").await, all[n + 1..], "after {after}");
            }
        }
        assert!(read(&product, "latest", "").await.is_empty());
        assert!(read(&product, "123456789", "").await.is_empty(), "a place that is still to come");
    }

    async fn an_event_shows_the_resource_as_it_was_and_no_credential(engine: Engine) {
        let product = Product::start(engine).await;
        story(&product).await;
        let events = read(&product, "0", "").await;
        let of = |name: &str| -> Vec<&Value> { events.iter().filter(|event| event["type"] == name).collect() };
        let shown = |event: &Value, member: &str| event["data"][member].clone();
        assert_eq!(of("invite.created").iter().map(|event| shown(event, "status")).collect::<Vec<_>>(), ["pending"; 2]);
        assert_eq!(shown(of("invite.created")[0], "email"), "ada@example.com");
        assert_eq!(shown(of("invite.created")[0], "metadata"), json!({"n": 1.5}));
        assert_eq!(shown(of("invite.cancelled")[0], "status"), "cancelled");
        assert_eq!(shown(of("invite.cancelled")[0], "name"), "Ada");
        assert_eq!(shown(of("invite.expired")[0], "email"), "bob@example.com");
        assert_eq!(shown(of("campaign.created")[0], "name"), "Campaign");
        assert_eq!(shown(of("campaign.created")[0], "projectId"), Value::Null);
        assert_eq!(shown(of("campaign.paused")[0], "name"), "Renamed");
        let statuses = ["campaign.created", "campaign.paused", "campaign.resumed", "campaign.archived"]
            .map(|name| shown(of(name)[0], "status"));
        assert_eq!(statuses, ["active", "paused", "active", "archived"]);
        assert_eq!(shown(of("script.published")[0], "status"), "published");
        let text = serde_json::to_string(&events).expect("JSON");
        assert!(!text.contains("inviteUrl") && !text.contains("\"token\""), "{text}");
    }

    /// What is rendered at another time, on another node, in other company, comes out the same.
    async fn an_event_is_the_same_bytes_wherever_it_is_rendered(engine: Engine) {
        let product = Product::start(engine).await;
        story(&product).await;
        let stranger = product.other_organization().await;
        let body = json!({"name": "S", "systemPrompt": "x", "questions": [{"id": "q", "text": "?", "type": "yes_no"}]});
        let request = product.request(reqwest::Method::POST, "/v1/scripts", &stranger).json(&body);
        let script = id(&product.send(request).await.expect(201));
        let request = product.request(reqwest::Method::POST, &format!("/v1/scripts/{script}/publish"), &stranger);
        product.send(request.json(&json!({}))).await.expect(200);

        let (store, node) = (&product.engine.store, product.engine.node().await);
        let organization = product.organization.to_string();
        let everything = Selection::all();
        let piece = store.public_events(0, 1_000, &everything).await.expect("read");
        assert_eq!((piece.next, piece.unreadable.len()), (piece.head, 0));
        let all: BTreeMap<String, PublicEvent> = piece.events.into_iter().map(|event| (event.id.clone(), event)).collect();
        assert_eq!(all.len(), STORY.len() + 1, "with that of the other organization");

        let answer = product.get("/v1/events").await;
        let own: Vec<_> = node.public_events_of(&organization, 0, 1_000, &everything).await.expect("read").events;
        assert_eq!(own.len(), STORY.len());
        for event in &own {
            assert_eq!(all[&event.id], *event);
            let body = std::str::from_utf8(&event.body).expect("text");
            assert!(answer.text.contains(body), "the feed has it word for word: {body}");
            let parsed: Value = serde_json::from_str(body).expect("JSON");
            assert_eq!(serde_json::from_slice::<Value>(&event.data()).expect("JSON"), parsed["data"]);
            let alone = node.public_events_by_id(vec![event.id.clone()], false).await.expect("read");
            assert_eq!(alone, std::slice::from_ref(event), "alone");
            let before = node.public_events_of(&organization, event.sequence - 1, 1, &everything).await.expect("read");
            assert_eq!(before.events, std::slice::from_ref(event), "as the first of a page");
        }
    }

    async fn filters_leave_out_what_was_not_asked_for(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = story(&product).await;
        let second = product.campaign(json!({})).await;
        product.invite(&second, "eve@example.com").await;
        let project = product.get(&format!("/v1/campaigns/{campaign}")).await.expect(200)["projectId"].clone();
        let project = project.as_str().expect("a project");

        let all = read(&product, "0", "").await;
        for (filter, kept) in [
            ("types=invite.created", 3),
            ("types=invite.*", 5),
            ("types=campaign.created,%20script.*", 4),
            ("types=*", all.len()),
            (&format!("campaignId={campaign}"), 9),
            (&format!("campaignId={campaign}&types=invite.*"), 4),
            (&format!("campaignId={second}"), 2),
            // From the moment on when the campaign came into the project.
            (&format!("projectId={project}"), 6),
            (&format!("projectId={project}&types=invite.*"), 2),
            (&format!("projectId={project}&campaignId={second}"), 0),
        ] {
            let whole = read(&product, "0", filter).await;
            assert_eq!(whole.len(), kept, "{filter}: {:?}", types(&whole));
            assert!(whole.iter().all(|event| all.contains(event)), "{filter}");
            assert_eq!(read(&product, "0", &format!("{filter}&limit=1")).await, whole, "{filter}, one at a time");
        }
        for (bad, field) in [
            ("types=invite", "types"),
            ("types=invite.created,nothing.*", "types"),
            ("types=", "types"),
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("after=-1", "after"),
            ("after=evt_1", "after"),
            ("after=evt_01hm6x3k5vf8qbw2d9z7c4n0te", "after"),
            ("campaignId=prj_1", "campaignId"),
            ("projectId=x", "projectId"),
        ] {
            let refused = product.get(&format!("/v1/events?{bad}")).await;
            assert_eq!(refused.refused(400), "INVALID_REQUEST", "{bad}");
            assert_eq!(refused.fields(), [(field.to_owned(), "invalid_value".to_owned())], "{bad}");
        }
    }

    async fn organizations_see_their_own_events_only(engine: Engine) {
        let product = Product::start(engine).await;
        story(&product).await;
        let stranger = product.other_organization().await;
        let get = async |path: &str| product.send(product.request(reqwest::Method::GET, path, &stranger)).await;
        assert_eq!(data(&get("/v1/events").await.expect(200)), [] as [Value; 0]);
        let ours = read(&product, "0", "limit=1").await;
        let id = ours[0]["id"].as_str().expect("an id");
        assert_eq!(get(&format!("/v1/events?after={id}")).await.refused(400), "INVALID_REQUEST");
        let campaign = ours[1]["data"]["id"].as_str().expect("an id");
        assert_eq!(data(&get(&format!("/v1/events?campaignId={campaign}")).await.expect(200)), [] as [Value; 0]);
    }

    async fn a_subscriber_that_was_down_reconciles(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let page = product.get("/v1/events?limit=1000").await.expect(200);
        let (mut seen, next) = (data(&page), page["next"].clone());
        // It is down for a week, in which a lot happens.
        for n in 0..30 {
            let invite = id(&product.invite(&campaign, &format!("p{n}@example.com")).await);
            if n % 3 == 0 {
                product.post(&format!("/v1/invites/{invite}/cancel"), json!({})).await.expect(200);
            }
        }
        product.engine.hands.advance(chrono::TimeDelta::days(8));
        while product.expiry("test").pass().await.expect("a pass") == interview_relay::reactors::Pass::More {}
        seen.extend(read(&product, &next.to_string(), "limit=7").await);
        assert_eq!(seen, read(&product, "0", "limit=1000").await);
        let mut last: BTreeMap<&str, &str> = BTreeMap::new();
        for event in seen.iter().filter(|event| event["type"].as_str().is_some_and(|name| name.starts_with("invite."))) {
            last.insert(event["data"]["id"].as_str().expect("id"), event["data"]["status"].as_str().expect("status"));
        }
        assert_eq!(last.len(), 30);
        assert_eq!(last.values().filter(|status| **status == "cancelled").count(), 10);
        assert_eq!(last.values().filter(|status| **status == "expired").count(), 20);
    }

    async fn interviews_show_sessions_and_consent_records(engine: Engine) {
        let product = Product::start(engine).await;
        interviews(&product).await;
        let events = read(&product, "0", "").await;
        let of = |kind: &str, email: &str| -> Vec<&str> {
            let about = |event: &&Value| {
                event["type"].as_str().is_some_and(|name| name.starts_with(kind))
                    && event["data"]["participant"]["email"] == email
            };
            events.iter().filter(about).filter_map(|event| event["type"].as_str()).collect()
        };
        let ada = ["session.created", "session.started", "session.paused", "session.resumed", "session.completed"];
        assert_eq!(of("session.", "ada@example.com"), ada);
        assert_eq!(of("session.", "bob@example.com"), ["session.created", "session.started", "session.abandoned"]);
        assert_eq!(of("session.", "eve@example.com"), ["session.created", "session.abandoned"]);
        let consents: Vec<&Value> =
            events.iter().filter(|event| event["type"].as_str().is_some_and(|name| name.starts_with("consent."))).collect();
        let listed: Vec<bool> = consents.iter().map(|event| event["data"]["granted"] == true).collect();
        assert_eq!(listed, [true, true, false]);
        let session = consents[0]["data"]["sessionId"].as_str().expect("a session");
        let records = product.get(&format!("/v1/sessions/{session}/consents")).await.expect(200);
        assert_eq!(records["data"], json!([consents[0]["data"]]), "as the API shows it");
        // Once the participant is erased, neither the session nor the record says who it was.
        product.engine.sql("DELETE FROM subjects").await;
        let text = serde_json::to_string(&read(&product, "0", "").await).expect("JSON");
        assert!(!text.contains("@example.com") && !text.contains("127.0.0.1") && !text.contains("Chrome"), "{text}");
    }

    async fn an_erased_person_is_in_no_event(engine: Engine) {
        let product = Product::start(engine).await;
        story(&product).await;
        let before = read(&product, "0", "").await;
        let sql = "DELETE FROM subjects WHERE id = (SELECT subject_id FROM events WHERE type = 'invite.created' \
                   ORDER BY position LIMIT 1)";
        product.engine.sql(sql).await;
        let after = read(&product, "0", "").await;
        assert_eq!(types(&after), types(&before));
        let (before, text) = (before, serde_json::to_string(&after).expect("JSON"));
        assert!(!text.contains("ada@example.com") && !text.contains("\"Ada\"") && !text.contains("1.5"), "{text}");
        assert!(text.contains("bob@example.com"), "another person is still there");
        for (before, after) in before.iter().zip(&after) {
            if before["data"]["email"] == "ada@example.com" {
                let gone = json!({"email": null, "name": null, "metadata": {}});
                for (member, value) in gone.as_object().expect("an object") {
                    assert_eq!(after["data"][member], *value);
                }
                assert_eq!(after["id"], before["id"]);
                assert_eq!(after["data"]["id"], before["data"]["id"]);
            } else {
                assert_eq!(after, before);
            }
        }
        let events = product.engine.store.public_events(0, 1_000, &Selection::all()).await.expect("read").events;
        assert!(events.iter().all(|event| !String::from_utf8_lossy(&event.body).contains("ada@example.com")));
    }

    /// The catalogue says what is sent, no more and no less.
    async fn everything_that_is_sent_is_what_the_catalogue_says(engine: Engine) {
        let product = Product::start(engine).await;
        let listed = product.get("/v1/webhooks/event-types").await.expect(200);
        let total = public::types().len();
        assert_eq!(listed["pagination"], json!({"total": total, "limit": 100, "offset": 0, "hasMore": false}));
        let listed = data(&listed);
        assert_eq!(types(&listed), public::types().iter().map(|public| public.name).collect::<Vec<_>>());
        let second = product.get("/v1/webhooks/event-types?limit=1&offset=1").await.expect(200);
        assert_eq!(data(&second), listed[1..2]);
        assert_eq!(second["pagination"]["hasMore"], true);
        let checks: BTreeMap<&str, jsonschema::Validator> = listed
            .iter()
            .map(|listed| {
                let mut schema = listed["schema"].clone();
                close(&mut schema);
                let check = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
                let name = listed["type"].as_str().expect("a name");
                check.validate(&listed["example"]).unwrap_or_else(|error| panic!("the example of {name}: {error}"));
                (name, check)
            })
            .collect();
        story(&product).await;
        interviews(&product).await;
        mails(&product).await;
        let events = read(&product, "0", "").await;
        for event in &events {
            let name = event["type"].as_str().expect("a type");
            checks[name].validate(event).unwrap_or_else(|error| panic!("{error} in {event}"));
        }
        let sent: BTreeSet<&str> = types(&events).into_iter().collect();
        assert_eq!(sent, checks.keys().copied().collect(), "a type that never happens here is not checked");
        // The check can fail.
        let mut wrong = events[0].clone();
        wrong["data"]["secret"] = json!(1);
        assert!(checks[types(&events)[0]].validate(&wrong).is_err());
    }
}

/// Makes a schema allow what it lists and nothing else, as a check of ourselves; subscribers must expect new members.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") {
                members.entry("additionalProperties").or_insert(json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn the_openapi_document_describes_every_type() {
    let operations = interview_relay::http::routes::operations();
    let text = interview_relay::http::openapi::text(&operations).expect("text");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let webhooks = document["webhooks"].as_object().expect("webhooks");
    assert_eq!(webhooks.len(), public::types().len());
    let mut ids = BTreeSet::new();
    for public in public::types() {
        let post = &webhooks[public.name]["post"];
        let content = &post["requestBody"]["content"]["application/json"];
        assert_eq!(content["schema"], public.schema().expect("a schema"));
        assert_eq!(content["example"], public.example().expect("an example"));
        assert!(ids.insert(post["operationId"].as_str().expect("an id").to_owned()), "{post}");
    }
    assert!(ids.contains("onInviteCreated"), "{ids:?}");
}

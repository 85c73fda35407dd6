//! Invites, as a client of the API meets them.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    product::{Answered, Product, Setup, id},
};

const INVITES: &str = "SELECT COUNT(*) FROM invites";
const CREATED: &str = "SELECT COUNT(*) FROM events WHERE type = 'invite.created'";
const EXPIRED: &str = "SELECT COUNT(*) FROM events WHERE type = 'invite.expired'";

fn path(campaign: &str) -> String {
    format!("/v1/campaigns/{campaign}/invites")
}

async fn act(product: &Product, invite: &Value, action: &str) -> Answered {
    product.post(&format!("/v1/invites/{}/{action}", id(invite)), json!({})).await
}

/// An invite with more than an address.
async fn with(product: &Product, campaign: &str, mut fields: Value) -> Answered {
    fields["email"] = json!("ada@example.com");
    product.post(&path(campaign), fields).await
}

fn field(field: &str, code: &str) -> Vec<(String, String)> {
    vec![(field.to_owned(), code.to_owned())]
}

/// The ids on a page, and the page's pagination.
async fn page(product: &Product, campaign: &str, query: &str) -> (Vec<String>, Value) {
    let page = product.get(&format!("{}?{query}", path(campaign))).await.expect(200);
    (page["data"].as_array().expect("a list").iter().map(id).collect(), page["pagination"].clone())
}

async fn total(product: &Product, campaign: &str, query: &str) -> usize {
    let (ids, pagination) = page(product, campaign, query).await;
    assert_eq!(pagination["total"], json!(ids.len()), "{query}");
    assert_eq!(pagination["hasMore"], json!(false), "{query}");
    ids.len()
}

on_both_engines! {
    async fn an_invite_is_created_and_read(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let body = json!({"name": "Ada", "sendEmail": false, "metadata": {"n": 1.5, "b": true, "s": "x"}});
        let answer = with(&product, &campaign, body).await;
        let invite = answer.expect(201);
        assert_eq!(answer.header("location"), Some(format!("/v1/invites/{}", id(&invite)).as_str()));
        assert_eq!((&invite["status"], &invite["emailStatus"]), (&json!("pending"), &json!("not_sent")));
        assert_eq!((&invite["name"], &invite["email"]), (&json!("Ada"), &json!("ada@example.com")));
        assert_eq!(invite["metadata"], json!({"n": 1.5, "b": true, "s": "x"}));
        assert_eq!(invite["expiresAt"], "2026-06-04T20:26:40Z", "seven days");
        let token = invite["token"].as_str().expect("a token");
        assert_eq!(product.get(&format!("/v1/invites/{}", id(&invite))).await.expect(200), invite);
        assert_eq!(product.get(&format!("/v1/invites/{token}")).await.refused(404), "RESOURCE_NOT_FOUND");
        let campaign = product.get(&format!("/v1/campaigns/{campaign}")).await.expect(200);
        assert_eq!(campaign["stats"]["totalInvites"], 1);
        let stored = product.engine.sql("SELECT data FROM events WHERE type = 'invite.created'").await;
        let data = stored[0][0].text();
        assert!(!data.contains("ada@example.com") && !data.contains("\"Ada") && !data.contains(token), "{data}");
    }

    async fn until_when_an_invite_is_valid(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let now = 1_780_000_000;
        for (text, minutes) in [("5m", 5), ("24h", 1440), ("7d", 10_080), ("1w", 10_080), ("365d", 525_600), ("007d", 10_080)] {
            let invite = with(&product, &campaign, json!({"expiresIn": text})).await.expect(201);
            let at: DateTime<chrono::Utc> = invite["expiresAt"].as_str().expect("text").parse().expect("a time");
            assert_eq!(at.timestamp() - now, minutes * 60, "{text}");
        }
        let kept = product.engine.number(CREATED).await;
        for text in ["", "d", "7", "7D", "-7d", "7.5d", " 7d", "7 d", "7y", "7days", "1w1d"] {
            let answer = with(&product, &campaign, json!({"expiresIn": text})).await;
            assert_eq!(answer.refused(422), "VALIDATION_ERROR", "{text}");
            assert_eq!(answer.fields(), field("expiresIn", "invalid_format"), "{text}");
        }
        for text in ["0d", "4m", "366d", "53w", "99999999999999999999999d"] {
            let answer = with(&product, &campaign, json!({"expiresIn": text})).await;
            assert_eq!(answer.refused(422), "VALIDATION_ERROR", "{text}");
            assert_eq!(answer.fields(), field("expiresIn", "out_of_range"), "{text}");
        }
        for (text, code) in [
            ("2026-05-28T20:26:40Z", "in_the_past"), ("2020-01-01T00:00:00Z", "in_the_past"),
            ("2027-05-28T20:26:41Z", "out_of_range"), ("tomorrow", "invalid_format"),
        ] {
            let answer = with(&product, &campaign, json!({"expiresAt": text})).await;
            assert_eq!(answer.refused(422), "VALIDATION_ERROR", "{text}");
            assert_eq!(answer.fields(), field("expiresAt", code), "{text}");
        }
        assert_eq!(with(&product, &campaign, json!({"expiresIn": 7})).await.refused(400), "INVALID_REQUEST");
        assert_eq!(product.engine.number(CREATED).await, kept);
        let both = json!({"expiresIn": "7d", "expiresAt": "2026-05-29T00:00:00+02:00"});
        let both = with(&product, &campaign, both).await.expect(201);
        assert_eq!(both["expiresAt"], "2026-05-28T22:00:00Z");
    }

    async fn metadata_has_limits(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let keys = |n: usize| Value::Object((0..n).map(|i| (format!("k{i}"), json!(1))).collect());
        let heavy = Value::Object((0..20).map(|i| (format!("k{i}"), json!("x".repeat(450)))).collect());
        for good in [keys(50), json!({"k".repeat(40): "é".repeat(500)})] {
            let invite = with(&product, &campaign, json!({"metadata": good})).await.expect(201);
            assert_eq!(invite["metadata"], good);
        }
        let nulled = [("metadata.a", "invalid_value"), ("metadata.b", "invalid_value"), ("metadata.c", "too_long")];
        let nulled: Vec<_> = nulled.iter().flat_map(|(name, code)| field(name, code)).collect();
        for (bad, fields) in [
            (keys(51), field("metadata", "too_many")),
            (heavy, field("metadata", "too_long")),
            (json!({"k".repeat(41): 1}), field(&format!("metadata.{}", "k".repeat(40)), "too_long")),
            (json!({"a": null, "b": {"x": 1}, "c": "x".repeat(501)}), nulled),
        ] {
            let answer = with(&product, &campaign, json!({"metadata": bad})).await;
            assert_eq!(answer.refused(422), "VALIDATION_ERROR");
            assert_eq!(answer.fields(), fields);
        }
        assert_eq!(with(&product, &campaign, json!({"metadata": []})).await.refused(400), "INVALID_REQUEST");
        let wrong = json!({"email": 1, "name": 2, "sendEmail": "yes", "expiresIn": 3, "metadata": 4});
        let answer = product.post(&path(&campaign), wrong).await;
        assert_eq!(answer.refused(400), "INVALID_REQUEST");
        let fields: Vec<_> = answer.fields().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["email", "expiresIn", "metadata", "name", "sendEmail"]);
        assert_eq!(product.post(&path(&campaign), json!({"email": "nobody"})).await.fields(), field("email", "invalid_format"));
        assert_eq!(product.engine.number(INVITES).await, 2);
    }

    async fn an_address_may_be_invited_twice_unless_the_campaign_says_otherwise(engine: Engine) {
        let product = Product::start(engine).await;
        let open = product.campaign(json!({})).await;
        let first = product.invite(&open, "ada@example.com").await;
        assert_ne!(id(&product.invite(&open, "ada@example.com").await), id(&first));

        let unique = product.campaign(json!({"uniqueEmail": true})).await;
        let body = json!({"email": "ada@example.com"});
        let invites = path(&unique);
        let answers = join_all((0..16).map(|_| product.post(&invites, body.clone()))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!(answer.refused(409), "CONFLICT");
        }
        assert_eq!(total(&product, &unique, "").await, 1);
        let shouted = product.post(&path(&unique), json!({"email": "ADA@Example.com"})).await;
        assert_eq!(shouted.refused(409), "CONFLICT");
        let items = json!({"invites": [{"email": "bob@example.com"}, {"email": "BOB@example.com"}, body]});
        let bulk = product.post(&format!("{}/bulk", path(&unique)), items).await.expect(201);
        assert_eq!(bulk["summary"], json!({"requested": 3, "created": 1, "failed": 2}));
        let conflicts = |i: usize| (bulk["errors"][i]["index"].clone(), bulk["errors"][i]["code"].clone());
        assert_eq!([conflicts(0), conflicts(1)], [(json!(1), json!("CONFLICT")), (json!(2), json!("CONFLICT"))]);
        assert_eq!(total(&product, &unique, "").await, 2);
    }

    async fn without_credits_nobody_is_invited(engine: Engine) {
        let product = Product::start_as(engine, Setup { credits: 0, ..Setup::default() }).await;
        let campaign = product.campaign(json!({})).await;
        let body = json!({"email": "ada@example.com"});
        assert_eq!(product.post(&path(&campaign), body.clone()).await.refused(402), "INSUFFICIENT_CREDITS");
        let bulk = format!("{}/bulk", path(&campaign));
        assert_eq!(product.post(&bulk, json!({"invites": [body]})).await.refused(402), "INSUFFICIENT_CREDITS");
        let invalid = product.post(&path(&campaign), json!({"email": "nobody"})).await;
        assert_eq!(invalid.refused(422), "VALIDATION_ERROR", "what is wrong comes before what it costs");
        product.post(&format!("/v1/campaigns/{campaign}/pause"), json!({})).await.expect(200);
        let paused = product.post(&path(&campaign), json!({"email": "ada@example.com"})).await;
        assert_eq!(paused.refused(409), "CAMPAIGN_NOT_ACTIVE");
        assert_eq!(product.engine.number(INVITES).await, 0);
    }

    async fn many_at_once(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let bulk = format!("{}/bulk", path(&campaign));
        let invites = json!([
            {"email": "a@example.com"}, {"name": "no address"}, {"email": "nobody"},
            {"email": "b@example.com", "expiresIn": "1h", "sendEmail": true}, {"email": 5},
            {"email": "c@example.com", "expiresIn": "1y"},
        ]);
        let body = json!({"invites": invites, "expiresIn": "2d", "sendEmail": false});
        let answer = product.post(&bulk, body).await.expect(201);
        assert_eq!(answer["summary"], json!({"requested": 6, "created": 2, "failed": 4}));
        assert_eq!((&answer["data"][0]["expiresAt"], &answer["data"][0]["emailStatus"]),
            (&json!("2026-05-30T20:26:40Z"), &json!("not_sent")));
        assert_eq!((&answer["data"][1]["expiresAt"], &answer["data"][1]["emailStatus"]),
            (&json!("2026-05-28T21:26:40Z"), &json!("queued")));
        let errors = answer["errors"].as_array().expect("errors");
        let places: Vec<_> = errors.iter().map(|error| (error["index"].clone(), error["email"].clone())).collect();
        let expected = [(1, Value::Null), (2, json!("nobody")), (4, Value::Null), (5, json!("c@example.com"))];
        assert_eq!(places, expected.map(|(index, email)| (json!(index), email)));
        assert!(errors.iter().all(|error| error["code"] == "VALIDATION_ERROR" && error["message"].is_string()));
        assert_eq!(product.engine.number(INVITES).await, 2);

        let bad = product.post(&bulk, json!({"invites": [{"email": "x"}, {}]})).await;
        assert_eq!(bad.refused(422), "VALIDATION_ERROR");
        let fields: Vec<_> = bad.fields().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["invites[0].email", "invites[1].email"]);
        let many = |n: usize| json!({"invites": vec![json!({"email": "many@example.com"}); n]});
        assert_eq!(product.post(&bulk, many(0)).await.fields(), field("invites", "too_few"));
        let much = product.post(&bulk, many(501)).await;
        assert_eq!(much.refused(422), "VALIDATION_ERROR");
        assert_eq!(much.fields(), field("invites", "too_many"));
        for malformed in [json!({}), json!({"invites": {}}), json!({"invites": [{"email": "a@example.com"}, 5]})] {
            assert_eq!(product.post(&bulk, malformed).await.refused(400), "INVALID_REQUEST");
        }
        assert_eq!(product.engine.number(INVITES).await, 2);
        assert_eq!(product.post(&bulk, many(500)).await.expect(201)["summary"]["created"], 500);
        assert_eq!(product.engine.number(INVITES).await, 502);
    }

    async fn cancel_and_resend(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let invite = product.invite(&campaign, "ada@example.com").await;
        let resent = act(&product, &invite, "resend").await.expect(200);
        assert_eq!(resent["token"], invite["token"], "a resend keeps the token");
        product.engine.hands.advance(TimeDelta::seconds(20));
        let soon = act(&product, &invite, "resend").await;
        assert_eq!(soon.refused(429), "RATE_LIMITED");
        assert_eq!(soon.json()["error"]["retryAfter"], 40);
        assert_eq!(soon.header("retry-after"), Some("40"));
        product.engine.hands.advance(TimeDelta::seconds(40));
        act(&product, &invite, "resend").await.expect(200);

        let cancelled = act(&product, &invite, "cancel").await.expect(200);
        assert_eq!(cancelled["status"], "cancelled");
        for action in ["cancel", "resend"] {
            assert_eq!(act(&product, &invite, action).await.refused(409), "INVITE_NOT_PENDING", "{action}");
        }
        let short = with(&product, &campaign, json!({"expiresIn": "5m"})).await.expect(201);
        product.engine.hands.advance(TimeDelta::minutes(5));
        for action in ["cancel", "resend"] {
            assert_eq!(act(&product, &short, action).await.refused(409), "INVITE_EXPIRED", "{action}");
            let nobody = product.post(&format!("/v1/invites/inv_01h455vb4pex5vsknk084sn02q/{action}"), json!({})).await;
            assert_eq!(nobody.refused(404), "RESOURCE_NOT_FOUND");
        }
        let sql = format!("SELECT type FROM events WHERE stream_id = '{}' ORDER BY version", id(&invite));
        let events: Vec<_> = product.engine.sql(&sql).await.iter().map(|row| row[0].text().to_owned()).collect();
        assert_eq!(events, ["invite.created", "invite.resent", "invite.resent", "invite.cancelled"]);
    }

    async fn the_list_filters_and_counts(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let other = product.campaign(json!({})).await;
        product.invite(&other, "ada@example.com").await;
        let ada = product.invite(&campaign, "ada@example.com").await;
        product.invite(&campaign, "bob@example.com").await;
        let short = with(&product, &campaign, json!({"expiresIn": "5m"})).await.expect(201);
        act(&product, &ada, "cancel").await.expect(200);
        product.engine.hands.advance(TimeDelta::minutes(5));
        for recorded in [false, true] {
            if recorded {
                let mut runner = product.expiry("a");
                runner.pass().await.expect("a pass");
                assert_eq!(product.engine.number(EXPIRED).await, 1);
            }
            for (query, expected) in [
                ("", 3), ("status=pending", 1), ("status=cancelled", 1), ("status=expired", 1), ("status=started", 0),
                ("email=ada@example.com", 2), ("email=ADA@EXAMPLE.COM", 2), ("email=nobody@example.com", 0),
                ("email=ada@example.com&status=expired", 1), ("email=ada@example.com&status=pending", 0),
                ("from=2026-05-28T20:26:40Z", 3), ("to=2026-05-28T20:26:40Z", 0),
            ] {
                assert_eq!(total(&product, &campaign, query).await, expected, "{query}, recorded: {recorded}");
            }
            assert_eq!(page(&product, &campaign, "status=expired").await.0, [id(&short)]);
        }
        assert_eq!(product.get(&format!("{}?status=x&limit=0", path(&campaign))).await.refused(400), "INVALID_REQUEST");
        let nowhere = product.get(&path("cam_01h455vb4pex5vsknk084sn02q")).await;
        assert_eq!(nowhere.refused(404), "RESOURCE_NOT_FOUND");
    }

    async fn an_invite_expires_at_once_and_is_recorded_once(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let shorts = json!({"invites": [{"email": "a@example.com"}, {"email": "b@example.com"}], "expiresIn": "5m"});
        let answer = product.post(&format!("{}/bulk", path(&campaign)), shorts).await.expect(201);
        let (expires, cancelled) = (answer["data"][0].clone(), answer["data"][1].clone());
        act(&product, &cancelled, "cancel").await.expect(200);
        let (mut a, mut b) = (product.expiry("a"), product.expiry("b"));
        a.pass().await.expect("a pass");
        b.pass().await.expect("a pass");
        let show = async || product.get(&format!("/v1/invites/{}", id(&expires))).await.expect(200);
        product.engine.hands.advance(TimeDelta::seconds(299));
        a.pass().await.expect("a pass");
        assert_eq!(show().await["status"], "pending");
        assert_eq!(product.engine.number(EXPIRED).await, 0);
        product.engine.hands.advance(TimeDelta::seconds(1));
        assert_eq!(show().await["status"], "expired", "at once");
        assert_eq!(product.engine.number(EXPIRED).await, 0, "before it is recorded");
        for _ in 0..3 {
            let (first, second) = tokio::join!(a.pass(), b.pass());
            assert!(first.is_ok() || second.is_ok());
            product.engine.hands.advance(TimeDelta::seconds(16));
        }
        assert_eq!(product.engine.number(EXPIRED).await, 1);
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM timers").await, 0);
        assert_eq!(show().await["status"], "expired");
        let status = product.get(&format!("/v1/invites/{}", id(&cancelled))).await.expect(200)["status"].clone();
        assert_eq!(status, "cancelled");
    }

    async fn an_invite_that_cannot_be_read_does_not_keep_others_from_expiring(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let people = ["a", "b", "c"].map(|name| json!({"email": format!("{name}@example.com")}));
        let shorts = json!({"invites": people, "expiresIn": "5m"});
        let answer = product.post(&format!("{}/bulk", path(&campaign)), shorts).await.expect(201);
        let mut runner = product.expiry("a");
        runner.pass().await.expect("a pass");
        // As a newer version might have written it.
        let schema = async |schema: i64| {
            let unreadable = answer["data"][1]["id"].as_str().expect("an id");
            let sql = format!("UPDATE events SET schema = {schema} WHERE stream_id = '{unreadable}'");
            product.engine.sql(&sql).await;
        };
        let right = product.engine.number("SELECT MAX(schema) FROM events WHERE type = 'invite.created'").await;
        schema(99).await;
        let parked = async || product.engine.store.parked("invite-expiry").await.expect("read");
        product.engine.hands.advance(TimeDelta::minutes(5));
        for minutes in [0, 1, 2] {
            product.engine.hands.advance(TimeDelta::minutes(minutes));
            assert_eq!(parked().await, [], "after {minutes} minutes");
            runner.pass().await.expect("a pass");
            assert_eq!(product.engine.number(EXPIRED).await, 2);
            let due = "SELECT COUNT(*) FROM timers WHERE due_at <= ";
            let now = product.engine.clock.now().timestamp_micros();
            assert_eq!(product.engine.number(&format!("{due}{now}")).await, 0, "it stands in nobody's way");
        }
        let [parked] = <[_; 1]>::try_from(parked().await).expect("one is put down");
        assert!(parked.error.contains("schema") && parked.error.contains("inv_"), "{}", parked.error);
        schema(right).await;
        product.engine.hands.advance(TimeDelta::minutes(4));
        runner.pass().await.expect("a pass");
        assert_eq!(product.engine.number(EXPIRED).await, 3, "once it can be read, it expires after all");
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM timers").await, 0);
    }

    async fn paging_visits_every_invite_once(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        // Most are created at the very same instant.
        for part in 0..3 {
            let items: Vec<_> = (0..9).map(|i| json!({"email": format!("p{part}-{i}@example.com")})).collect();
            product.post(&format!("{}/bulk", path(&campaign)), json!({"invites": items})).await.expect(201);
            product.invite(&campaign, "one@example.com").await;
            product.engine.hands.advance(TimeDelta::seconds(i64::from(part % 2)));
        }
        let (ascending, _) = page(&product, &campaign, "order=asc&limit=100").await;
        let (mut reversed, _) = page(&product, &campaign, "order=desc&limit=100").await;
        reversed.reverse();
        assert_eq!(ascending, reversed);
        assert_eq!(ascending.iter().collect::<BTreeSet<_>>().len(), 30);
        for order in ["asc", "desc"] {
            let expected: Vec<_> =
                if order == "asc" { ascending.clone() } else { ascending.iter().rev().cloned().collect() };
            for limit in [1, 7, 10, 29, 30, 31] {
                for by_cursor in [false, true] {
                    let mut visited: Vec<String> = Vec::new();
                    loop {
                        let from = match visited.last() {
                            Some(last) if by_cursor => format!("&after={last}"),
                            _ => format!("&offset={}", visited.len()),
                        };
                        let (ids, pagination) = page(&product, &campaign, &format!("order={order}&limit={limit}{from}")).await;
                        assert_eq!(pagination["total"], 30);
                        visited.extend(ids);
                        assert_eq!(pagination["hasMore"], json!(visited.len() < 30), "{order} {limit} {by_cursor}");
                        if visited.len() >= 30 { break }
                    }
                    assert_eq!(visited, expected, "{order} {limit} {by_cursor}");
                }
            }
        }
        let (beyond, pagination) = page(&product, &campaign, "offset=30").await;
        assert!(beyond.is_empty());
        assert_eq!(pagination["hasMore"], false);
    }
}

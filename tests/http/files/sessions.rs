//! The files of sessions: what is shown, who may see it, whose data it is, and what consent has to do with it.

use aggregates::{
    id::{InviteId, SessionId},
    session::ConsentMethod,
};
use interview_relay::command::{
    Caller, Command,
    sessions::{AnswerPrompt, CompleteSession, OpenSession, RecordConsent, StartSession},
};
use reqwest::{Method, multipart::Form};
use serde_json::{Value, json};

use super::{SIZES, Shelf, form, hash, heard, mp3, png, streamed, with_every_store};
use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
};

async fn run(product: &Product, command: impl Command) -> Value {
    let organization = product.organization;
    let caller = Caller { organization, actor: "participant".to_owned(), request_id: "test".to_owned() };
    let answer = product.commands.run(&caller, None, &command).await.expect("run").result.expect("allowed");
    serde_json::from_str(&answer.body).unwrap_or(Value::Null)
}

/// A session that has been opened; answers its id.
async fn session(product: &Product) -> SessionId {
    let campaign = product.campaign(json!({})).await;
    let invite: InviteId = id(&product.invite(&campaign, "ada@example.com").await).parse().expect("an id");
    let open = OpenSession { invite, link: "inv_link".to_owned(), body: json!({}).into() };
    id(&run(product, open).await["session"]).parse().expect("an id")
}

fn consent(session: SessionId, granted: bool, kind: &str) -> RecordConsent {
    let body = json!({"granted": granted, "type": kind});
    RecordConsent { session, body: body.into(), method: ConsentMethod::Web, ip: None, user_agent: None }
}

fn of_kind(kind: &str, form: Form) -> Form {
    form.text("kind", kind.to_owned())
}

with_every_store! {
    async fn a_file_of_a_session_shows_what_the_contract_lists(shelf: Shelf) {
        let product = &shelf.product;
        let session = session(product).await;
        run(product, consent(session, true, "all")).await;
        let path = format!("/v1/sessions/{session}/files");
        let bytes = mp3(11 << 20);
        let answer = shelf.send(&path, of_kind("recording", streamed("Ada Lovelace.mp3", bytes.clone()))).await;
        let document = answer.expect(201);
        let (url, end) = (document["url"].clone(), document["urlExpiresAt"].clone());
        let expected = json!({
            "id": document["id"], "sessionId": session, "kind": "recording", "name": "Ada Lovelace.mp3",
            "contentType": "audio/mpeg", "size": bytes.len(), "sha256": hash(&bytes), "url": url, "urlExpiresAt": end,
            "createdAt": document["createdAt"],
        });
        assert_eq!(document, expected);
        let (got, content) = shelf.fetch(&document).await;
        assert!(got.status == 200 && content == bytes);

        for (sent, kind, content_type, file) in [
            (None, "attachment", "text/plain", form("notes.txt", b"Some notes".to_vec())),
            (Some("screen"), "screen", "image/png", form("screen.png", png(500))),
            (Some("attachment"), "attachment", "application/pdf", form("letter.pdf", b"%PDF-1.7\n%%EOF\n".to_vec())),
        ] {
            let file = match sent {
                Some(sent) => of_kind(sent, file),
                None => file,
            };
            let document = shelf.send(&path, file).await.expect(201);
            assert_eq!((&document["kind"], &document["contentType"]), (&json!(kind), &json!(content_type)));
        }
        // The kind may come before the file, and other parts are ignored.
        let before = Form::new().text("kind", "screen").text("comment", "x".repeat(2_000));
        let file = reqwest::multipart::Part::bytes(png(50)).file_name("s.png");
        assert_eq!(shelf.send(&path, before.part("file", file)).await.expect(201)["kind"], "screen");

        let events = shelf.events().await;
        for wrong in ["media", "", "RECORDING", &"x".repeat(2_000)] {
            let refused = shelf.send(&path, of_kind(wrong, form("a.png", png(50)))).await;
            assert_eq!((refused.refused(422).as_str(), refused.fields()), ("VALIDATION_ERROR", vec![("kind".into(), "invalid_enum".into())]));
        }
        let twice = of_kind("screen", of_kind("screen", form("a.png", png(50))));
        assert_eq!(shelf.send(&path, twice).await.fields(), [("kind".into(), "duplicate".into())]);
        let html = form("a.txt", b"<html><body>".to_vec());
        assert_eq!(shelf.send(&path, html).await.refused(415), "UNSUPPORTED_MEDIA_TYPE");
        let large = usize::try_from(SIZES.upload).expect("small") + 1;
        assert_eq!(shelf.send(&path, streamed("a.mp3", mp3(large))).await.refused(413), "PAYLOAD_TOO_LARGE");
        assert_eq!((shelf.events().await, shelf.uploads().await, shelf.left().len()), (events, 0, 5));

        // In the log, names are sealed; content is not in it at all.
        let log = product.engine.sql("SELECT data FROM events WHERE type = 'file.stored'").await;
        assert_eq!(log.len(), 5);
        assert!(log.iter().all(|row| !row[0].text().contains("Lovelace") && !row[0].text().contains("ada@")));
        let subjects = product.engine.number("SELECT COUNT(DISTINCT subject_id) FROM events WHERE type IN ('file.stored', 'session.created')").await;
        assert_eq!(subjects, 1, "the participant is the person whose data a file is");
        assert_eq!(product.engine.store.verify_projections().await.expect("verify").differences, []);
        shelf.product.stop().await;
    }

    async fn the_list_has_pages_and_no_strangers(shelf: Shelf) {
        let product = &shelf.product;
        let session = session(product).await;
        let path = format!("/v1/sessions/{session}/files");
        assert_eq!(product.get(&path).await.expect(200)["pagination"]["total"], 0);
        let mut ids = Vec::new();
        for n in 0..5 {
            product.engine.hands.advance(chrono::TimeDelta::seconds(1));
            ids.push(id(&shelf.send(&path, form(&format!("{n}.png"), png(40 + n))).await.expect(201)));
        }
        let listed = |page: &Value| -> Vec<String> { page["data"].as_array().expect("a list").iter().map(id).collect() };
        let all = product.get(&path).await.expect(200);
        assert_eq!(listed(&all), ids.iter().rev().cloned().collect::<Vec<_>>());
        assert_eq!(all["pagination"], json!({"total": 5, "limit": 20, "offset": 0, "hasMore": false}));
        assert_eq!(shelf.fetch(&all["data"][4]).await.1, png(40), "links in lists work");
        let second = product.get(&format!("{path}?limit=2&offset=2&order=asc")).await.expect(200);
        assert_eq!(listed(&second), ids[2..4]);
        assert_eq!(second["pagination"], json!({"total": 5, "limit": 2, "offset": 2, "hasMore": true}));
        let after = product.get(&format!("{path}?limit=2&order=asc&after={}", ids[2])).await.expect(200);
        assert_eq!(listed(&after), ids[3..]);
        let bad = product.get(&format!("{path}?limit=0&sort=size")).await;
        assert_eq!((bad.refused(400).as_str(), bad.fields().len()), ("INVALID_REQUEST", 2));

        let stranger = product.other_organization().await;
        assert_eq!(product.send(product.request(Method::GET, &path, &stranger)).await.refused(404), "RESOURCE_NOT_FOUND");
        let head = shelf.head(&path, "Content-Length: 9000000\r\n").replace(&product.key, &stranger);
        let (status, _) = heard(&mut shelf.raw(&head).await).await;
        assert_eq!(status, 404, "before a byte of the file");
        for unknown in ["ses_01hm6gb9v4e9ttpzg6q1x1e0c5", "nonsense"] {
            let path = format!("/v1/sessions/{unknown}/files");
            assert_eq!(product.get(&path).await.refused(404), "RESOURCE_NOT_FOUND");
            assert_eq!(shelf.send(&path, form("a.png", png(50))).await.refused(404), "RESOURCE_NOT_FOUND");
        }
        shelf.product.stop().await;
    }

    async fn nothing_is_taken_after_consent_was_withdrawn(shelf: Shelf) {
        let product = &shelf.product;
        let session = session(product).await;
        let path = format!("/v1/sessions/{session}/files");
        run(product, consent(session, true, "all")).await;
        run(product, StartSession { session }).await;
        shelf.send(&path, of_kind("recording", form("a.mp3", mp3(50)))).await.expect(201);
        run(product, consent(session, false, "all")).await;
        for kind in ["recording", "screen", "attachment"] {
            let refused = shelf.send(&path, of_kind(kind, form("b.mp3", mp3(60)))).await;
            assert_eq!(refused.refused(409), "CONSENT_REQUIRED", "{kind}");
        }
        assert_eq!((shelf.events().await, shelf.uploads().await, shelf.left().len()), (1, 0, 1));
        shelf.product.stop().await;
    }

    async fn who_has_not_agreed_to_be_recorded_is_not(shelf: Shelf) {
        let product = &shelf.product;
        let session = session(product).await;
        let path = format!("/v1/sessions/{session}/files");
        for refused in [false, true] {
            if refused {
                run(product, consent(session, false, "recording")).await;
            }
            // A recording does not become another thing by being called an attachment.
            for kind in ["recording", "screen", "attachment"] {
                let refused = shelf.send(&path, of_kind(kind, form("b.mp3", mp3(60)))).await;
                assert_eq!(refused.refused(409), "CONSENT_REQUIRED", "{kind}");
            }
            let screen = shelf.send(&path, of_kind("screen", form("s.png", png(60)))).await;
            assert_eq!(screen.refused(409), "CONSENT_REQUIRED");
        }
        shelf.send(&path, form("letter.txt", b"Dear all".to_vec())).await.expect(201);
        assert_eq!((shelf.events().await, shelf.uploads().await, shelf.left().len()), (1, 0, 1));
        shelf.product.stop().await;
    }
}

on_both_engines! {
    async fn a_withdrawal_holds_whenever_it_comes(engine: Engine) {
        let shelf = Shelf::local(engine).await;
        let product = &shelf.product;
        for (kind, when) in [("all", "created"), ("all", "ended"), ("data_processing", "ended"), ("recording", "ended")] {
            let session = session(product).await;
            let path = format!("/v1/sessions/{session}/files");
            run(product, consent(session, true, "all")).await;
            if when == "ended" {
                run(product, StartSession { session }).await;
                let answer = json!({"promptId": "p1", "seq": 1, "text": "It was a pleasure from the beginning to the very end."});
                run(product, AnswerPrompt { session, body: answer.into(), spoken: None, produced: None }).await;
                run(product, CompleteSession { session }).await;
                shelf.send(&path, of_kind("recording", form("late.mp3", mp3(50)))).await.expect(201);
            }
            run(product, consent(session, false, kind)).await;
            let stored = shelf.events().await;
            let refuses = async || {
                for (kind, file) in [("recording", mp3(60)), ("attachment", mp3(60)), ("attachment", b"Some notes".to_vec())] {
                    let refused = shelf.send(&path, of_kind(kind, form("b", file))).await;
                    assert_eq!(refused.refused(409), "CONSENT_REQUIRED", "{kind} {when}");
                }
            };
            refuses().await;
            if when == "ended" {
                let again = json!({"granted": true, "type": "all"});
                product.post(&format!("/v1/sessions/{session}/consent"), again).await.expect(201);
                refuses().await;
            }
            assert_eq!((shelf.events().await, shelf.uploads().await), (stored, 0));
        }
        shelf.product.stop().await;
    }

    async fn no_file_follows_a_withdrawal_in_the_log(engine: Engine) {
        let shelf = Shelf::local(engine).await;
        let product = &shelf.product;
        let late = "SELECT COUNT(*) FROM events WHERE type = 'file.stored' AND position > \
                    (SELECT MAX(position) FROM events WHERE type = 'consent.withdrawn')";
        for _ in 0..8 {
            let session = session(product).await;
            run(product, consent(session, true, "all")).await;
            let path = format!("/v1/sessions/{session}/files");
            let before = shelf.events().await;
            let (one, two, _) = tokio::join!(
                shelf.send(&path, of_kind("recording", form("a.mp3", mp3(60)))),
                shelf.send(&path, form("notes.txt", b"Some notes".to_vec())),
                run(product, consent(session, false, "all")),
            );
            assert_eq!(product.engine.number(late).await, 0);
            let taken = i64::from(one.status == 201) + i64::from(two.status == 201);
            assert_eq!(shelf.events().await, before + taken);
            for refused in [one, two].iter().filter(|answer| answer.status != 201) {
                assert_eq!(refused.refused(409), "CONSENT_REQUIRED");
            }
        }
        assert_eq!(shelf.uploads().await, 0);
        shelf.product.stop().await;
    }
}

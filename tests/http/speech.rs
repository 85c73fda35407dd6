//! What is spoken: prompts by the server, answers by participants; over real HTTP on both sides.

use std::time::Duration;

use aggregates::file::{Content, FileKind};
use chrono::TimeDelta;
use interview_relay::{
    command::{Caller, files::StoreSessionFile},
    ids::Ids,
};
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use crate::support::{
    engines::{Engine, on_both_engines},
    participant::Participant,
    product::{Answered, Product, Setup, id},
    voices::{Mood, Voices, wav},
};

const LONG: &str =
    "I used it every day for my work with customers, and most of all I liked how quickly it answered them.";

async fn product(engine: Engine, voices: &Voices) -> Product {
    Product::start_as(engine, Setup { interviews: voices.interviews(), ..Setup::default() }).await
}

/// A campaign with an open question, a choice and another open question.
async fn campaign(product: &Product, settings: Value) -> String {
    let questions = json!([
        {"id": "q1", "text": "What went wrong?", "type": "open"},
        {"id": "q2", "text": "Would you come back?", "type": "yes_no"},
        {"id": "q3", "text": "Anything else?", "type": "open"},
    ]);
    product.campaign_with(questions, settings).await
}

/// What came back as sound: status, type and bytes, or that it broke off.
async fn hear(ada: &Participant<'_>, utterance: &Value) -> (u16, String, Option<Vec<u8>>) {
    let path = format!("speech?utterance={}", utterance.as_str().expect("an id"));
    let answer = ada.request(Method::GET, &path).send().await.expect("send");
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().expect("text").to_owned());
    (answer.status().as_u16(), kind.unwrap_or_default(), answer.bytes().await.ok().map(|bytes| bytes.to_vec()))
}

/// The form of a spoken answer.
fn form(prompt: &Value, seq: u64, recording: Vec<u8>) -> Form {
    Form::new()
        .text("promptId", prompt["id"].as_str().expect("an id").to_owned())
        .text("seq", seq.to_string())
        .part("file", Part::bytes(recording).file_name("answer.wav"))
}

async fn send(product: &Product, ada: &Participant<'_>, form: Form) -> Answered {
    product.send(ada.request(Method::POST, "answers/spoken").multipart(form)).await
}

async fn say(product: &Product, ada: &Participant<'_>, prompt: &Value, seq: u64, recording: Vec<u8>) -> Answered {
    send(product, ada, form(prompt, seq, recording)).await
}

/// Files of a session, the oldest first.
async fn files(product: &Product, session: &str) -> Vec<Value> {
    let page = product.get(&format!("/v1/sessions/{session}/files?order=asc")).await.expect(200);
    page["data"].as_array().expect("a list").clone()
}

async fn answers(product: &Product) -> i64 {
    product.engine.number("SELECT COUNT(*) FROM events WHERE type = 'session.answered'").await
}

/// Nothing of an upload is left but what events speak of.
async fn settled(product: &Product) {
    assert_eq!(product.engine.number("SELECT COUNT(*) FROM uploads").await, 0);
    let stored = product.engine.number("SELECT COUNT(*) FROM events WHERE type = 'file.stored'").await;
    let kept = crate::support::s3::files_below(product.folder.path()).len();
    assert_eq!(i64::try_from(kept).expect("few"), stored);
}

on_both_engines! {
    async fn the_interviewers_latest_lines_are_spoken_and_nothing_else(engine: Engine) {
        let voices = Voices::start().await;
        let product = product(engine, &voices).await;
        let campaign = campaign(&product, json!({"voice": "echo", "greeting": "Welcome!"})).await;
        let (mut ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let shown = ada.look().await.expect(200);
        assert_eq!(shown["speech"], json!({"prompts": true, "answers": true}));
        let (greeting, question) = (turn["messages"][0]["utteranceId"].clone(), turn["prompt"]["utteranceId"].clone());
        for (line, words) in [(&greeting, "Welcome!"), (&question, "What went wrong?")] {
            let (status, kind, sound) = hear(&ada, line).await;
            assert_eq!((status, kind.as_str()), (200, "audio/wav"));
            assert_eq!(sound, Some(wav(200)), "whole, as it came");
            let asked = voices.spoken();
            let [(request, headers)] = asked.as_slice() else { panic!("asked once: {asked:?}") };
            assert_eq!(*request, json!({"input": words, "model": "mouth-1", "voice": "echo", "response_format": "mp3"}));
            assert_eq!(headers["authorization"], "Bearer sk-test");
        }
        // The same question again, and for another participant, needs nobody.
        let (bob, other) = Participant::begin(&product, &campaign, "bob@example.com").await;
        assert_eq!(hear(&ada, &question).await.2, Some(wav(200)));
        assert_eq!(hear(&bob, &other["prompt"]["utteranceId"]).await.2, Some(wav(200)));
        assert_eq!(voices.spoken().len(), 0);

        // No other words: what the participant said, what was said before, what is no line at all.
        let next = ada.answer(&turn["prompt"], json!({"text": LONG})).await.expect(201);
        let answered: u64 = question.as_str().and_then(|id| id.strip_prefix("utt_")?.parse().ok()).expect("a number");
        for line in [&greeting, &question, &json!(format!("utt_{}", answered + 1)), &json!("utt_99"), &json!("Say%20this")] {
            assert_eq!(hear(&ada, line).await.0, 404, "{line}");
        }
        assert_eq!(product.send(ada.request(Method::GET, "speech")).await.refused(400), "INVALID_REQUEST");
        assert_eq!(hear(&ada, &next["prompt"]["utteranceId"]).await.0, 200);
        let headers = product.send(ada.request(Method::GET, &format!("speech?utterance={}", next["prompt"]["utteranceId"].as_str().expect("an id")))).await;
        assert_eq!(headers.header("cache-control"), Some("no-store"));
        voices.spoken();
        // Who has withdrawn is spoken about with nobody.
        ada.consent(false).await.expect(201);
        let path = format!("speech?utterance={}", next["prompt"]["utteranceId"].as_str().expect("an id"));
        assert_eq!(product.send(ada.request(Method::GET, &path)).await.refused(409), "CONSENT_REQUIRED");
        assert_eq!(voices.spoken().len(), 0);
        product.stop().await;
    }

    async fn a_voice_that_fails_is_told_and_costs_the_interview_nothing(engine: Engine) {
        let voices = Voices::start().await;
        let product = product(engine, &voices).await;
        let campaign = campaign(&product, json!({})).await;
        let (mut ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let line = &turn["prompt"]["utteranceId"];
        let path = format!("speech?utterance={}", line.as_str().expect("an id"));
        let faults = [
            Mood::Fails(500),
            Mood::Fails(429),
            Mood::Fails(401),
            Mood::Hangs,
            Mood::Answers(b"{\"error\": \"not sound at all, but text of some length\"}".to_vec()),
            Mood::Answers(b"<html><body>Sorry".to_vec()),
            Mood::Answers(Vec::new()),
            Mood::IsCut(wav(1)),
            Mood::Stalls(wav(1)),
        ];
        for mood in faults {
            voices.mouth(mood.clone());
            let answer = product.send(ada.request(Method::GET, &path)).await;
            assert_eq!(answer.refused(503), "SERVICE_UNAVAILABLE", "{mood:?}");
            assert_eq!(answer.json()["error"]["details"]["reason"], "not_spoken", "{mood:?}");
            assert_eq!(voices.spoken().len(), 1, "{mood:?}: nobody waits for a second try");
        }
        // What breaks off later ends the answer, which the client notices; and it is not taken for the whole line later.
        for mood in [Mood::IsCut(wav(120_000)), Mood::Stalls(wav(500)), Mood::Answers(wav(300_000))] {
            voices.mouth(mood.clone());
            let (status, _, sound) = hear(&ada, line).await;
            assert_eq!((status, sound.is_none()), (200, true), "{}", mood.name());
        }
        voices.mouth(Mood::Answers(wav(100)));
        assert_eq!(hear(&ada, line).await.2, Some(wav(100)));
        ada.answer(&turn["prompt"], json!({"text": LONG})).await.expect(201);
        product.stop().await;
    }

    async fn an_answer_is_spoken_kept_and_written_down(engine: Engine) {
        let voices = Voices::start().await;
        voices.hears("The delivery was two weeks late, and nobody told us why it was.");
        let product = product(engine, &voices).await;
        let campaign = campaign(&product, json!({"language": "en-GB"})).await;
        let (ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        product.engine.hands.advance(TimeDelta::seconds(30));
        let recording = wav(4_200);
        let next = say(&product, &ada, &turn["prompt"], 1, recording.clone()).await.expect(201);
        assert_eq!(next["heard"], "The delivery was two weeks late, and nobody told us why it was.");
        assert_eq!((&next["prompt"]["questionId"], &next["progress"]["answered"]), (&json!("q2"), &json!(1)));
        let listened = voices.listened();
        let [heard] = listened.as_slice() else { panic!("listened once") };
        assert_eq!((heard.bytes == recording, heard.authorization.as_str()), (true, "Bearer sk-test"));
        assert_eq!((heard.file_name.as_str(), heard.content_type.as_str()), ("answer.wav", "audio/wav"));
        let texts: Vec<_> = heard.texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert_eq!(texts, [("language", "en"), ("model", "ear-1"), ("response_format", "verbose_json")]);
        let kept = files(&product, &ada.session).await;
        let [file] = kept.as_slice() else { panic!("one file: {kept:?}") };
        assert_eq!((&file["kind"], &file["size"], &file["contentType"]), (&json!("recording"), &json!(recording.len()), &json!("audio/wav")));
        // The file comes before the answer in the log.
        let order = "SELECT type FROM events WHERE type IN ('file.stored', 'session.answered') ORDER BY position";
        let order: Vec<String> = product.engine.sql(order).await.iter().map(|row| row[0].text().to_owned()).collect();
        assert_eq!(order, ["file.stored", "session.answered"]);

        // A retry, whatever would be heard this time, counts once and keeps one file.
        voices.hears("Something else entirely.");
        let again = say(&product, &ada, &turn["prompt"], 1, recording.clone()).await.expect(201);
        assert_eq!(again, next);
        assert_eq!((voices.listened().len(), files(&product, &ada.session).await.len(), answers(&product).await), (0, 1, 1));
        let other = say(&product, &ada, &turn["prompt"], 1, wav(900)).await;
        assert_eq!(other.refused(409), "CONFLICT", "the number was used for another answer");
        let typed = ada.answer_as(1, &turn["prompt"], json!({"text": "Typed."})).await;
        assert_eq!(typed.refused(409), "CONFLICT");
        settled(&product).await;

        let q3 = ada.answer_as(2, &next["prompt"], json!({"value": true})).await.expect(201)["prompt"].clone();
        voices.hears("No, that is everything that I wanted to say about the whole matter.");
        say(&product, &ada, &q3, 3, wav(1_000)).await.expect(201);
        ada.post("complete", json!({})).await.expect(200);
        let transcript = product.get(&format!("/v1/sessions/{}/transcript", ada.session)).await.expect(200);
        let said: Vec<&Value> = transcript["utterances"].as_array().expect("a list").iter().filter(|line| line["speaker"] == "participant").collect();
        assert_eq!(said[0]["text"], next["heard"]);
        assert_eq!((&said[0]["startTime"], &said[0]["endTime"]), (&json!(25.8), &json!(30.0)), "as long as the recording");
        assert_eq!((&said[0]["confidence"], &said[1]["confidence"]), (&json!(0.905), &json!(1.0)));
        product.stop().await;
    }

    async fn what_cannot_be_written_down_is_kept_and_can_be_tried_again(engine: Engine) {
        let voices = Voices::start().await;
        let product = product(engine, &voices).await;
        let campaign = campaign(&product, json!({})).await;
        let (mut ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let words = json!({"text": "It was late."}).to_string().into_bytes();
        let faults = [
            Mood::Fails(500),
            Mood::Fails(429),
            Mood::Fails(401),
            Mood::Answers(b"<html>".to_vec()),
            Mood::Answers(b"{\"text\": 7}".to_vec()),
            Mood::IsCut(words.clone()),
            Mood::Stalls(words),
            Mood::Hangs,
        ];
        for mood in faults {
            voices.ear(mood.clone());
            let answer = say(&product, &ada, &turn["prompt"], 1, wav(700)).await;
            assert_eq!(answer.refused(503), "SERVICE_UNAVAILABLE", "{mood:?}");
            assert_eq!(answer.json()["error"]["details"]["reason"], "not_transcribed", "{mood:?}");
            assert_eq!(voices.listened().len(), 1, "{mood:?}");
            // However often it is tried.
            assert_eq!((files(&product, &ada.session).await.len(), answers(&product).await), (1, 0), "{mood:?}");
        }
        // An empty transcription is no answer; the recording stays.
        for nothing in ["", " \n ", "\u{7}"] {
            voices.hears(nothing);
            let answer = say(&product, &ada, &turn["prompt"], 1, wav(800)).await;
            assert_eq!((answer.refused(422).as_str(), answer.fields()), ("VALIDATION_ERROR", vec![("file".into(), "no_speech".into())]));
        }
        // Too much is too much, spoken or typed.
        voices.hears(&"word ".repeat(20_000));
        let answer = say(&product, &ada, &turn["prompt"], 1, wav(800)).await;
        assert_eq!((answer.refused(422).as_str(), answer.fields()), ("VALIDATION_ERROR", vec![("text".into(), "too_long".into())]));
        assert_eq!((files(&product, &ada.session).await.len(), answers(&product).await), (2, 0));
        settled(&product).await;
        // The same number takes the recording after all, or would take words.
        voices.hears(LONG);
        let next = say(&product, &ada, &turn["prompt"], 1, wav(700)).await.expect(201);
        assert_eq!(next["heard"], LONG);
        assert_eq!(files(&product, &ada.session).await.len(), 2);
        let turn = ada.answer_as(2, &next["prompt"], json!({"value": true})).await.expect(201);
        voices.ear(Mood::Fails(500));
        say(&product, &ada, &turn["prompt"], 3, wav(900)).await.refused(503);
        ada.answer_as(3, &turn["prompt"], json!({"text": LONG})).await.expect(201);
        ada.finish().await;
        product.stop().await;
    }

    async fn only_an_open_prompt_that_waits_is_answered_aloud(engine: Engine) {
        let voices = Voices::start().await;
        voices.hears(LONG);
        let product = product(engine, &voices).await;
        let campaign = campaign(&product, json!({})).await;
        let (ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let stale = say(&product, &ada, &json!({"id": "p9"}), 1, wav(100)).await;
        assert_eq!(stale.refused(409), "CONFLICT");
        for (broken, field, status) in [
            (Form::new().text("seq", "1").part("file", Part::bytes(wav(100)).file_name("a.wav")), "promptId", 400),
            (Form::new().text("promptId", "p1").part("file", Part::bytes(wav(100)).file_name("a.wav")), "seq", 400),
            (Form::new().text("promptId", "p1").text("seq", "one").part("file", Part::bytes(wav(100)).file_name("a.wav")), "seq", 400),
            (Form::new().text("promptId", "p1").text("seq", "1"), "file", 400),
            (form(&turn["prompt"], 1, Vec::new()), "file", 422),
        ] {
            let answer = send(&product, &ada, broken).await;
            assert_eq!((answer.status, answer.fields().iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>()), (status, vec![field]));
        }
        for (name, bytes) in [("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01".to_vec()), ("a.txt", b"words".to_vec())] {
            let answer = say(&product, &ada, &turn["prompt"], 1, bytes).await;
            assert_eq!(answer.refused(415), "UNSUPPORTED_MEDIA_TYPE", "{name}");
        }
        let large = [wav(100), vec![7; 25 << 20]].concat();
        assert_eq!(say(&product, &ada, &turn["prompt"], 1, large).await.refused(413), "PAYLOAD_TOO_LARGE");
        let next = say(&product, &ada, &turn["prompt"], 1, wav(100)).await.expect(201);
        voices.listened();
        let closed = say(&product, &ada, &next["prompt"], 2, wav(200)).await;
        assert_eq!((closed.refused(422).as_str(), closed.fields()), ("VALIDATION_ERROR", vec![("promptId".into(), "not_allowed".into())]));
        ada.post("pause", json!({})).await.expect(200);
        assert_eq!(say(&product, &ada, &next["prompt"], 2, wav(200)).await.refused(409), "SESSION_NOT_ACTIVE");
        assert_eq!((voices.listened().len(), files(&product, &ada.session).await.len()), (0, 1));
        settled(&product).await;
        product.stop().await;
    }

    async fn nobody_is_recorded_without_a_yes_or_after_a_no(engine: Engine) {
        let voices = Voices::start().await;
        voices.hears(LONG);
        let product = product(engine, &voices).await;
        let free = campaign(&product, json!({"requireConsent": false})).await;
        // Not asked is not agreed, even where an interview may start without.
        let cy = Participant::join(&product, &free, "cy@example.com").await;
        let turn = cy.post("start", json!({})).await.expect(200);
        assert_eq!(say(&product, &cy, &turn["prompt"], 1, wav(100)).await.refused(409), "CONSENT_REQUIRED");

        let strict = campaign(&product, json!({})).await;
        let (ada, turn) = Participant::begin(&product, &strict, "ada@example.com").await;
        // Withdrawn while somebody listens: the words come too late.
        voices.ear(Mood::Stalls(json!({"text": LONG}).to_string().into_bytes()));
        let withdraw = async {
            let listening = async {
                while voices.listened().is_empty() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), listening).await.expect("it listens");
            ada.consent(false).await.expect(201);
            // Now it hears: the next try of the same recording would have words.
            voices.hears(LONG);
        };
        let (answer, ()) = tokio::join!(say(&product, &ada, &turn["prompt"], 1, wav(100)), withdraw);
        assert_eq!(answer.refused(503), "SERVICE_UNAVAILABLE");
        assert_eq!(say(&product, &ada, &turn["prompt"], 1, wav(100)).await.refused(409), "CONSENT_REQUIRED");
        assert_eq!(say(&product, &ada, &turn["prompt"], 1, wav(200)).await.refused(409), "CONSENT_REQUIRED");
        let last = product.engine.number("SELECT MAX(position) FROM events WHERE type = 'consent.withdrawn'").await;
        let later = "SELECT COUNT(*) FROM events WHERE type IN ('file.stored', 'session.answered') AND position >";
        assert_eq!(product.engine.number(&format!("{later} {last}")).await, 0, "no answer and no sound after it");
        assert_eq!(answers(&product).await, 0);
        settled(&product).await;
        product.stop().await;
    }

    async fn the_same_recording_twice_at_once_is_one_answer(engine: Engine) {
        let voices = Voices::start().await;
        voices.hears(LONG);
        let product = product(engine, &voices).await;
        let campaign = campaign(&product, json!({})).await;
        let (ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let tries = (0..4).map(|_| say(&product, &ada, &turn["prompt"], 1, wav(300)));
        let answers_given = futures_util::future::join_all(tries).await;
        let first = answers_given[0].expect(201);
        for answer in &answers_given {
            assert_eq!(answer.expect(201), first);
        }
        assert_eq!((files(&product, &ada.session).await.len(), answers(&product).await), (1, 1));
        settled(&product).await;
        product.stop().await;
    }

    async fn a_session_takes_as_many_recordings_as_anybody_needs(engine: Engine) {
        let voices = Voices::start().await;
        voices.ear(Mood::Fails(500));
        let product = product(engine, &voices).await;
        let campaign = campaign(&product, json!({})).await;
        let (ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let session = ada.session.parse().expect("an id");
        // All but one of them, past the file store.
        let caller = Caller { organization: product.organization, actor: "test".into(), request_id: "test".into() };
        let ids = Ids::new(product.engine.clock.clone());
        for n in 1..300 {
            let content = Content {
                content_type: "audio/wav".into(),
                size: 44,
                sha256: format!("{n:064x}"),
                storage_key: format!("test/{n}"),
            };
            let store = StoreSessionFile { id: ids.next(), session, kind: FileKind::Recording, name: format!("{n}.wav"), content };
            product.commands.run(&caller, None, &store).await.expect("run").result.expect("allowed");
        }
        // The last one is kept, and is no other one when it comes again.
        for _ in 0..2 {
            assert_eq!(say(&product, &ada, &turn["prompt"], 1, wav(100)).await.refused(503), "SERVICE_UNAVAILABLE");
        }
        let events = product.engine.number("SELECT COUNT(*) FROM events").await;
        voices.hears(LONG);
        voices.listened();
        let refused = say(&product, &ada, &turn["prompt"], 1, wav(200)).await;
        assert!(refused.text.contains("There are 300 files already"), "{}", refused.text);
        assert_eq!(refused.refused(409), "CONFLICT");
        assert_eq!((product.engine.number("SELECT COUNT(*) FROM events").await, voices.listened().len()), (events, 0));
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM uploads").await, 0);
        assert_eq!(crate::support::s3::files_below(product.folder.path()).len(), 1, "its bytes are gone");
        // Nobody is stuck: what is kept can be listened to, and there is the keyboard.
        let next = say(&product, &ada, &turn["prompt"], 1, wav(100)).await.expect(201);
        ada.answer_as(2, &next["prompt"], json!({"value": true})).await.expect(201);
        product.stop().await;
    }

    async fn a_keyed_upload_is_remembered_whatever_its_boundary(engine: Engine) {
        let voices = Voices::start().await;
        voices.hears(LONG);
        let product = product(engine, &voices).await;
        let campaign = campaign(&product, json!({})).await;
        let (ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let once = async |seq: u64, recording: Vec<u8>| {
            let request = ada.request(Method::POST, "answers/spoken").header("idempotency-key", "one");
            product.send(request.multipart(form(&turn["prompt"], seq, recording))).await
        };
        voices.ear(Mood::Fails(500));
        once(1, wav(300)).await.refused(503);
        voices.hears(LONG);
        let first = once(1, wav(300)).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (201, None), "a failure is not remembered");
        let again = once(1, wav(300)).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
        assert_eq!(again.json(), first.json());
        product.stop().await;
    }

    async fn without_voices_nothing_is_offered(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, json!({})).await;
        let (ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        assert_eq!(ada.look().await.expect(200)["speech"], json!({"prompts": false, "answers": false}));
        assert_eq!(hear(&ada, &turn["prompt"]["utteranceId"]).await.0, 404);
        assert_eq!(say(&product, &ada, &turn["prompt"], 1, wav(100)).await.refused(404), "RESOURCE_NOT_FOUND");
        product.stop().await;
    }

    async fn who_is_done_can_withdraw_by_the_link_alone(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, json!({})).await;
        let (mut ada, _) = Participant::begin(&product, &campaign, "ada@example.com").await;
        ada.finish().await;
        ada.post("complete", json!({})).await.expect(200);
        // Another device, a week later.
        product.engine.hands.advance(TimeDelta::days(8));
        let mut other = ada.other_tab();
        let shown = other.look().await.expect(200);
        assert_eq!(shown["session"]["consent"], json!({"recording": true, "dataProcessing": true}));
        let opened = other.open().await.expect(200);
        assert_eq!((&opened["session"]["id"], &opened["session"]["status"]), (&json!(ada.session), &json!("completed")));
        for action in ["start", "pause", "resume", "leave", "heartbeat", "complete"] {
            assert_eq!(other.post(action, json!({})).await.refused(409), "SESSION_NOT_ACTIVE", "{action}");
        }
        assert_eq!(other.consent(false).await.expect(201)["granted"], json!(false));
        let shown = other.look().await.expect(200);
        assert_eq!(shown["session"]["consent"], json!({"recording": false, "dataProcessing": false}));
        let events = product.engine.number("SELECT COUNT(*) FROM events WHERE type = 'consent.withdrawn'").await;
        assert_eq!((events, product.engine.number("SELECT COUNT(*) FROM events WHERE type = 'session.created'").await), (1, 1));
        product.stop().await;
    }

    async fn prompts_come_with_the_media_of_their_question(engine: Engine) {
        let product = Product::start(engine).await;
        let question = json!({"id": "q1", "text": "What do you see?", "type": "open"});
        let body = json!({"name": "Pictures", "systemPrompt": "Be kind.", "questions": [question]});
        let script = id(&product.post("/v1/scripts", body).await.expect(201));
        let media = format!("/v1/scripts/{script}/media");
        let upload = async |name: &str, bytes: Vec<u8>| {
            let form = Form::new().part("file", Part::bytes(bytes).file_name(name.to_owned()));
            product.send(product.request(Method::POST, &media, &product.key).multipart(form)).await.expect(201)
        };
        let (sound, picture) = (upload("tone.wav", wav(50)).await, upload("chart.png", include_bytes!("../data/logo.png").to_vec()).await);
        upload("unused.wav", wav(60)).await;
        let questions = json!([
            {"id": "q1", "text": "What do you see?", "type": "open", "media": [picture["id"], sound["id"]],
             "followUp": {"enabled": true, "maxFollowUps": 1}},
            {"id": "q2", "text": "And now?", "type": "yes_no"},
        ]);
        product.patch(&format!("/v1/scripts/{script}"), json!({"questions": questions})).await.expect(200);
        product.post(&format!("/v1/scripts/{script}/publish"), json!({})).await.expect(200);
        let campaign = id(&product.post("/v1/campaigns", json!({"name": "C", "scriptId": script})).await.expect(201));
        let (mut ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let shown = turn["prompt"]["media"].clone();
        let (url, end) = (shown[0]["url"].clone(), shown[0]["urlExpiresAt"].clone());
        assert_eq!(shown[0], json!({
            "id": picture["id"], "kind": "image", "contentType": "image/png", "name": "chart.png", "url": url, "urlExpiresAt": end,
        }));
        assert_eq!((&shown[1]["id"], &shown[1]["kind"], &shown[1]["contentType"]), (&sound["id"], &json!("audio"), &json!("audio/wav")));
        assert_eq!(shown.as_array().map(Vec::len), Some(2), "in the question's order, and nothing else");
        let fetch = async |url: &Value| {
            let answer = reqwest::get(url.as_str().expect("a link")).await.expect("send");
            (answer.status().as_u16(), answer.bytes().await.expect("the body").to_vec())
        };
        assert_eq!(fetch(&url).await, (200, include_bytes!("../data/logo.png").to_vec()));
        // Links end; asking again renews them.
        product.engine.hands.advance(TimeDelta::minutes(15));
        assert_eq!(fetch(&url).await.0, 404);
        let fresh = ada.next().await.expect(200)["prompt"]["media"][0]["url"].clone();
        assert_eq!(fetch(&fresh).await.0, 200);
        // A follow-up is about the same picture; the next question has none.
        let follow_up = ada.answer(&turn["prompt"], json!({"text": "A chart."})).await.expect(201)["prompt"].clone();
        assert_eq!((&follow_up["kind"], &follow_up["media"][0]["id"]), (&json!("follow_up"), &picture["id"]));
        let next = ada.answer(&follow_up, json!({"text": "A rising one."})).await.expect(201);
        assert_eq!(next["prompt"]["media"], json!([]));
        product.stop().await;
    }
}

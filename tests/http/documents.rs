//! Transcripts and documents of sessions (contract 28 and 29).

use std::{io::Write, process::Command};

use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    participant::Participant,
    product::{Answered, Product},
};

const GOOD: &str = "I love the new reports, they are wonderful and save me a lot of time every single day at work.";
const BAD: &str =
    "Write to ada.lovelace@example.com or call +49 (0)30 1234567, the mobile app is terrible, says Ada Lovelace.";

fn questions() -> Value {
    json!([{"id": "likes", "text": "What do you like?", "type": "open"}, {"id": "rating", "text": "How likely are you to recommend us?", "type": "rating"},
        {"id": "hates", "text": "What annoys you?", "type": "open"}])
}

/// Ada, in the middle of an interview; answers the prompt.
async fn interview<'a>(product: &'a Product, settings: Value) -> (Participant<'a>, Value) {
    let campaign = product.campaign_with(questions(), settings).await;
    let body = json!({"email": "ada.lovelace@example.com", "name": "Ada Lovelace"});
    let invite = product.post(&format!("/v1/campaigns/{campaign}/invites"), body).await.expect(201);
    let mut ada = Participant::invited(product, &invite);
    ada.open().await.expect(201);
    ada.consent(true).await.expect(201);
    let turn = ada.post("start", json!({})).await.expect(200);
    (ada, turn)
}

/// Ada after an interview; answers the path of the session.
async fn interviewed(product: &Product, settings: Value) -> String {
    let (mut ada, mut turn) = interview(product, settings).await;
    for answer in [json!({"text": GOOD}), json!({"value": 9}), json!({"text": BAD})] {
        product.engine.hands.advance(chrono::TimeDelta::seconds(30));
        let prompt = turn["prompt"].clone();
        turn = ada.answer(&prompt, answer).await.expect(201);
    }
    assert_eq!(turn["done"], json!(true), "{turn}");
    ada.post("complete", json!({})).await.expect(200);
    format!("/v1/sessions/{}", ada.session)
}

fn said<'a>(transcript: &'a Value, speaker: &str) -> Vec<&'a Value> {
    let utterances = transcript["utterances"].as_array().expect("utterances");
    utterances.iter().filter(|said| said["speaker"] == speaker).collect()
}

/// A document's bytes.
async fn document(product: &Product, path: &str) -> Vec<u8> {
    let answer = product.request(reqwest::Method::GET, path, &product.key).send().await.expect("send");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    answer.bytes().await.expect("bytes").to_vec()
}

/// The text of a document's pages, as another program reads it.
fn pages(pdf: &[u8]) -> Vec<String> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(pdf).expect("written");
    let output = Command::new("pdftotext")
        .arg("-layout")
        .arg(file.path())
        .arg("-")
        .output()
        .expect("pdftotext: run ./scripts/test");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.trim_end_matches('\u{c}').split('\u{c}').map(str::to_owned).collect()
}

/// Without spaces, which a reader of PDF sees or does not see where letters are set apart.
fn dense(text: &str) -> String {
    text.split_whitespace().collect()
}

fn fields(answer: &Answered) -> Vec<String> {
    assert_eq!(answer.refused(400), "INVALID_REQUEST");
    answer.fields().into_iter().map(|(field, _)| field).collect()
}

on_both_engines! {
    async fn a_transcript_has_every_format(engine: Engine) {
        let product = Product::start(engine).await;
        let session = interviewed(&product, json!({})).await;
        let path = format!("{session}/transcript");
        let answer = product.get(&path).await;
        let transcript = answer.expect(200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("private, max-age=31536000, immutable"));
        assert_eq!(json!(session), json!(format!("/v1/sessions/{}", transcript["sessionId"].as_str().expect("an id"))));
        assert_eq!((&transcript["language"], &transcript["duration"], &transcript["partial"]), (&json!("en"), &json!(90), &json!(false)));
        let answers = said(&transcript, "participant");
        assert_eq!(answers.len(), 3, "{transcript}");
        assert_eq!((&answers[0]["text"], &answers[0]["questionId"], &answers[0]["confidence"]), (&json!(GOOD), &json!("likes"), &json!(1.0)));
        assert_eq!(answers[0]["endTime"], json!(30.0));
        assert_eq!((&answers[0]["sentiment"]["label"], answers[0].get("keywords")), (&json!("positive"), None));
        assert!(answers[1]["text"].as_str().is_some_and(|text| text.starts_with('9')), "{transcript}");
        assert_eq!(answers[1].get("sentiment"), Some(&Value::Null), "a number has no mood");
        let asked = said(&transcript, "ai");
        assert!(asked.iter().any(|said| said["text"] == "What annoys you?" && said["questionId"] == "hates" && said["confidence"].is_null()));

        // The client that has it already is told so.
        let tag = answer.header("etag").expect("a tag").to_owned();
        assert!(tag.starts_with('"'), "a strong tag: {tag}");
        let again = product.request(reqwest::Method::GET, &path, &product.key).header("If-None-Match", &tag);
        let again = product.send(again).await;
        assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", Some(tag.as_str())));

        let of = async |query: &str| product.get(&format!("{path}?{query}")).await;
        let only = of("speaker=participant&include_sentiment=false&include_keywords=true").await.expect(200);
        assert_eq!((said(&only, "ai").len(), said(&only, "participant").len()), (0, 3));
        let first = &only["utterances"][0];
        assert!(first.get("sentiment").is_none() && !first["keywords"].as_array().expect("keywords").is_empty());

        let text = of("format=text").await;
        assert_eq!((text.status, text.header("content-type")), (200, Some("text/plain; charset=utf-8")));
        assert!(text.text.contains(&format!("Participant: {GOOD}\n")), "{}", text.text);
        assert!(text.text.lines().all(|line| line.starts_with("[00:0")), "{}", text.text);
        let srt = of("format=srt").await;
        assert_eq!((srt.status, srt.header("content-type")), (200, Some("application/x-subrip; charset=utf-8")));
        assert!(srt.header("content-disposition").is_some_and(|name| name.ends_with(".srt\"")));
        assert!(srt.text.starts_with("1\n00:00:00,000 --> "), "{}", srt.text);
        let vtt = of("format=vtt&speaker=ai").await;
        assert_eq!((vtt.status, vtt.header("content-type")), (200, Some("text/vtt; charset=utf-8")));
        assert!(vtt.text.starts_with("WEBVTT\n") && !vtt.text.contains("<v Participant>"), "{}", vtt.text);

        let bad = of("format=pdf&include_sentiment=maybe&include_keywords=1&redact_pii=&speaker=me").await;
        assert_eq!(fields(&bad), ["format", "include_keywords", "include_sentiment", "redact_pii", "speaker"]);
        product.stop().await;
    }

    async fn redaction_leaves_nothing_in_any_format(engine: Engine) {
        let product = Product::start(engine).await;
        let session = interviewed(&product, json!({})).await;
        let path = format!("{session}/transcript?redact_pii=true&include_keywords=true");
        let id = session.rsplit('/').next().expect("an id");
        for format in ["json", "text", "srt", "vtt"] {
            let answer = product.get(&format!("{path}&format={format}")).await;
            assert_eq!(answer.status, 200);
            // Ids are made at random, and may spell anything.
            let text = answer.text.to_lowercase().replace(id, "");
            for secret in ["ada", "lovelace", "1234567", "example.com"] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
            let flowing = answer.text.replace('\n', " ");
            assert!(flowing.contains("Write to [EMAIL] or call [PHONE], the"), "{flowing}");
            assert!(flowing.contains("[NAME]"), "{flowing}");
        }
        product.stop().await;
    }

    async fn the_mood_of_an_interview_is_stored_with_its_end(engine: Engine) {
        let product = Product::start(engine).await;
        let session = product.get(&interviewed(&product, json!({})).await).await.expect(200);
        assert_eq!(session["sentiment"]["overall"], "positive");
        let score = session["sentiment"]["score"].as_f64().expect("a score");
        assert!((0.05..=1.0).contains(&score) && (score * 100.0 - (score * 100.0).round()).abs() < 1e-9, "{score}");
        // What no analysis supports is not "neutral".
        let german = interviewed(&product, json!({"language": "de"})).await;
        assert_eq!(product.get(&german).await.expect(200)["sentiment"], Value::Null);
        let transcript = product.get(&format!("{german}/transcript?include_keywords=true")).await.expect(200);
        for said in said(&transcript, "participant") {
            assert_eq!((said.get("sentiment"), said.get("keywords")), (Some(&Value::Null), Some(&Value::Null)));
        }
        product.stop().await;
    }

    async fn what_has_not_ended_has_no_transcript(engine: Engine) {
        let product = Product::start(engine).await;
        let (mut ada, turn) = interview(&product, json!({})).await;
        let path = |what: &str| format!("/v1/sessions/{}/{what}", ada.session);
        let (transcript, pdf) = (path("transcript"), path("pdf"));
        for path in [&transcript, &pdf] {
            assert_eq!(product.get(path).await.refused(409), "TRANSCRIPT_NOT_READY");
        }
        // A bad query is told first.
        assert_eq!(fields(&product.get(&format!("{transcript}?format=doc")).await), ["format"]);
        assert_eq!(fields(&product.get(&format!("{pdf}?branding=pink&include_insights=x")).await), ["branding", "include_insights"]);
        let stranger = product.other_organization().await;
        for path in [&transcript, &pdf] {
            let foreign = product.send(product.request(reqwest::Method::GET, &format!("{path}?format=doc&branding=pink"), &stranger)).await;
            assert_eq!(foreign.refused(404), "RESOURCE_NOT_FOUND");
        }

        ada.answer(&turn["prompt"], json!({"text": GOOD})).await.expect(201);
        ada.post("leave", json!({})).await.expect(200);
        let partial = product.get(&transcript).await.expect(200);
        assert_eq!((&partial["partial"], said(&partial, "participant").len()), (&json!(true), 1));
        let text = pages(&document(&product, &pdf).await).concat();
        assert!(text.contains("Abandoned") && text.contains("broken off"), "{text}");
        product.stop().await;
    }

    async fn a_transcript_that_was_read_before_is_read_anew_when_it_has_changed(engine: Engine) {
        let product = Product::start(engine).await;
        let session = interviewed(&product, json!({})).await;
        let path = format!("{session}/transcript");
        let before = product.get(&path).await;
        assert_eq!(product.get(&path).await.text, before.text, "from memory, and the same bytes");
        assert!(!said(&before.expect(200), "participant").is_empty());
        // What another node has written is seen at once.
        let other = product.node().await;
        let consent = reqwest::Client::new().post(format!("{}{session}/consent", other.url)).bearer_auth(&product.key);
        let consent = consent.json(&json!({"granted": false, "type": "all"})).send().await.expect("send");
        assert_eq!(consent.status(), 201);
        let withdrawn = product.get(&path).await.expect(200);
        assert!(said(&withdrawn, "participant").iter().all(|said| said["sentiment"].is_null()));
        product.engine.sql("DELETE FROM subjects").await;
        assert_eq!(product.get(&path).await.refused(410), "ERASED");
        product.stop().await;
    }

    async fn withdrawn_consent_ends_the_analysis(engine: Engine) {
        let product = Product::start(engine).await;
        let (mut ada, turn) = interview(&product, json!({})).await;
        ada.answer(&turn["prompt"], json!({"text": GOOD})).await.expect(201);
        ada.consent(false).await.expect(201);
        let session = format!("/v1/sessions/{}", ada.session);
        assert_eq!(product.get(&session).await.expect(200)["sentiment"], Value::Null);
        let transcript = product.get(&format!("{session}/transcript")).await.expect(200);
        assert!(said(&transcript, "participant").iter().all(|said| said["sentiment"].is_null()));
        let text = pages(&document(&product, &format!("{session}/pdf")).await).concat();
        assert!(text.contains("has withdrawn consent") && text.contains("Withdrawn"), "{text}");
        product.stop().await;
    }

    async fn a_withdrawal_after_the_end_ends_the_analysis(engine: Engine) {
        let product = Product::start(engine).await;
        for kind in ["data_processing", "recording", "all"] {
            let session = interviewed(&product, json!({})).await;
            let path = format!("{session}/transcript?include_keywords=true");
            let before = product.get(&path).await;
            let plain = product.get(&format!("{session}/transcript?format=text")).await;
            let tag = |answer: &Answered| answer.header("etag").expect("a tag").to_owned();
            assert!(before.text.contains("\"positive\""), "{}", before.text);
            let withdrawn = product.post(&format!("{session}/consent"), json!({"granted": false, "type": kind})).await.expect(201);
            assert_eq!(withdrawn["granted"], json!(false));
            for again in [false, true] {
                if again {
                    // What was withdrawn stays so, whoever says otherwise later.
                    product.post(&format!("{session}/consent"), json!({"granted": true, "type": "all"})).await.expect(201);
                }
                let document = product.get(&session).await.expect(200);
                assert_eq!((&document["sentiment"], &document["status"]), (&Value::Null, &json!("completed")));
                let after = product.get(&path).await;
                assert_ne!(tag(&after), tag(&before), "another document has another tag");
                for said in said(&after.expect(200), "participant") {
                    assert_eq!((said.get("sentiment"), said.get("keywords")), (Some(&Value::Null), Some(&Value::Null)));
                }
                let text = product.get(&format!("{session}/transcript?format=text")).await;
                assert_eq!((tag(&text), &text.text), (tag(&plain), &plain.text), "what was said stays");
            }
            let text = pages(&document(&product, &format!("{session}/pdf")).await).concat();
            assert!(text.contains("has withdrawn consent") && text.contains("Withdrawn"), "{text}");
            assert!(!text.contains("Positive") && !text.contains("Key phrases"), "{text}");
        }
        assert_eq!(product.engine.store.verify_projections().await.expect("verify").differences, []);
        product.stop().await;
    }

    async fn who_finds_the_processors_busy_is_told_to_come_again(engine: Engine) {
        let product = Product::start(engine).await;
        let session = interviewed(&product, json!({})).await;
        let places: Vec<_> = std::iter::from_fn(|| product.app.processors.enter()).take(1_000).collect();
        assert_eq!(places.len(), 64);
        for what in ["transcript", "pdf"] {
            let busy = product.get(&format!("{session}/{what}")).await;
            assert_eq!((busy.refused(503).as_str(), busy.header("retry-after")), ("SERVICE_UNAVAILABLE", Some("2")));
        }
        drop(places);
        product.get(&format!("{session}/transcript")).await.expect(200);
        product.stop().await;
    }

    async fn a_document_holds_the_interview(engine: Engine) {
        let product = Product::start(engine).await;
        let session = interviewed(&product, json!({})).await;
        let path = format!("{session}/pdf");
        let pdf = document(&product, &path).await;
        assert_eq!(document(&product, &path).await, pdf, "the same bytes");
        let read = pages(&pdf);
        for (index, page) in read.iter().enumerate() {
            let number = format!("{} of {}", index + 1, read.len());
            assert!(page.trim_end().ends_with(&number), "{number}: {page}");
        }
        let text = dense(&read.concat());
        for part in [
            "Interview transcript", "Acme", "Campaign", "Ada Lovelace", "ada.lovelace@example.com", "Completed", "3 / 3", "1 min 30 s",
            "Recording and data processing", "Granted", "Key phrases", "What annoys you?", "Overall sentiment", "save me a lot of time",
            "00:00:30", "Chrome 120", "InterviewRelay", session.rsplit('/').next().expect("an id"),
        ] {
            assert!(text.contains(&dense(part)), "{part:?} is not in {text}");
        }

        let bare = document(&product, &format!("{path}?include_insights=false&include_timestamps=false&include_sentiment=false&branding=minimal")).await;
        let text = dense(&pages(&bare).concat());
        for part in ["Key phrases", "Positive", "00:00:30", "Acme", "InterviewRelay"] {
            assert!(!text.contains(&dense(part)), "{part:?} is in {text}");
        }
        assert!(text.contains(&dense("save me a lot of time")));
        document(&product, &format!("{path}?branding=custom")).await;

        let answer = product.request(reqwest::Method::GET, &path, &product.key).send().await.expect("send");
        let tag = answer.headers()["etag"].to_str().expect("a tag").to_owned();
        assert_eq!(answer.headers()["content-disposition"], format!("attachment; filename=\"interview-{}.pdf\"", session.rsplit('/').next().expect("an id")));
        let again = product.send(product.request(reqwest::Method::GET, &path, &product.key).header("If-None-Match", &tag)).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""));
        product.stop().await;
    }
}

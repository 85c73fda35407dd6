//! What goes in, what does not, and what is left of it.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use interview_relay::{
    files::upload::{Source, media_limit},
    http::Limits,
};
use reqwest::{Method, multipart::Form};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, sync::Notify};

use super::{SIZES, Shelf, form, hash, heard, mp3, png, streamed, with_every_store};
use crate::support::{
    engines::on_both_engines,
    product::{Answered, id},
};

fn field(name: &str, code: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), code.to_owned())]
}

/// Field and code of the first error in a body.
fn first_field(body: &Value) -> (String, String) {
    let field = &body["error"]["details"]["fields"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&field["field"]), text(&field["code"]))
}

fn replayed(answer: &Answered) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

with_every_store! {
    async fn a_file_larger_than_every_buffer_goes_in_and_comes_out(shelf: Shelf) {
        let script = shelf.draft().await;
        let path = format!("/v1/scripts/{script}/media");
        // Two whole parts and a rest; exactly two; less than one; one byte beyond the head that tells the type.
        for (n, size) in [11_000_000, 10 << 20, 70_000, 8_193, 12].into_iter().enumerate() {
            let bytes = mp3(size);
            let made = if n % 2 == 0 { streamed("sound.mp3", bytes.clone()) } else { form("sound.mp3", bytes.clone()) };
            let answer = shelf.send(&path, made).await;
            let document = answer.expect(201);
            assert_eq!(document["sha256"], json!(hash(&bytes)));
            assert_eq!(document["size"], json!(size));
            assert_eq!(document["contentType"], "audio/mpeg");
            assert_eq!(document["name"], "sound.mp3");
            assert_eq!((&document["kind"], &document["scriptId"]), (&json!("media"), &json!(script)));
            assert_eq!(answer.header("location"), document["url"].as_str());
            let members: Vec<_> = document.as_object().expect("an object").keys().cloned().collect();
            let mut expected = ["id", "scriptId", "kind", "name", "contentType", "size", "sha256", "url", "urlExpiresAt",
                "createdAt"].map(str::to_owned);
            expected.sort_unstable();
            let mut members = members;
            members.sort_unstable();
            assert_eq!(members, expected);
            let (got, content) = shelf.fetch(&document).await;
            assert_eq!((got.status, hash(&content)), (200, hash(&bytes)));
            assert_eq!(got.header("content-length"), Some(size.to_string().as_str()));
        }
        assert_eq!((shelf.events().await, shelf.uploads().await), (5, 0));
        assert_eq!(shelf.left().len(), 5, "{:?}", shelf.left());
        assert_eq!(shelf.product.engine.store.verify_projections().await.expect("verify").differences, []);
        shelf.product.stop().await;
    }

    async fn what_a_file_is_is_told_by_its_bytes(shelf: Shelf) {
        let script = shelf.draft().await;
        let path = format!("/v1/scripts/{script}/media");
        for bytes in [
            b"<!DOCTYPE html><script>alert(1)</script>".to_vec(),
            b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0".to_vec(),
            b"\x7fELF\x02\x01\x01\0\0\0\0\0".to_vec(),
            b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec(),
            b"PK\x03\x04\x14\0\0\0\x08\0".to_vec(),
            b"%PDF-1.7\n".to_vec(),
            b"just text".to_vec(),
            b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".to_vec(),
            vec![0; 10_000],
        ] {
            let part = reqwest::multipart::Part::bytes(bytes.clone()).file_name("innocent.png");
            let part = part.mime_str("image/png").expect("a type");
            let refused = shelf.send(&path, Form::new().part("file", part)).await;
            assert_eq!(refused.refused(415), "UNSUPPORTED_MEDIA_TYPE", "{:?}", String::from_utf8_lossy(&bytes));
        }
        let empty = shelf.send(&path, form("empty.png", Vec::new())).await;
        assert_eq!((empty.refused(422).as_str(), empty.fields()), ("VALIDATION_ERROR", field("file", "too_short")));
        shelf.nothing().await;

        // The name and the declared type of what is taken do not count either.
        let part = reqwest::multipart::Part::bytes(png(100)).file_name("page.html").mime_str("text/html").expect("a type");
        let document = shelf.send(&path, Form::new().part("file", part)).await.expect(201);
        assert_eq!((&document["contentType"], &document["name"]), (&json!("image/png"), &json!("page.html")));
        // A picture that is a page as well is a picture, and can do nothing.
        let mut polyglot = png(60);
        polyglot.extend(b"<html><script>alert(document.domain)</script>");
        let document = shelf.send(&path, form("both.html", polyglot.clone())).await.expect(201);
        let (got, content) = shelf.fetch(&document).await;
        assert_eq!((got.status, content), (200, polyglot));
        assert_eq!(got.header("content-type"), Some("image/png"));
        assert_eq!(got.header("x-content-type-options"), Some("nosniff"));
        assert!(got.header("content-disposition").is_some_and(|value| value.starts_with("attachment;")));
        assert!(got.header("content-security-policy").is_some_and(|value| value.contains("sandbox")));
        shelf.product.stop().await;
    }

    async fn there_is_an_end_to_how_many_a_script_takes(shelf: Shelf) {
        let script = shelf.draft().await;
        let path = format!("/v1/scripts/{script}/media");
        shelf.send(&path, form("first.png", png(100))).await.expect(201);
        // As if there were as many as there can be.
        let many = format!("UPDATE counters SET n = 1000 WHERE scope = 'files/{script}'");
        shelf.product.engine.sql(&many).await;
        let refused = shelf.send(&path, form("last.png", png(200))).await;
        assert_eq!(refused.refused(409), "CONFLICT");
        assert_eq!((shelf.events().await, shelf.uploads().await, shelf.left().len()), (1, 0, 1), "its bytes are gone");
        let room = format!("UPDATE counters SET n = 999 WHERE scope = 'files/{script}'");
        shelf.product.engine.sql(&room).await;
        shelf.send(&path, form("last.png", png(200))).await.expect(201);
        shelf.product.stop().await;
    }

    async fn names_are_cleaned_and_are_no_paths(shelf: Shelf) {
        let script = shelf.draft().await;
        let path = format!("/v1/scripts/{script}/media");
        let (long, short) = (format!("{}.png", "n".repeat(300)), format!("{}.png", "n".repeat(196)));
        for (sent, expected) in [
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("photo\u{202E}gnp.exe", "photognp.exe"),
            (long.as_str(), short.as_str()),
            ("..", "file"),
            ("Grüße 世界.png", "Grüße 世界.png"),
        ] {
            // Written by hand: clients escape names in their own ways.
            let head = format!("--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{sent}\"\r\n\r\n");
            let mut body = head.into_bytes();
            body.extend(png(80));
            body.extend(b"\r\n--XX--\r\n");
            let (status, document) = shelf.say(&path, &body).await;
            assert_eq!((status, &document["name"]), (201, &json!(expected)), "{sent:?}");
            let (got, _) = shelf.fetch(&document).await;
            assert_eq!(got.status, 200);
        }
        let organization = shelf.product.organization.to_string();
        assert!(shelf.left().iter().all(|path| path.contains(&format!("{organization}/fil_"))), "{:?}", shelf.left());
        let nul = b"--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\0b.png\"\r\n\r\nx\r\n--XX--\r\n";
        let (status, body) = shelf.say(&path, nul).await;
        assert_eq!((status, body["error"]["code"].as_str()), (400, Some("INVALID_REQUEST")));
        shelf.product.stop().await;
    }

    async fn what_is_too_large_is_refused_as_soon_as_that_is_known(shelf: Shelf) {
        let script = shelf.draft().await;
        let path = format!("/v1/scripts/{script}/media");
        let image = usize::try_from(SIZES.image).expect("small");
        let audio = usize::try_from(SIZES.audio).expect("small");
        for (made, limit) in [
            (form("a.png", png(image + 1)), SIZES.image),
            (streamed("a.png", png(image * 3)), SIZES.image),
            (form("a.mp3", mp3(audio + 1)), SIZES.audio),
            (streamed("a.mp3", mp3(audio + 100_000)), SIZES.audio),
        ] {
            let refused = shelf.send(&path, made).await;
            assert_eq!(refused.refused(413), "PAYLOAD_TOO_LARGE");
            assert_eq!(refused.json()["error"]["details"]["maxBytes"], json!(limit));
        }
        // One that is announced as too large is refused before anything of it was sent.
        let head = shelf.head(&path, "Content-Length: 10000000000\r\nExpect: 100-continue\r\n");
        let mut stream = shelf.raw(&head).await;
        let (status, body) = heard(&mut stream).await;
        assert_eq!((status, body["error"]["code"].as_str()), (413, Some("PAYLOAD_TOO_LARGE")));
        shelf.nothing().await;
        shelf.send(&path, form("a.png", png(image))).await.expect(201);
        shelf.send(&path, streamed("a.mp3", mp3(audio))).await.expect(201);
        shelf.product.stop().await;
    }

    async fn broken_forms_are_refused_with_the_field(shelf: Shelf) {
        let script = shelf.draft().await;
        let path = format!("/v1/scripts/{script}/media");
        let none = shelf.send(&path, Form::new().text("kind", "attachment")).await;
        assert_eq!((none.refused(400).as_str(), none.fields()), ("INVALID_REQUEST", field("file", "required")));
        let two = form("a.png", png(90)).part("file", reqwest::multipart::Part::bytes(png(91)).file_name("b.png"));
        let two = shelf.send(&path, two).await;
        assert_eq!((two.refused(400).as_str(), two.fields()), ("INVALID_REQUEST", field("file", "duplicate")));
        let text = shelf.send(&path, Form::new().text("file", "not a file")).await;
        assert_eq!((text.refused(400).as_str(), text.fields()), ("INVALID_REQUEST", field("file", "invalid_format")));

        let png = String::from_utf8_lossy(&png(40)).into_owned();
        for body in [
            "".to_owned(),
            "no form at all".to_owned(),
            format!("--YY\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{png}\r\n--YY--\r\n"),
            format!("--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{png}"),
            format!("--XX\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\n{png}\r\n--XX--\r\n"),
            format!("--XX\r\n\r\n{png}\r\n--XX--\r\n"),
            format!("--XX\r\nContent-Dispo\0sition: form-data\r\n\r\n{png}\r\n--XX--\r\n"),
            format!("--XX\r\nX: {}", "y".repeat(500_000)),
            "--XX\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n".repeat(50),
        ] {
            let (status, answer) = shelf.say(&path, body.as_bytes()).await;
            assert_eq!((status, first_field(&answer)), (400, ("body".to_owned(), "invalid_form".to_owned())), "{body:.80}");
        }
        let request = shelf.product.request(Method::POST, &path, &shelf.product.key);
        let unbound = request.header("content-type", "multipart/form-data").body("--XX--");
        let unbound = shelf.product.send(unbound).await;
        assert_eq!((unbound.refused(400).as_str(), unbound.fields()), ("INVALID_REQUEST", field("body", "invalid_form")));
        let json = shelf.product.post(&path, json!({"file": "x"})).await;
        assert_eq!(json.refused(415), "UNSUPPORTED_MEDIA_TYPE");
        shelf.nothing().await;
        shelf.product.stop().await;
    }

    async fn a_client_that_goes_away_leaves_nothing(shelf: Shelf) {
        let script = shelf.draft().await;
        let path = format!("/v1/scripts/{script}/media");
        let begin = b"--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\n";
        // More than a part, so that some of it is in the file store by then.
        let mut stream = shelf.raw(&shelf.head(&path, "Content-Length: 11000000\r\n")).await;
        stream.write_all(begin).await.expect("write");
        stream.write_all(&mp3(6 << 20)).await.expect("write");
        shelf.until("SELECT COUNT(*) FROM uploads", 1).await;
        drop(stream);
        shelf.until("SELECT COUNT(*) FROM uploads", 0).await;
        shelf.nothing().await;
        // Less than a part: nothing was ever written.
        let mut stream = shelf.raw(&shelf.head(&path, "Content-Length: 11000000\r\n")).await;
        stream.write_all(begin).await.expect("write");
        stream.write_all(&mp3(1 << 20)).await.expect("write");
        drop(stream);
        let whole = shelf.send(&path, form("b.mp3", mp3(50))).await.expect(201);
        assert_eq!(shelf.fetch(&whole).await.0.status, 200);
        assert_eq!((shelf.events().await, shelf.left().len()), (1, 1));
        shelf.product.stop().await;
    }

    async fn what_a_crash_leaves_is_swept(shelf: Shelf) {
        let product = &shelf.product;
        let asked = Arc::new(Notify::new());
        let receive = |bytes: Vec<u8>, ends: bool| {
            let (files, store) = (product.files.clone(), product.engine.store.clone());
            let (place, now) = ((product.organization, product.commands.new_id()), product.commands.now());
            let asked = asked.clone();
            tokio::spawn(async move {
                let mut source = Broken { bytes: Some(bytes.into()), ends, asked };
                files.receive(&store, place, now, media_limit, &mut source).await.map(drop).map_err(drop)
            })
        };
        // A node that dies with one upload complete but not in the log, and one half written.
        receive(mp3(100), true).await.expect("no panic").expect("stored");
        let half = receive(mp3(6 << 20), false);
        // Its first part is written by the time that more is asked for.
        tokio::time::timeout(Duration::from_secs(30), asked.notified()).await.expect("asked");
        half.abort();
        assert!(half.await.is_err_and(|error| error.is_cancelled()));
        assert_eq!(shelf.events().await, 0);
        product.upkeep().await;
        assert_eq!((shelf.uploads().await, shelf.left().is_empty()), (2, false), "they could still be alive");
        product.engine.hands.advance(TimeDelta::hours(7));
        product.upkeep().await;
        shelf.nothing().await;
        shelf.product.stop().await;
    }

    async fn a_retried_upload_counts_once(shelf: Shelf) {
        let script = shelf.draft().await;
        let path = format!("/v1/scripts/{script}/media");
        let once = async |key: &str, form: Form| {
            let request = shelf.product.request(Method::POST, &path, &shelf.product.key).header("Idempotency-Key", key);
            shelf.product.send(request.multipart(form)).await
        };
        let first = once("k", form("a.mp3", mp3(6_000_000))).await;
        let document = first.expect(201);
        // Another boundary and other chunks: the content makes the request.
        let again = once("k", streamed("a.mp3", mp3(6_000_000))).await;
        assert_eq!((again.status, replayed(&again), &again.text), (201, true, &first.text));
        for other in [form("b.mp3", mp3(6_000_000)), form("a.mp3", mp3(6_000_001)), form("a.mp3", mp3(50))] {
            assert_eq!(once("k", other).await.refused(422), "IDEMPOTENCY_KEY_REUSED");
        }
        assert_eq!((shelf.events().await, shelf.uploads().await, shelf.left().len()), (1, 0, 1));
        assert_eq!(shelf.fetch(&document).await.0.status, 200);
        // What never got to the point of taking effect is not remembered.
        assert_eq!(once("l", form("a.png", b"text".to_vec())).await.status, 415);
        assert!(!replayed(&once("l", form("a.png", png(50))).await));
        let second = once("m", form("a.mp3", mp3(6_000_000))).await;
        assert_ne!(id(&second.expect(201)), id(&document), "the same content under another key is another file");
        shelf.product.stop().await;
    }
}

on_both_engines! {
    async fn a_silent_client_is_not_waited_for(engine: Engine) {
        let limits = Limits { upload_idle: Duration::from_millis(50), ..Limits::default() };
        let shelf = Shelf::local_with(engine, limits).await;
        let script = shelf.draft().await;
        let path = format!("/v1/scripts/{script}/media");
        let mut stream = shelf.raw(&shelf.head(&path, "Content-Length: 11000000\r\n")).await;
        stream.write_all(b"--XX\r\n").await.expect("write");
        let (status, body) = heard(&mut stream).await;
        assert_eq!((status, first_field(&body)), (400, ("body".to_owned(), "incomplete".to_owned())));
        shelf.nothing().await;
        shelf.product.stop().await;
    }
}

/// A source that gives what it has and then never ends, or does.
struct Broken {
    bytes: Option<bytes::Bytes>,
    ends: bool,
    asked: Arc<Notify>,
}

impl Source for Broken {
    type Error = std::convert::Infallible;

    async fn next(&mut self) -> Result<Option<bytes::Bytes>, Self::Error> {
        match self.bytes.take() {
            Some(bytes) => Ok(Some(bytes)),
            None if self.ends => Ok(None),
            None => {
                self.asked.notify_one();
                std::future::pending().await
            }
        }
    }
}

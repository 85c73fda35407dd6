//! Pictures and sounds of a question.

use chrono::TimeDelta;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use super::{Browser, agree_and_start, answer, invite, link};
use crate::support::{
    engines::Engine,
    product::{Product, id},
    voices::wav,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_shows_its_picture_and_plays_its_sound() {
    let product = Product::start(Engine::sqlite("media").await).await;
    let question = json!({"id": "q1", "text": "What do you see?", "type": "open"});
    let body = json!({"name": "Pictures", "systemPrompt": "Be kind.", "questions": [question]});
    let script = id(&product.post("/v1/scripts", body).await.expect(201));
    let upload = async |name: &str, bytes: Vec<u8>| -> Value {
        let form = Form::new().part("file", Part::bytes(bytes).file_name(name.to_owned()));
        let path = format!("/v1/scripts/{script}/media");
        let request = product.request(reqwest::Method::POST, &path, &product.key).multipart(form);
        product.send(request).await.expect(201)["id"].clone()
    };
    let picture = upload("Sales by year.png", include_bytes!("../data/logo.png").to_vec()).await;
    let sound = upload("jingle.wav", wav(300)).await;
    let questions = json!([
        {"id": "q1", "text": "What do you see?", "type": "open", "media": [picture, sound]},
        {"id": "q2", "text": "And this?", "type": "multiple_choice", "options": ["A", "B"], "media": [picture]},
        {"id": "q3", "text": "Nothing to see?", "type": "open"},
    ]);
    product.patch(&format!("/v1/scripts/{script}"), json!({"questions": questions})).await.expect(200);
    product.post(&format!("/v1/scripts/{script}/publish"), json!({})).await.expect(200);
    let body = json!({"name": "Customer feedback", "scriptId": script});
    let campaign = id(&product.post("/v1/campaigns", body).await.expect(201));
    let browser = Browser::start().await;
    browser.open(&link(&invite(&product, &campaign).await)).await;
    agree_and_start(&browser).await;
    browser.question("What do you see?").await;
    let shown = "(() => { const image = document.querySelector('.media img'); return image?.complete && image.naturalWidth > 0; })()";
    browser.until(shown).await;
    assert_eq!(browser.evaluate("document.querySelector('.media img').alt").await, "Sales by year.png");
    browser.until("document.querySelector('.media audio')?.readyState >= 1").await;
    assert_eq!(
        browser.evaluate("document.querySelector('.media audio').getAttribute('aria-label')").await,
        "jingle.wav"
    );
    browser.check_accessibility("a question with media").await;
    browser.evaluate("document.querySelector('.media audio').play().then(() => true)").await;
    browser.until("document.querySelector('.media audio').ended").await;

    // The links have ended by the time that somebody listens again: the page fetches fresh ones. (Another query is the same
    // link, past the browser's memory.)
    product.engine.hands.advance(TimeDelta::minutes(20));
    browser.evaluate("(window.old = document.querySelector('.media audio').src)").await;
    browser.evaluate("(document.querySelector('.media audio').src += '?again')").await;
    let renewed = "(({ src, readyState }) => !src.startsWith(window.old) && readyState >= 1)(document.querySelector('.media audio'))";
    browser.until(renewed).await;

    answer(&browser, "What do you see?", "A logo of some kind, in colours that I rather like to look at.").await;
    browser.question("And this?").await;
    browser.until(shown).await;
    browser.check_accessibility("a choice with a picture").await;
    browser.click("label[for=answer-0]").await;
    browser.click("#send").await;
    browser.question("Nothing to see?").await;
    assert_eq!(browser.evaluate("document.querySelectorAll('.media').length").await, 0);
    let requests = browser.requests().await;
    let elsewhere: Vec<_> =
        requests.iter().filter(|url| url.starts_with("http") && !url.starts_with(&product.url)).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

//! A whole interview, by keyboard alone.

use fantoccini::key::Key;
use serde_json::json;

use super::{Browser, campaign, invite, link, questions, session};
use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
};

on_both_engines! {
    async fn a_whole_interview_by_keyboard_alone(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, questions(), json!({"greeting": "Welcome, and thank you."})).await;
        let invite = invite(&product, &campaign).await;
        let before = product.engine.number("SELECT COUNT(*) FROM events").await;
        let browser = Browser::start().await;
        browser.open(&link(&invite)).await;
        browser.screen("welcome").await;
        browser.check_accessibility("the welcome").await;
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM events").await, before, "opening a link changes nothing");
        assert_eq!(browser.text("h1").await, "Customer feedback");
        assert_eq!(browser.evaluate("document.title").await, "Customer feedback · Acme");
        assert!(browser.text("main").await.contains("Hello Jane Doe."));
        assert!(browser.text("main").await.contains("Number of questions: 5."));
        assert!(browser.text("#consent-recording-version").await.contains("Version 1 · English"));

        // Nothing starts without the boxes; the first one that is missing gets the focus.
        browser.tab_to("start").await;
        browser.press(&[Key::Enter]).await;
        browser.until("document.activeElement.id === 'consent-recording'").await;
        assert!(browser.text("#consent-recording-error").await.contains("Please tick this box"));
        browser.check_accessibility("the welcome with what is missing").await;
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM events").await, before);
        browser.press(&[Key::Space]).await;
        browser.tab_to("consent-data_processing").await;
        browser.press(&[Key::Space]).await;
        browser.tab_to("start").await;
        browser.press(&[Key::Enter]).await;

        browser.question("Why did you choose us?").await;
        assert_eq!(browser.focus().await, "answer", "the focus goes to the question");
        assert!(browser.text(".thread").await.contains("Welcome, and thank you."));
        assert!(browser.text("#timer").await.contains("Suggested time left: 1:"));
        browser.check_accessibility("an open question").await;
        browser.press(&[Key::Control, Key::Enter]).await;
        assert_eq!(browser.text("#error").await, "Please write an answer first.");
        browser.check_accessibility("an open question with an error").await;
        browser.type_text("Cheap.").await;
        browser.press(&[Key::Control, Key::Enter]).await;

        // Too short: the interviewer asks for more, which nobody has to give.
        assert_eq!(browser.text(".eyebrow").await, "Follow-up");
        browser.check_accessibility("a follow-up").await;
        browser.type_text("It does everything that we need, and the others cost twice as much for less.").await;
        browser.tab_to("send").await;
        browser.press(&[Key::Enter]).await;

        browser.question("How likely are you to recommend us?").await;
        assert_eq!(browser.text("#progress-text").await, "Answered: 1 of 5");
        browser.check_accessibility("a rating").await;
        assert_eq!(browser.focus().await, "answer-0");
        // The first press chooses what has the focus, as radio buttons do.
        browser.press(&[Key::Space]).await;
        for _ in 0..9 {
            browser.press(&[Key::Right]).await;
        }
        browser.press(&[Key::Enter]).await;

        browser.question("Which part do you use most?").await;
        browser.check_accessibility("a choice").await;
        browser.tab_to("send").await;
        browser.press(&[Key::Enter]).await;
        assert_eq!(browser.text("#error").await, "Please choose an answer first.");
        browser.press(&[Key::Down]).await;
        browser.press(&[Key::Enter]).await;

        browser.question("May we contact you?").await;
        browser.check_accessibility("yes or no").await;
        browser.press(&[Key::Down]).await;
        browser.tab_to("send").await;
        browser.press(&[Key::Enter]).await;

        browser.question("Anything else?").await;
        browser.check_accessibility("a question that may be skipped").await;
        browser.tab_to("skip").await;
        browser.press(&[Key::Enter]).await;

        browser.screen("finished").await;
        browser.check_accessibility("the end").await;
        assert!(browser.text("main").await.contains("your answers in writing (4 of 5 questions)"));
        assert_eq!(browser.evaluate("document.activeElement.tagName").await, "H1");

        let stored = session(&product, &campaign).await;
        assert_eq!((&stored["status"], &stored["questionsAnswered"]), (&json!("completed"), &json!(4)), "{stored}");
        assert_eq!(stored["device"]["type"], "desktop");
        assert!(stored["device"]["browser"].as_str().is_some_and(|browser| browser.starts_with("Chrome ")));
        let consents = product.get(&format!("/v1/sessions/{}/consents", id(&stored))).await.expect(200);
        let texts = product.send(product.request(reqwest::Method::GET, &path(&invite), "")).await.expect(200);
        for (index, kind) in ["recording", "data_processing"].into_iter().enumerate() {
            let records = consents["data"].as_array().expect("a list");
            let record = records.iter().find(|record| record["type"] == kind).expect(kind);
            assert_eq!((&record["granted"], &record["textSha256"]), (&json!(true), &texts["consent"]["texts"][index]["sha256"]));
        }

        // Nothing was asked of anybody else, and nothing broke a rule of the page.
        let requests = browser.requests().await;
        assert!(requests.iter().any(|url| url.ends_with("/answers")) && requests.len() > 20, "{requests:?}");
        let elsewhere: Vec<_> = requests.iter().filter(|url| !url.starts_with(&product.url)).collect();
        assert!(elsewhere.is_empty(), "{elsewhere:?}");
        let console = browser.console().await;
        assert!(console.is_empty(), "{console:?}");
        // Answers stay on the server; the tab keeps only what it needs to come back.
        let kept = browser.evaluate("JSON.stringify(sessionStorage) + JSON.stringify(localStorage) + document.cookie").await;
        assert!(!kept.as_str().expect("a text").contains("Cheap"), "{kept}");
    }
}

/// What the invite's link asks the API.
fn path(invite: &serde_json::Value) -> String {
    format!("/v1/interview/{}", invite["token"].as_str().expect("a token"))
}

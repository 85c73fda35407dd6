//! Refusing, agreeing after all, and withdrawing.

use serde_json::{Value, json};

use super::{Browser, agree_and_start, answer, answers, campaign, invite, link, session, two_questions};
use crate::support::{
    engines::{Engine, on_both_engines},
    product::{Product, id},
};

/// What was recorded, the oldest first: type and whether it was granted.
async fn consents(product: &Product, campaign: &str) -> Vec<(String, bool)> {
    let session = id(&session(product, campaign).await);
    let page = product.get(&format!("/v1/sessions/{session}/consents?order=asc")).await.expect(200);
    let record = |record: &Value| {
        let kind = record["type"].as_str().expect("a type").to_owned();
        (kind, record["granted"].as_bool().expect("a decision"))
    };
    page["data"].as_array().expect("a list").iter().map(record).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_agree_is_not_asked() {
    let product = Product::start(Engine::sqlite("refusal").await).await;
    let campaign = campaign(&product, two_questions(), json!({})).await;
    let browser = Browser::start().await;
    browser.open(&link(&invite(&product, &campaign).await)).await;
    browser.click("#refuse").await;
    browser.screen("refused").await;
    browser.check_accessibility("the refusal").await;
    assert!(browser.text("main").await.contains("so the interview does not start"));
    assert_eq!(session(&product, &campaign).await["status"], "created");
    assert_eq!(consents(&product, &campaign).await, [("all".to_owned(), false)]);
    // A change of mind is welcome.
    browser.click("#back").await;
    agree_and_start(&browser).await;
    browser.question("The first question?").await;
    let all = [("all", false), ("recording", true), ("data_processing", true)];
    assert_eq!(consents(&product, &campaign).await, all.map(|(kind, granted)| (kind.to_owned(), granted)));
}

on_both_engines! {
    async fn a_withdrawal_ends_the_interview_at_once(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, two_questions(), json!({})).await;
        let browser = Browser::start().await;
        browser.open(&link(&invite(&product, &campaign).await)).await;
        agree_and_start(&browser).await;
        // Even while an answer waits for the network: it is not sent any more.
        browser.question("The first question?").await;
        browser.offline(true).await;
        answer(&browser, "The first question?", "Something that I would rather not have said.").await;
        browser.until("document.getElementById('notice').innerText.includes('Your answer is kept here')").await;
        browser.click("#withdraw").await;
        browser.until("document.querySelector('dialog[open]')").await;
        browser.check_accessibility("the question whether to withdraw").await;
        browser.click("#dialog-confirm").await;
        browser.offline(false).await;
        browser.screen("withdrawn").await;
        browser.check_accessibility("the withdrawal").await;
        let stored = session(&product, &campaign).await;
        assert_eq!((&stored["status"], &stored["endReason"]), (&json!("abandoned"), &json!("consent_withdrawn")));
        assert_eq!(answers(&product, &campaign).await, 0);
        let kept = browser.evaluate("JSON.stringify(sessionStorage)").await;
        assert!(!kept.as_str().expect("a text").contains("rather not"), "{kept}");
        browser.client.refresh().await.expect("reload");
        browser.screen("withdrawn").await;
    }

    async fn consent_can_be_withdrawn_after_the_end(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, two_questions(), json!({})).await;
        let browser = Browser::start().await;
        browser.open(&link(&invite(&product, &campaign).await)).await;
        agree_and_start(&browser).await;
        answer(&browser, "The first question?", "An answer that is long enough for the interviewer.").await;
        answer(&browser, "The second one?", "Another answer that is long enough for the interviewer.").await;
        browser.screen("finished").await;
        browser.click("#withdraw").await;
        browser.click("#dialog-confirm").await;
        browser.screen("withdrawn").await;
        assert_eq!(consents(&product, &campaign).await.last(), Some(&("all".to_owned(), false)));
        assert_eq!(session(&product, &campaign).await["status"], "completed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_required_need_not_be_ticked() {
    let product = Product::start(Engine::sqlite("optional").await).await;
    let campaign = campaign(&product, two_questions(), json!({"requireConsent": false})).await;
    let browser = Browser::start().await;
    browser.open(&link(&invite(&product, &campaign).await)).await;
    browser.screen("welcome").await;
    browser.click("#consent-data_processing").await;
    browser.click("#start").await;
    browser.question("The first question?").await;
    assert_eq!(consents(&product, &campaign).await, [("data_processing".to_owned(), true)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_refused_what_is_not_required_can_still_agree() {
    let product = Product::start(Engine::sqlite("refused_optional").await).await;
    let campaign = campaign(&product, two_questions(), json!({"requireConsent": false})).await;
    let browser = Browser::start().await;
    browser.open(&link(&invite(&product, &campaign).await)).await;
    browser.screen("welcome").await;
    assert!(browser.text("main").await.contains("You can start either way"));
    browser.click("#refuse").await;
    browser.screen("refused").await;
    browser.click("#back").await;
    browser.screen("welcome").await;
    assert!(!browser.text("main").await.contains("You can start either way"));
    // Nothing starts while the refusal stands, and the page says what is missing.
    browser.click("#start").await;
    assert!(browser.text("main").await.contains("Please tick this box to start"));
    agree_and_start(&browser).await;
    browser.question("The first question?").await;
}

//! Reloads, lost networks, busy servers, silence.

use chrono::TimeDelta;
use interview_relay::reactors::Pass;
use serde_json::json;

use super::{
    Browser, agree_and_start, answer, answers, campaign, invite, link, link_at,
    proxy::{Proxy, Trouble},
    questions, session, two_questions,
};
use crate::support::{
    engines::{Engine, on_both_engines},
    product::{Product, id},
};

on_both_engines! {
    async fn a_reload_goes_on_where_the_interview_stands_and_keeps_the_draft(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, two_questions(), json!({})).await;
        let browser = Browser::start().await;
        browser.open(&link(&invite(&product, &campaign).await)).await;
        agree_and_start(&browser).await;
        answer(&browser, "The first question?", "An answer that is long enough for the interviewer.").await;
        browser.question("The second one?").await;
        browser.fill("#answer", "Half an ans").await;
        browser.client.refresh().await.expect("reload");
        browser.question("The second one?").await;
        assert_eq!(browser.evaluate("document.getElementById('answer').value").await, "Half an ans");
        assert_eq!(browser.text("#progress-text").await, "Answered: 1 of 2");
        browser.fill("#answer", "wer, now whole.").await;
        browser.click("#send").await;
        browser.screen("finished").await;
        assert_eq!(answers(&product, &campaign).await, 2);
        // The end stays the end.
        browser.client.refresh().await.expect("reload");
        browser.screen("finished").await;
    }

    async fn an_answer_waits_for_the_network(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, two_questions(), json!({})).await;
        let browser = Browser::start().await;
        browser.open(&link(&invite(&product, &campaign).await)).await;
        agree_and_start(&browser).await;
        browser.question("The first question?").await;
        browser.offline(true).await;
        answer(&browser, "The first question?", "Said in a tunnel, at some length.").await;
        browser.until("document.getElementById('notice').innerText.includes('Your answer is kept here')").await;
        browser.check_accessibility("a lost network").await;
        assert_eq!(answers(&product, &campaign).await, 0);
        browser.offline(false).await;
        browser.question("The second one?").await;
        assert_eq!(browser.text("#notice").await, "");
        assert_eq!(answers(&product, &campaign).await, 1);
    }

    async fn an_answer_whose_receipt_was_lost_counts_once(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, two_questions(), json!({})).await;
        let proxy = Proxy::start(&product.url).await;
        let browser = Browser::start().await;
        browser.open(&link_at(&proxy.url, &invite(&product, &campaign).await)).await;
        agree_and_start(&browser).await;
        browser.question("The first question?").await;
        proxy.trouble(Trouble::LoseAnswer("/answers"));
        answer(&browser, "The first question?", "The server hears this, and nobody hears the server.").await;
        browser.question("The second one?").await;
        assert_eq!(proxy.statuses("POST", "/answers"), [0, 201]);
        assert_eq!(answers(&product, &campaign).await, 1);

        // The same with a reload in between: what was on its way is sent again, and counts once.
        proxy.trouble(Trouble::LoseAnswer("/answers"));
        answer(&browser, "The second one?", "And this as well, with a reload in between.").await;
        browser.client.refresh().await.expect("reload");
        browser.screen("finished").await;
        assert_eq!(answers(&product, &campaign).await, 2);
        assert_eq!(session(&product, &campaign).await["status"], "completed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_server_is_given_the_time_that_it_asks_for() {
    let product = Product::start(Engine::sqlite("busy").await).await;
    let campaign = campaign(&product, two_questions(), json!({})).await;
    let proxy = Proxy::start(&product.url).await;
    let browser = Browser::start().await;
    // Busy until the notice was seen: it stands for as long as the server asks for, which a slow machine may miss once.
    let waits = r"/Next attempt in \d+ second/.test(document.getElementById('notice').innerText)";
    proxy.trouble(Trouble::Busy(503));
    browser.open(&link_at(&proxy.url, &invite(&product, &campaign).await)).await;
    browser.until(waits).await;
    proxy.calm();
    agree_and_start(&browser).await;
    browser.question("The first question?").await;
    proxy.trouble(Trouble::Busy(429));
    answer(&browser, "The first question?", "Patience is what this answer needs.").await;
    browser.until(waits).await;
    proxy.calm();
    browser.question("The second one?").await;
    let statuses = proxy.statuses("POST", "/answers");
    let (last, before) = statuses.split_last().expect("asked");
    assert_eq!(*last, 201);
    assert!(!before.is_empty() && before.iter().all(|status| *status == 429), "{statuses:?}");
    assert_eq!(answers(&product, &campaign).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pausing_and_going_on() {
    let product = Product::start(Engine::sqlite("pause").await).await;
    let campaign = campaign(&product, questions(), json!({})).await;
    let invite = invite(&product, &campaign).await;
    let browser = Browser::start().await;
    browser.open(&link(&invite)).await;
    agree_and_start(&browser).await;
    browser.question("Why did you choose us?").await;
    browser.fill("#answer", "Begun").await;
    browser.click("#pause").await;
    browser.screen("paused").await;
    browser.check_accessibility("the pause").await;
    assert_eq!(session(&product, &campaign).await["status"], "paused");
    // Coming back by the link.
    browser.open(&link(&invite)).await;
    browser.screen("paused").await;
    browser.click("#resume").await;
    browser.question("Why did you choose us?").await;
    assert_eq!(browser.evaluate("document.getElementById('answer').value").await, "Begun");
    assert_eq!(session(&product, &campaign).await["status"], "in_progress");
    browser.click("#leave").await;
    browser.until("document.querySelector('dialog[open]')").await;
    browser.check_accessibility("the question whether to leave").await;
    assert_eq!(browser.focus().await, "dialog-cancel", "the harmless choice has the focus");
    browser.click("#dialog-cancel").await;
    browser.click("#leave").await;
    browser.click("#dialog-confirm").await;
    browser.screen("left").await;
    browser.check_accessibility("the leaving").await;
    let session = session(&product, &campaign).await;
    assert_eq!((&session["status"], &session["endReason"]), (&json!("abandoned"), &json!("participant_left")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interview_that_fell_silent_goes_on_with_the_next_sign_of_life() {
    let product = Product::start(Engine::sqlite("silence").await).await;
    let campaign = campaign(&product, two_questions(), json!({})).await;
    let browser = Browser::start().await;
    browser.open(&link(&invite(&product, &campaign).await)).await;
    agree_and_start(&browser).await;
    browser.question("The first question?").await;
    let mut timers = product.session_timers("a");
    product.flush_heartbeats().await;
    product.engine.hands.advance(TimeDelta::seconds(125));
    while timers.pass().await.expect("a pass") == Pass::More {}
    assert_eq!(session(&product, &campaign).await["status"], "paused");
    answer(&browser, "The first question?", "I was away, but here is my answer.").await;
    browser.question("The second one?").await;
    assert_eq!(session(&product, &campaign).await["status"], "in_progress");
    assert_eq!(answers(&product, &campaign).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_that_somebody_wanted_is_not_undone_by_the_page() {
    let product = Product::start(Engine::sqlite("wanted").await).await;
    let campaign = campaign(&product, two_questions(), json!({})).await;
    let browser = Browser::start().await;
    browser.open(&link(&invite(&product, &campaign).await)).await;
    agree_and_start(&browser).await;
    browser.question("The first question?").await;
    let path = format!("/v1/sessions/{}/pause", id(&session(&product, &campaign).await));
    product.post(&path, json!({})).await.expect(200);
    // Neither by an answer nor by a sign of life.
    answer(&browser, "The first question?", "Said into a pause of which this page knew nothing.").await;
    browser.screen("paused").await;
    browser.evaluate("document.dispatchEvent(new Event('visibilitychange'))").await;
    browser.client.refresh().await.expect("reload");
    browser.screen("paused").await;
    assert_eq!(session(&product, &campaign).await["status"], "paused");
    assert_eq!(answers(&product, &campaign).await, 0);
    browser.click("#resume").await;
    browser.question("The first question?").await;
    let kept = browser.evaluate("document.getElementById('answer').value").await;
    assert_eq!(kept, "Said into a pause of which this page knew nothing.");
    browser.click("#send").await;
    browser.question("The second one?").await;
    assert_eq!(answers(&product, &campaign).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gives_up_does_not_wait_for_what_is_under_way() {
    let product = Product::start(Engine::sqlite("giving-up").await).await;
    let campaign = campaign(&product, two_questions(), json!({})).await;
    let proxy = Proxy::start(&product.url).await;
    let browser = Browser::start().await;
    browser.open(&link_at(&proxy.url, &invite(&product, &campaign).await)).await;
    agree_and_start(&browser).await;
    browser.question("The first question?").await;
    proxy.trouble(Trouble::Hang("/answers"));
    answer(&browser, "The first question?", "This is on its way, and shall not arrive any more.").await;
    browser.click("#leave").await;
    browser.click("#dialog-confirm").await;
    browser.screen("left").await;
    assert_eq!(proxy.statuses("POST", "/answers"), [0], "given up, not tried again");
    let session = session(&product, &campaign).await;
    assert_eq!((&session["status"], &session["questionsAnswered"]), (&json!("abandoned"), &json!(0)));
    let kept = browser.evaluate("JSON.stringify(sessionStorage)").await;
    assert!(!kept.as_str().expect("a text").contains("shall not arrive"), "{kept}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_title_says_where_the_participant_is() {
    let product = Product::start(Engine::sqlite("titles").await).await;
    let campaign = campaign(&product, two_questions(), json!({})).await;
    let browser = Browser::start().await;
    let titled = async |screen: &str, title: &str| {
        browser.screen(screen).await;
        assert_eq!(browser.evaluate("document.title").await, title, "{screen}");
    };
    browser.open(&link(&invite(&product, &campaign).await)).await;
    titled("welcome", "Customer feedback · Acme").await;
    browser.click("#refuse").await;
    titled("refused", "That is all right · Customer feedback · Acme").await;
    browser.click("#back").await;
    agree_and_start(&browser).await;
    titled("conversation", "Customer feedback · Acme").await;
    browser.click("#pause").await;
    titled("paused", "The interview is paused · Customer feedback · Acme").await;
    browser.click("#resume").await;
    titled("conversation", "Customer feedback · Acme").await;
    browser.click("#withdraw").await;
    browser.click("#dialog-confirm").await;
    titled("withdrawn", "Your consent is withdrawn · Customer feedback · Acme").await;
}

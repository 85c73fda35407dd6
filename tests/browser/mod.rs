//! The interview page in a real Chromium, against the real server.

mod chrome;
mod consent;
mod embed;
mod interruptions;
mod interview;
mod languages;
mod links;
mod media;
mod proxy;
mod tabs;
mod voice;

use serde_json::{Value, json};

use self::chrome::Browser;
use crate::support::product::{Product, id};

/// A question of every type, and one that may be skipped.
fn questions() -> Value {
    json!([
        {"id": "why", "text": "Why did you choose us?", "type": "open", "maxDuration": 90,
         "followUp": {"enabled": true, "maxFollowUps": 1}},
        {"id": "nps", "text": "How likely are you to recommend us?", "type": "rating", "scale": {"min": 0, "max": 10}},
        {"id": "part", "text": "Which part do you use most?", "type": "multiple_choice",
         "options": ["Reports", "Dashboards", "Exports"]},
        {"id": "contact", "text": "May we contact you?", "type": "yes_no"},
        {"id": "else", "text": "Anything else?", "type": "open", "required": false},
    ])
}

/// Two plain questions.
fn two_questions() -> Value {
    json!([{"id": "a", "text": "The first question?", "type": "open"}, {"id": "b", "text": "The second one?", "type": "open"}])
}

/// An active campaign that asks these questions; answers its id.
async fn campaign(product: &Product, questions: Value, settings: Value) -> String {
    let script = json!({"name": "Feedback", "systemPrompt": "Be kind.", "questions": questions});
    let script = id(&product.post("/v1/scripts", script).await.expect(201));
    product.post(&format!("/v1/scripts/{script}/publish"), json!({})).await.expect(200);
    let campaign = json!({"name": "Customer feedback", "scriptId": script, "settings": settings});
    id(&product.post("/v1/campaigns", campaign).await.expect(201))
}

/// An invite of Jane Doe; answers its document.
async fn invite(product: &Product, campaign: &str) -> Value {
    let body = json!({"email": "jane@example.com", "name": "Jane Doe"});
    product.post(&format!("/v1/campaigns/{campaign}/invites"), body).await.expect(201)
}

/// Where an invite leads, at another server than the one that its link names.
fn link_at(url: &str, invite: &Value) -> String {
    format!("{url}/interview/{}", invite["token"].as_str().expect("a token"))
}

/// Where an invite leads.
fn link(invite: &Value) -> String {
    invite["inviteUrl"].as_str().expect("a link").to_owned()
}

/// The only session of a campaign.
async fn session(product: &Product, campaign: &str) -> Value {
    let page = product.get(&format!("/v1/campaigns/{campaign}/sessions")).await.expect(200);
    assert_eq!(page["pagination"]["total"], 1, "{page}");
    let session = id(&page["data"][0]);
    product.get(&format!("/v1/sessions/{session}")).await.expect(200)
}

/// What the participant said, as the log has it: utterances of the session's transcript-to-be.
async fn answers(product: &Product, campaign: &str) -> u64 {
    session(product, campaign).await["questionsAnswered"].as_u64().expect("a number")
}

/// Ticks what is to be ticked and starts.
async fn agree_and_start(browser: &Browser) {
    browser.screen("welcome").await;
    browser.click("#consent-recording").await;
    browser.click("#consent-data_processing").await;
    browser.click("#start").await;
    browser.screen("conversation").await;
}

/// Answers an open question with the mouse.
async fn answer(browser: &Browser, question: &str, words: &str) {
    browser.question(question).await;
    browser.fill("#answer", words).await;
    browser.click("#send").await;
}

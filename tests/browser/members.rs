//! The page behind a member's invitation, and an organization's logo on the interview page.

use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::json;

use super::{Browser, campaign, invite, link, two_questions};
use crate::support::{
    engines::Engine,
    product::{Product, id},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_accepted_with_its_button() {
    let product = Product::start(Engine::sqlite("members").await).await;
    let body = json!({"email": "ada@example.com", "role": "owner"});
    let member = id(&product.post("/v1/organization/members", body).await.expect(201));
    let browser = Browser::start().await;
    browser.open(&product.commands.acceptance_url(member.parse().expect("an id"), 1)).await;
    assert_eq!(browser.text("h1").await, "You are invited");
    browser.check_accessibility("an invitation").await;
    browser.click("button").await;
    browser.until("document.querySelector('h1')?.textContent === 'You are a member'").await;
    browser.check_accessibility("an accepted invitation").await;
    assert_eq!(product.get(&format!("/v1/organization/members/{member}")).await.expect(200)["status"], "active");
    product.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_interview_page_shows_an_uploaded_logo_and_asks_nobody_else_for_one() {
    let product = Product::start(Engine::sqlite("logo").await).await;
    let campaign = campaign(&product, two_questions(), json!({})).await;
    let invite = invite(&product, &campaign).await;
    let browser = Browser::start().await;
    let elsewhere = json!({"logo": "https://cdn.example.com/logo.png"});
    product.patch("/v1/organization", elsewhere).await.expect(200);
    browser.open(&link(&invite)).await;
    browser.screen("welcome").await;
    assert_eq!(browser.evaluate("document.querySelectorAll('img').length").await, json!(0));

    let form = Form::new().part("file", Part::bytes(include_bytes!("../data/logo.png").to_vec()).file_name("logo.png"));
    let request = product.request(Method::POST, "/v1/organization/logo", &product.key).multipart(form);
    product.send(request).await.expect(201);
    browser.open(&link(&invite)).await;
    browser.screen("welcome").await;
    browser.until("document.querySelector('img.mark')?.naturalWidth === 360").await;
    let asked = browser.requests().await;
    let elsewhere = asked.iter().any(|url| url.starts_with("http") && !url.starts_with(&product.url));
    assert!(asked.iter().any(|url| url.contains("/logos/")) && !elsewhere, "{asked:?}");
    product.stop().await;
}

//! Links that lead nowhere, or no further.

use chrono::TimeDelta;
use reqwest::header;
use serde_json::json;

use super::{Browser, campaign, invite, link, two_questions};
use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
};

on_both_engines! {
    async fn links_that_are_over_say_why(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, two_questions(), json!({})).await;
        let browser = Browser::start().await;
        let told = async |link: &str, screen: &str, title: &str| {
            browser.open(link).await;
            browser.screen(screen).await;
            assert_eq!(browser.text("h1").await, title);
            browser.check_accessibility(screen).await;
        };

        let cancelled = invite(&product, &campaign).await;
        product.post(&format!("/v1/invites/{}/cancel", id(&cancelled)), json!({})).await.expect(200);
        told(&link(&cancelled), "cancelled", "This invitation was withdrawn").await;

        let short = json!({"email": "jane@example.com", "expiresIn": "5m"});
        let short = product.post(&format!("/v1/campaigns/{campaign}/invites"), short).await.expect(201);
        let long = invite(&product, &campaign).await;
        product.engine.hands.advance(TimeDelta::seconds(300));
        told(&link(&short), "expired", "This invitation has expired").await;

        told(&format!("{}/interview/inv_nothing", product.url), "unknown", "This link leads nowhere").await;

        // Expired while the participant was reading: the start says so.
        browser.open(&link(&long)).await;
        browser.screen("welcome").await;
        browser.click("#consent-recording").await;
        browser.click("#consent-data_processing").await;
        product.engine.hands.advance(TimeDelta::days(8));
        browser.click("#start").await;
        browser.screen("expired").await;

        let open = invite(&product, &campaign).await;
        product.post(&format!("/v1/campaigns/{campaign}/archive"), json!({})).await.expect(200);
        told(&link(&open), "archived", "This interview is closed").await;
    }

    async fn the_page_is_strict_cached_by_content_and_changes_nothing(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = campaign(&product, two_questions(), json!({})).await;
        let invite = invite(&product, &campaign).await;
        let before = product.engine.number("SELECT COUNT(*) FROM events").await;
        let page = reqwest::get(link(&invite)).await.expect("an answer");
        assert_eq!(page.status(), 200);
        let header = |name: &str| page.headers()[name].to_str().expect("a text").to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(policy.ends_with("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("cache-control"), "private, no-cache");
        let permissions = header("permissions-policy");
        assert!(permissions.contains("microphone=(self)") && permissions.contains("camera=()"), "{permissions}");
        let html = page.text().await.expect("a text");
        assert!(!html.contains("jane@example.com") && !html.contains("Customer feedback"));

        // Every file that the page names is there, and may be kept for ever.
        let mut files = 0;
        for part in html.split("=\"assets/").skip(1) {
            let path = part.split('"').next().expect("a path");
            let file = reqwest::get(format!("{}/interview/assets/{path}", product.url)).await.expect("an answer");
            assert_eq!(file.status(), 200, "{path}");
            assert_eq!(file.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable", "{path}");
            files += 1;
        }
        assert!(files > 10, "{files}");
        let other = reqwest::get(format!("{}/interview/assets/0000/main.js", product.url)).await.expect("an answer");
        assert_eq!((other.status().as_u16(), &other.headers()[header::CACHE_CONTROL]), (200, &"no-cache".parse().expect("value")));
        let missing = reqwest::get(format!("{}/interview/assets/0000/none.js", product.url)).await.expect("an answer");
        assert_eq!(missing.status(), 404);

        // What is no token at all is 404, as a page; and errors beside it are pages for browsers only.
        let unknown = reqwest::get(format!("{}/interview/inv_nothing", product.url)).await.expect("an answer");
        assert_eq!((unknown.status().as_u16(), &unknown.headers()[header::CONTENT_TYPE]), (404, &"text/html; charset=utf-8".parse().expect("value")));
        let client = reqwest::Client::new();
        let beside = format!("{}/interview/a/b", product.url);
        let browser = client.get(&beside).header("Accept", "text/html,*/*;q=0.8").header("Accept-Language", "fr-CH, fr;q=0.9");
        let answer = browser.send().await.expect("an answer");
        assert_eq!(answer.status(), 404);
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("a text").to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{policy}");
        let html = answer.text().await.expect("a text");
        assert!(html.contains("<html lang=\"fr\" dir=\"ltr\">") && html.contains("Ce lien ne mène nulle part"), "{html}");
        let machine = client.get(&beside).send().await.expect("an answer");
        assert_eq!(machine.headers()[header::CONTENT_TYPE], "application/json");
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM events").await, before);
    }
}

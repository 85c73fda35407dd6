//! What the participant's link answers.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    product::{Answered, Product, id},
};

/// Opens a link, as a participant does: without an API key.
async fn open(product: &Product, token: &str) -> Answered {
    let answer = reqwest::get(format!("{}/v1/interview/{token}", product.url)).await.expect("send");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Answered { status, headers, text: answer.text().await.expect("text") }
}

fn token(invite: &Value) -> String {
    invite["token"].as_str().expect("a token").to_owned()
}

on_both_engines! {
    async fn opening_a_link_shows_the_interview_and_starts_nothing(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({"language": "de"})).await;
        let body = json!({"email": "ada@example.com", "name": "Ada"});
        let invite = product.post(&format!("/v1/campaigns/{campaign}/invites"), body).await.expect(201);
        let before = product.engine.number("SELECT COUNT(*) FROM events").await;
        let answer = open(&product, &token(&invite)).await;
        let shown = answer.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let mut keys: Vec<_> = shown.as_object().expect("an object").keys().collect();
        keys.sort_unstable();
        let expected =
            ["campaign", "consent", "invite", "language", "organization", "session", "speech", "totalQuestions"];
        assert_eq!(keys, expected);
        assert_eq!(shown["invite"], json!({"status": "pending", "expiresAt": invite["expiresAt"], "name": "Ada"}));
        assert_eq!(shown["campaign"], json!({"id": campaign, "name": "Campaign"}));
        assert_eq!(shown["organization"], json!({"name": "Acme", "logo": null}));
        assert_eq!((&shown["language"], &shown["totalQuestions"]), (&json!("de"), &json!(1)));
        assert_eq!((&shown["consent"]["required"], &shown["session"]), (&json!(true), &Value::Null));
        let text = shown["consent"]["texts"][0].as_object().expect("a text");
        for name in ["type", "version", "locale", "text", "sha256"] {
            assert!(text.contains_key(name), "{name}");
        }
        assert!(!answer.text.contains("ada@example.com"));
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM events").await, before);
        assert_eq!(product.get(&format!("/v1/invites/{}", id(&invite))).await.expect(200), invite);
    }

    async fn a_token_that_is_not_ours_leads_nowhere(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let invite = product.invite(&campaign, "ada@example.com").await;
        let token = token(&invite);
        let (other, last) = token.split_at(token.len() - 2);
        let forged = format!("{other}{}", if last == "00" { "01" } else { "00" });
        let upper = token.to_uppercase();
        let longer = format!("{token}0");
        for wrong in [forged.as_str(), &upper, &longer, other, "inv_", "x", "%00", &id(&invite), &id(&invite)[4..]] {
            assert_eq!(open(&product, wrong).await.refused(404), "RESOURCE_NOT_FOUND", "{wrong}");
        }
        open(&product, &token).await.expect(200);
    }

    async fn a_link_is_refused_when_it_is_over(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let cancelled = product.invite(&campaign, "ada@example.com").await;
        product.post(&format!("/v1/invites/{}/cancel", id(&cancelled)), json!({})).await.expect(200);
        assert_eq!(open(&product, &token(&cancelled)).await.refused(409), "INVITE_CANCELLED");

        let invites = format!("/v1/campaigns/{campaign}/invites");
        let body = json!({"email": "bob@example.com", "expiresIn": "5m"});
        let short = product.post(&invites, body).await.expect(201);
        let long = product.invite(&campaign, "cy@example.com").await;
        product.engine.hands.advance(TimeDelta::seconds(299));
        open(&product, &token(&short)).await.expect(200);
        product.engine.hands.advance(TimeDelta::seconds(1));
        assert_eq!(open(&product, &token(&short)).await.refused(409), "INVITE_EXPIRED");
        open(&product, &token(&long)).await.expect(200);
        product.post(&format!("/v1/campaigns/{campaign}/archive"), json!({})).await.expect(200);
        assert_eq!(open(&product, &token(&long)).await.refused(409), "CAMPAIGN_NOT_ACTIVE");
        assert_eq!(open(&product, &token(&cancelled)).await.refused(409), "INVITE_CANCELLED");
    }
}

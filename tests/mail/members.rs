//! The mail that invites a person to an organization, through a real SMTP server.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::drain;
use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
    smtp::{SmtpServer, header, part},
};

const PATH: &str = "/v1/organization/members";

async fn queued(product: &Product) -> i64 {
    product.engine.number("SELECT COUNT(*) FROM mails").await
}

/// The link in a mail, which both parts must have.
fn link(message: &Value) -> String {
    let text = part(message, "text/plain");
    let link = text.split_whitespace().find(|word| word.contains("/members/accept/")).expect("a link").to_owned();
    assert!(part(message, "text/html").contains(&format!("href=\"{}\"", link.replace('/', "&#x2f;"))), "{link}");
    link
}

on_both_engines! {
    async fn the_mail_says_in_the_organizations_language_who_invites_to_what(engine: Engine) {
        let mut server = SmtpServer::start().await;
        let product = Product::start(engine).await;
        let mut mailer = product.mailer(&server.settings(), "a");
        let cases = [
            (Value::Null, "Ada \"A\" <ada@evil.example>", "Acme invites you to join", "Hello Ada \"A\" <ada@evil.example>,", "administrator"),
            (json!("de-AT"), "", "Acme lädt Sie zur Mitarbeit ein", "Guten Tag,", "Administration"),
            (json!("fr"), "Zoë", "Acme vous invite à la rejoindre", "Bonjour Zoë,", "administration"),
            (json!("es"), "Ana", "Acme le invita a unirse", "Hola, Ana:", "administración"),
            (json!("ar"), "عائشة", "تدعوك Acme إلى الانضمام", "مرحبًا عائشة،", "مسؤول"),
            (json!("zh"), "王芳", "Acme 邀请您加入", "王芳，您好：", "管理员"),
            (json!("tlh"), "Worf", "Acme invites you to join", "Hello Worf,", "administrator"),
        ];
        for (n, (language, name, subject, greeting, role)) in cases.into_iter().enumerate() {
            product.patch("/v1/organization", json!({"settings": {"language": language}})).await.expect(200);
            let address = format!("p{n}@example.com");
            product.post(PATH, json!({"email": address, "name": name, "role": "admin"})).await.expect(201);
            drain(&mut mailer).await;
            let messages = server.received(n + 1).await;
            assert_eq!(messages.len(), n + 1);
            let message = &messages[n];
            assert_eq!((&message["subject"], &message["to"][0]["address"]), (&json!(subject), &json!(address)));
            let (text, html) = (part(message, "text/plain"), part(message, "text/html"));
            assert!(text.starts_with(greeting) && text.contains(role) && html.contains(role), "{text}");
            assert!(!html.contains("<ada@") && !html.contains("<script") && !html.contains("<img"), "{html}");
            let direction = if language == json!("ar") { "dir=\"rtl\"" } else { "dir=\"ltr\"" };
            assert!(html.contains(direction), "{html}");
            assert_eq!(header(message, "auto-submitted"), "auto-generated");
            // The link's target works.
            let page = reqwest::get(link(message)).await.expect("an answer");
            assert_eq!(page.status(), 200);
            assert!(page.text().await.expect("text").contains("<form method=\"post\">"));
        }
        assert_eq!(queued(&product).await, 0);
        let accepted = reqwest::Client::new().post(link(&server.all().await[4])).send().await.expect("an answer");
        assert_eq!(accepted.status(), 200);
        assert_eq!(product.get(&format!("{PATH}?status=active")).await.expect(200)["data"][0]["email"], "p4@example.com");
        product.stop().await;
    }

    async fn what_is_over_when_the_mail_would_go_is_not_sent(engine: Engine) {
        let mut server = SmtpServer::start().await;
        let product = Product::start(engine).await;
        let mut mailer = product.mailer(&server.settings(), "a");
        let invite = async |email: &str| id(&product.post(PATH, json!({"email": email})).await.expect(201));
        let removed = invite("removed@example.com").await;
        let accepted = invite("accepted@example.com").await;
        invite("replaced@example.com").await;
        product.delete(&format!("{PATH}/{removed}")).await.expect(204);
        let token = product.commands.acceptance_url(accepted.parse().expect("an id"), 1);
        assert_eq!(reqwest::Client::new().post(token).send().await.expect("an answer").status(), 200);
        product.engine.hands.advance(TimeDelta::minutes(1));
        product.post(PATH, json!({"email": "replaced@example.com", "role": "viewer"})).await.expect(200);
        drain(&mut mailer).await;
        let messages = server.received(1).await;
        assert_eq!((messages.len(), &messages[0]["to"][0]["address"]), (1, &json!("replaced@example.com")));
        assert!(part(&messages[0], "text/plain").contains("viewer"));
        assert_eq!(queued(&product).await, 0);

        invite("late@example.com").await;
        product.engine.hands.advance(TimeDelta::days(7));
        drain(&mut mailer).await;
        assert_eq!((server.all().await.len(), queued(&product).await), (1, 0));
        product.stop().await;
    }

    async fn a_mail_that_could_not_go_is_tried_again_and_goes_once(engine: Engine) {
        let mut server = SmtpServer::start().await;
        let product = Product::start(engine).await;
        let settings = server.settings();
        server.treat("ada@example.com", &["later", "accept"]).await;
        product.post(PATH, json!({"email": "ada@example.com"})).await.expect(201);
        let mut mailer = product.mailer(&settings, "a");
        drain(&mut mailer).await;
        assert_eq!((server.all().await.len(), queued(&product).await), (0, 1));
        product.engine.hands.advance(TimeDelta::minutes(3));
        drop(mailer);
        // Another node goes on.
        let mut mailer = product.mailer(&settings, "b");
        drain(&mut mailer).await;
        drain(&mut mailer).await;
        assert_eq!((server.received(1).await.len(), queued(&product).await), (1, 0));
        product.stop().await;
    }
}

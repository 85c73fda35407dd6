//! An organization's own templates: the resource, who may name one, and mails made with it.

use interview_relay::reactors::Pass;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
    smtp::{SmtpServer, header, part},
};

fn body() -> Value {
    json!({
        "name": "Warm", "subject": "{{ participant.name|default('') }}{{ metadata.plan }}: {{ campaign.name }}",
        "text": "Go to {{ link }}\nuntil {{ expiresOn }}", "html": "<p>{{ metadata.plan }}</p><a href=\"{{ link }}\">go</a>",
    })
}

const UNKNOWN: &str = "tpl_01hm6gb9v4e9ttpzg6q1x1e0c5";

on_both_engines! {
    async fn a_template_is_created_changed_previewed_listed_and_deleted(engine: Engine) {
        let product = Product::start(engine).await;
        let created = product.post("/v1/email-templates", body()).await;
        let document = created.expect(201);
        let template = id(&document);
        let path = format!("/v1/email-templates/{template}");
        assert!(template.starts_with("tpl_"));
        assert_eq!(created.header("location"), Some(path.as_str()));
        let mut keys: Vec<_> = document.as_object().expect("an object").keys().collect();
        keys.sort_unstable();
        assert_eq!(keys, ["createdAt", "html", "id", "language", "name", "subject", "text", "updatedAt"]);
        assert_eq!(product.get(&path).await.expect(200), document);

        product.engine.hands.advance(chrono::TimeDelta::seconds(5));
        let patched = product.patch(&path, json!({"language": "de", "text": "{{ link }}"})).await.expect(200);
        assert_eq!((&patched["language"], &patched["text"]), (&json!("de"), &json!("{{ link }}")));
        assert_ne!(patched["updatedAt"], document["updatedAt"]);
        let head = product.engine.number("SELECT position FROM log_head").await;
        assert_eq!(product.patch(&path, json!({"language": "de"})).await.expect(200), patched);
        let data = json!({"data": {"participant": {"name": "Ada"}, "metadata": {"plan": "<gold>"}, "link": "https://x.example"}});
        let preview = product.post(&format!("{path}/preview"), data).await.expect(200);
        assert_eq!(
            preview,
            json!({
                "subject": "Ada<gold>: Customer satisfaction", "text": "https://x.example",
                "html": "<p>&lt;gold&gt;</p><a href=\"https:&#x2f;&#x2f;x.example\">go</a>",
            })
        );
        product.post(&format!("{path}/preview"), json!({})).await.expect(200);
        assert_eq!(product.post(&format!("{path}/preview"), json!({"data": 1})).await.refused(400), "INVALID_REQUEST");
        let broken = json!({"data": {"metadata": {"plan": "a\r\nBcc: eve@example.com"}}});
        let refused = product.post(&format!("{path}/preview"), broken).await;
        assert_eq!(refused.refused(422), "VALIDATION_ERROR");
        assert_eq!(refused.fields(), [("subject".to_owned(), "invalid_format".to_owned())]);
        assert_eq!(product.engine.number("SELECT position FROM log_head").await, head, "nothing of this is an event");

        // What follows from the language and the time is as in the mail.
        let arabic = json!({"language": "ar", "text": "{{ direction }} {{ expiresOn }} {{ link }}"});
        product.patch(&path, arabic).await.expect(200);
        let until = json!({"data": {"expiresAt": "2026-12-03T19:47:00Z", "link": "x"}});
        let preview = product.post(&format!("{path}/preview"), until).await.expect(200);
        assert_eq!(preview["text"], "rtl 3 ديسمبر 2026، 19:47 UTC x");
        let refused = product.post(&format!("{path}/preview"), json!({"data": {"expiresAt": "nope"}})).await;
        assert_eq!(refused.refused(422), "VALIDATION_ERROR");
        assert_eq!(refused.fields(), [("data.expiresAt".to_owned(), "invalid_format".to_owned())]);
        product.patch(&path, json!({"language": "de", "text": "{{ link }}"})).await.expect(200);

        let page = product.get("/v1/email-templates?sort=name").await.expect(200);
        assert_eq!((&page["data"], &page["pagination"]["total"]), (&json!([patched]), &json!(1)));
        product.delete(&path).await.expect(204);
        for answer in [product.get(&path).await, product.delete(&path).await, product.patch(&path, json!({})).await] {
            assert_eq!(answer.refused(404), "RESOURCE_NOT_FOUND");
        }
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM email_templates").await, 0);
        assert_eq!(product.engine.store.verify_projections().await.expect("verify").differences, []);
    }

    async fn a_template_that_does_not_work_is_refused_with_its_line(engine: Engine) {
        let product = Product::start(engine).await;
        let bad = json!({
            "name": "n", "subject": "{{ nobody }}", "text": "a\n{% if %}", "html": "<p>\n\n{{ link|safe }}</p>",
        });
        let refused = product.post("/v1/email-templates", bad).await;
        assert_eq!(refused.refused(422), "VALIDATION_ERROR");
        let names: Vec<String> = refused.fields().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["html", "subject", "text"]);
        let fields = refused.json()["error"]["details"]["fields"].as_array().cloned().expect("fields");
        let message = |name: &str| {
            let field = fields.iter().find(|field| field["field"] == name).expect("the field");
            field["message"].as_str().expect("a message").to_owned()
        };
        assert!(message("text").starts_with("line 2: ") && message("html").starts_with("line 3: "), "{fields:?}");
        assert!(message("subject").contains("nobody"), "{fields:?}");
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM events WHERE type LIKE 'email_template.%'").await, 0);
    }

    async fn a_template_that_is_not_there_cannot_be_named(engine: Engine) {
        let product = Product::start(engine).await;
        let stranger = product.other_organization().await;
        let foreign = product.request(reqwest::Method::POST, "/v1/email-templates", &stranger).json(&body());
        let foreign = id(&product.send(foreign).await.expect(201));
        let template = id(&product.post("/v1/email-templates", body()).await.expect(201));
        let campaign = product.campaign(json!({})).await;
        let invites = format!("/v1/campaigns/{campaign}/invites");
        for name in ["warm", UNKNOWN, &foreign] {
            let field = |path: &str| vec![(path.to_owned(), "not_found".to_owned())];
            let refused = product.post(&invites, json!({"email": "a@example.com", "emailTemplate": name})).await;
            assert_eq!((refused.refused(422).as_str(), refused.fields()), ("VALIDATION_ERROR", field("emailTemplate")));
            let both = product.post(&invites, json!({"email": "a", "emailTemplate": name})).await;
            assert_eq!(both.fields().len(), 2, "all errors at once");
            let items = json!({"invites": [{"email": "a@example.com"}], "emailTemplate": name});
            assert_eq!(product.post(&format!("{invites}/bulk"), items).await.fields(), field("emailTemplate"));
            let script = product.script().await;
            let defaults = json!({"name": "C", "scriptId": script, "inviteDefaults": {"emailTemplate": name}});
            assert_eq!(product.post("/v1/campaigns", defaults).await.fields(), field("inviteDefaults.emailTemplate"));
            let patch = json!({"inviteDefaults": {"emailTemplate": name}});
            let refused = product.patch(&format!("/v1/campaigns/{campaign}"), patch).await;
            assert_eq!(refused.fields(), field("inviteDefaults.emailTemplate"));
        }
        let items = json!({"invites": [
            {"email": "a@example.com", "emailTemplate": template}, {"email": "b@example.com", "emailTemplate": UNKNOWN},
            {"email": "c@example.com", "emailTemplate": "default"},
        ]});
        let bulk = product.post(&format!("{invites}/bulk"), items).await.expect(201);
        assert_eq!(bulk["summary"], json!({"requested": 3, "created": 2, "failed": 1}));
        assert_eq!((&bulk["errors"][0]["index"], &bulk["errors"][0]["code"]), (&json!(1), &json!("VALIDATION_ERROR")));
    }

    async fn mails_are_made_with_the_template_that_is_named(engine: Engine) {
        let mut server = SmtpServer::start().await;
        let product = Product::start(engine).await;
        let mut mailer = product.mailer(&server.settings(), "a");
        let template = id(&product.post("/v1/email-templates", body()).await.expect(201));
        let campaign = product.campaign(json!({"language": "fr"})).await;
        let patch = json!({"inviteDefaults": {"emailTemplate": template}});
        product.patch(&format!("/v1/campaigns/{campaign}"), patch).await.expect(200);
        let invite = async |body: Value| {
            id(&product.post(&format!("/v1/campaigns/{campaign}/invites"), body).await.expect(201))
        };
        let mut send = async |n: usize| {
            while mailer.pass().await.expect("a pass") == Pass::More {}
            server.received(n).await.pop().expect("a message")
        };
        // The campaign's template, in the campaign's language, with the invite's own data.
        invite(json!({"email": "a@example.com", "name": "Ada", "metadata": {"plan": "<gold>"}})).await;
        let message = send(1).await;
        assert_eq!(message["subject"], "Ada<gold>: Campaign");
        assert!(part(&message, "text/html").starts_with("<p>&lt;gold&gt;</p>"));
        assert!(part(&message, "text/plain").contains(" juin 2026,"), "{message}");
        assert_eq!(header(&message, "Content-Language"), "fr");
        // The built-in one, by its name.
        invite(json!({"email": "b@example.com", "emailTemplate": "default"})).await;
        assert_eq!(send(2).await["subject"], "Acme vous invite à un entretien");
        // A template with a language of its own.
        product.patch(&format!("/v1/email-templates/{template}"), json!({"language": "ar"})).await.expect(200);
        invite(json!({"email": "c@example.com"})).await;
        assert_eq!(header(&send(3).await, "Content-Language"), "ar");
        // What cannot be made with this invite's data fails, and says which part.
        let broken = invite(json!({"email": "d@example.com", "metadata": {"plan": "a\nBcc: eve@example.com"}})).await;
        let gone = invite(json!({"email": "e@example.com"})).await;
        product.delete(&format!("/v1/email-templates/{template}")).await.expect(204);
        let message = send(4).await;
        let status = async |id: &str| product.get(&format!("/v1/invites/{id}")).await.expect(200)["emailStatus"].clone();
        assert_eq!(status(&gone).await, "sent");
        assert!(message["subject"].as_str().is_some_and(|subject| subject.contains("entretien")), "the built-in one is left");
        assert_eq!(status(&broken).await, "sent", "the built-in template does not use that data");
    }

    async fn a_template_that_breaks_with_an_invites_data_fails_that_mail_only(engine: Engine) {
        let mut server = SmtpServer::start().await;
        let product = Product::start(engine).await;
        let mut mailer = product.mailer(&server.settings(), "a");
        let template = id(&product.post("/v1/email-templates", body()).await.expect(201));
        let campaign = product.campaign(json!({})).await;
        let invite = async |email: &str, plan: &str| {
            let body = json!({"email": email, "emailTemplate": template, "metadata": {"plan": plan}});
            id(&product.post(&format!("/v1/campaigns/{campaign}/invites"), body).await.expect(201))
        };
        let broken = invite("a@example.com", "x\r\nBcc: eve@example.com").await;
        let good = invite("b@example.com", "gold").await;
        while mailer.pass().await.expect("a pass") == Pass::More {}
        assert_eq!(server.received(1).await.len(), 1);
        let status = async |id: &str| product.get(&format!("/v1/invites/{id}")).await.expect(200)["emailStatus"].clone();
        assert_eq!((status(&broken).await, status(&good).await), (json!("failed"), json!("sent")));
        let data = product.engine.sql("SELECT data FROM events WHERE type = 'invite.send_failed'").await;
        assert_eq!(data[0][0].text(), r#"{"mail":1,"reason":"template","code":"subject"}"#);
    }
}

//! Invite mails through a real SMTP server: what is in them, and how often they come, whatever happens on the way.

use std::{collections::BTreeSet, sync::Arc};

use aggregates::webhook::DisabledReason;
use chrono::TimeDelta;
use interview_relay::{
    clock::ManualClock,
    command::{Caller, Commands, webhooks::DisableWebhook},
    mail::{MailSettings, Mailer, Outlet},
    reactors::Pass,
};
use serde_json::{Value, json};

use super::drain;
use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
    smtp::{SmtpServer, header, part},
};

fn settings(server: &SmtpServer) -> MailSettings {
    MailSettings { bounces: Some("bounces@relay.example.com".parse().expect("an address")), ..server.settings() }
}

async fn invited(product: &Product, campaign: &str, body: Value) -> String {
    id(&product.post(&format!("/v1/campaigns/{campaign}/invites"), body).await.expect(201))
}

async fn status(product: &Product, invite: &str) -> String {
    let invite = product.get(&format!("/v1/invites/{invite}")).await.expect(200);
    invite["emailStatus"].as_str().expect("a status").to_owned()
}

async fn events(product: &Product, name: &str) -> i64 {
    product.engine.number(&format!("SELECT COUNT(*) FROM events WHERE type = '{name}'")).await
}

async fn queued(product: &Product) -> i64 {
    product.engine.number("SELECT COUNT(*) FROM mails").await
}

fn minutes(hands: &ManualClock, n: i64) {
    hands.advance(TimeDelta::minutes(n));
}

on_both_engines! {
    async fn a_mail_goes_out_as_soon_as_it_is_asked_for(engine: Engine) {
        let mut server = SmtpServer::start().await;
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mailer = tokio::spawn(product.mailer(&settings(&server), "a").run(stopped));
        // The clock stands still, so nothing but what is committed can wake the mailer.
        for n in 1..4 {
            invited(&product, &campaign, json!({"email": format!("p{n}@example.com")})).await;
            server.received(n).await;
        }
        stop.send_replace(true);
        mailer.await.expect("without a panic");
        product.stop().await;
    }

    async fn whoever_looks_after_an_endpoint_is_told_that_it_was_stopped(engine: Engine) {
        let mut server = SmtpServer::start().await;
        let product = Product::start(engine).await;
        let settings = settings(&server);
        let mut mailer = product.mailer(&settings, "a");
        let hook = async |description: &str, address: Value| {
            let url = "http://127.0.0.1:9/";
            let body = json!({"url": url, "eventTypes": ["*"], "description": description, "notifyEmail": address});
            id(&product.post("/v1/webhooks", body).await.expect(201))
        };
        let stop = async |webhook: &str, reason: DisabledReason| {
            let caller = Caller { organization: product.organization, actor: "test".into(), request_id: "test".into() };
            let disable = DisableWebhook { id: webhook.parse().expect("an id"), version: i64::MAX, reason };
            product.commands.run(&caller, None, &disable).await.expect("run").result.expect("stopped");
        };
        let gone = hook("<b>CRM</b>", json!("ops@example.com")).await;
        let failing = hook("two", json!("ops@example.com")).await;
        let asked_for = hook("three", json!("ops@example.com")).await;
        let nobodys = hook("four", Value::Null).await;
        let mended = hook("five", json!("ops@example.com")).await;
        stop(&gone, DisabledReason::Gone).await;
        stop(&failing, DisabledReason::Failing).await;
        stop(&asked_for, DisabledReason::Requested).await;
        stop(&nobodys, DisabledReason::Gone).await;
        stop(&mended, DisabledReason::Failing).await;
        product.patch(&format!("/v1/webhooks/{mended}"), json!({"status": "enabled"})).await.expect(200);
        drain(&mut mailer).await;
        let messages = server.received(2).await;
        assert_eq!(messages.len(), 2);
        for (webhook, why) in [(&gone, "410 Gone"), (&failing, "five days")] {
            let message = messages.iter().find(|message| part(message, "text/plain").contains(webhook)).expect("told");
            assert_eq!(message["to"], json!([{"name": "", "address": "ops@example.com"}]));
            assert_eq!(message["subject"], "Deliveries to a webhook endpoint were stopped");
            let (text, html) = (part(message, "text/plain"), part(message, "text/html"));
            assert!(text.contains(why) && html.contains(why), "{text}");
            assert!(!html.contains("<b>CRM"), "{html}");
        }
        assert_eq!(queued(&product).await, 0);
        drain(&mut mailer).await;
        assert_eq!(server.all().await.len(), 2, "once each");
        product.stop().await;
    }

    async fn a_mail_says_in_the_campaigns_language_what_the_participant_needs(engine: Engine) {
        let mut server = SmtpServer::start().await;
        let product = Product::start(engine).await;
        let settings = settings(&server);
        let mut mailer = product.mailer(&settings, "a");
        let cases = [
            ("en", "Ada Lovelace", "Acme invites you to an interview", "Hello Ada Lovelace,"),
            ("ar-EG", "عائشة", "تدعوك Acme إلى مقابلة", "مرحبًا عائشة،"),
            ("zh", "王芳", "Acme 邀请您参加访谈", "王芳，您好："),
            ("de", "", "Acme lädt Sie zu einem Interview ein", "Guten Tag,"),
            ("tlh", "Zoë \"Z\" <z@evil.example>", "Acme invites you to an interview", "Hello Zoë \"Z\" <z@evil.example>,"),
        ];
        for (n, (language, name, subject, greeting)) in cases.into_iter().enumerate() {
            let campaign = product.campaign(json!({"language": language})).await;
            let address = format!("p{n}@example.com");
            let invite = invited(&product, &campaign, json!({"email": address, "name": name})).await;
            assert_eq!(status(&product, &invite).await, "queued");
            drain(&mut mailer).await;
            let messages = server.received(n + 1).await;
            assert_eq!(messages.len(), n + 1);
            let message = &messages[n];
            assert_eq!(message["subject"], subject);
            assert_eq!(message["defects"], json!([]));
            assert_eq!(message["ascii"], json!(true), "no server needs to know more than ASCII");
            assert_eq!(message["to"], json!([{"name": name, "address": address}]));
            assert_eq!(message["from"], json!([{"name": "Acme", "address": "mail@relay.example.com"}]));
            assert_eq!(message["type"], "multipart/alternative");
            let kinds: Vec<_> = message["parts"].as_array().expect("parts").iter().map(|part| &part["type"]).collect();
            assert_eq!(kinds, ["text/plain", "text/html"], "the richest part comes last");
            assert!(message["parts"].as_array().expect("parts").iter().all(|part| part["charset"] == "utf-8"));
            let shown = product.get(&format!("/v1/invites/{invite}")).await.expect(200);
            let (text, html) = (part(message, "text/plain"), part(message, "text/html"));
            let link = shown["inviteUrl"].as_str().expect("a link");
            assert!(text.contains(greeting) && text.contains(link) && text.contains("UTC"), "{text}");
            assert!(html.contains(&link.replace('/', "&#x2f;")) && !html.contains("<z@evil"), "{html}");
            let base = language.split('-').next().expect("a tag");
            let base = if base == "tlh" { "en" } else { base };
            let direction = if base == "ar" { "rtl" } else { "ltr" };
            assert!(html.contains(&format!("<html lang=\"{base}\" dir=\"{direction}\">")), "{html}");
            assert_eq!(html.matches("<img").count(), 1, "the picture of the opening, and no other");
            assert_eq!(header(message, "Auto-Submitted"), "auto-generated");
            assert_eq!(header(message, "Content-Language"), base);
            let token = header(message, "X-InterviewRelay-Mail");
            assert_eq!(message["envelope"]["to"], json!([address]));
            assert_eq!(message["envelope"]["from"], json!(format!("bounces+{token}@relay.example.com")));
            assert!(message["id"].as_str().is_some_and(|id| id.starts_with("<evt_") && id.contains(&token)), "{message}");
            assert_eq!(status(&product, &invite).await, "sent");
        }
        assert_eq!((queued(&product).await, events(&product, "invite.sent").await), (0, 5));
        let data = product.engine.sql("SELECT data, meta FROM events WHERE type = 'invite.sent'").await;
        assert!(data.iter().all(|row| row[0].text() == "{\"mail\":1}" && !row[1].text().contains('@')), "{data:?}");
        drain(&mut mailer).await;
        assert_eq!(server.all().await.len(), 5);
        assert_eq!(product.engine.store.verify_projections().await.expect("verify").differences, []);
    }

    async fn what_is_refused_for_good_fails_and_what_is_put_off_is_tried_again(engine: Engine) {
        let mut server = SmtpServer::start().await;
        server.treat("gone@example.com", &["reject"]).await;
        server.treat("full@example.com", &["later", "later", "accept"]).await;
        server.treat("never@example.com", &["later"]).await;
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let invite = async |email: &str| invited(&product, &campaign, json!({"email": email, "expiresIn": "30d"})).await;
        let (gone, full, never) =
            (invite("gone@example.com").await, invite("full@example.com").await, invite("never@example.com").await);
        let foreign = invite("ü@example.com").await;
        let mut mailer = product.mailer(&settings(&server), "a");
        drain(&mut mailer).await;
        assert_eq!(status(&product, &gone).await, "failed");
        assert_eq!(status(&product, &foreign).await, "failed");
        assert_eq!(status(&product, &full).await, "queued");
        assert_eq!(server.all().await.len(), 0);
        let codes = product.engine.sql("SELECT data FROM events WHERE type = 'invite.send_failed' ORDER BY data").await;
        let codes: Vec<&str> = codes.iter().map(|row| row[0].text()).collect();
        assert_eq!(codes, [
            r#"{"mail":1,"reason":"address","code":"smtputf8"}"#,
            r#"{"mail":1,"reason":"rejected","code":"550 5.1.1"}"#,
        ]);

        // Nothing before its time: a minute, then two more.
        product.engine.hands.advance(TimeDelta::seconds(59));
        drain(&mut mailer).await;
        assert_eq!(status(&product, &full).await, "queued");
        let attempts = || async { product.engine.number("SELECT MAX(attempts) FROM mails").await };
        assert_eq!(attempts().await, 1);
        product.engine.hands.advance(TimeDelta::seconds(1));
        drain(&mut mailer).await;
        assert_eq!((status(&product, &full).await.as_str(), attempts().await), ("queued", 2));
        minutes(&product.engine.hands, 2);
        drain(&mut mailer).await;
        assert_eq!(status(&product, &full).await, "sent");
        assert_eq!(server.received(1).await.len(), 1);

        // Two days later it is given up.
        for _ in 0..12 {
            minutes(&product.engine.hands, 960);
            drain(&mut mailer).await;
        }
        assert_eq!(status(&product, &never).await, "failed");
        assert_eq!(queued(&product).await, 0);
        let given_up = r#"{"mail":1,"reason":"gave_up","code":"451 4.3.2"}"#;
        let last = "SELECT data FROM events WHERE type = 'invite.send_failed' ORDER BY position DESC LIMIT 1";
        assert_eq!(product.engine.sql(last).await[0][0].text(), given_up);
        assert_eq!(server.all().await.len(), 1);
    }

    async fn a_server_that_is_not_there_is_tried_again(engine: Engine) {
        let port = crate::support::ports::free_port();
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let invite = invited(&product, &campaign, json!({"email": "ada@example.com"})).await;
        let settings = MailSettings {
            outlet: Outlet::Smtp(format!("smtp://127.0.0.1:{port}")),
            ..MailSettings::to_folder("unused".into())
        };
        let mut mailer = product.mailer(&settings, "a");
        drain(&mut mailer).await;
        assert_eq!((status(&product, &invite).await.as_str(), queued(&product).await), ("queued", 1));
        assert_eq!(events(&product, "invite.send_failed").await, 0);
    }

    /// The one window that SMTP leaves open: the server has taken the mail, and its answer is lost.
    async fn a_lost_answer_means_a_second_copy_with_the_same_id(engine: Engine) {
        let mut server = SmtpServer::start().await;
        server.treat("ada@example.com", &["drop", "accept"]).await;
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let invite = invited(&product, &campaign, json!({"email": "ada@example.com"})).await;
        let mut mailer = product.mailer(&settings(&server), "a");
        drain(&mut mailer).await;
        assert_eq!((status(&product, &invite).await.as_str(), server.received(1).await.len()), ("queued", 1));
        minutes(&product.engine.hands, 1);
        drain(&mut mailer).await;
        let messages = server.received(2).await;
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[0]["id"], messages[1]["id"]);
        assert_eq!((status(&product, &invite).await.as_str(), events(&product, "invite.sent").await), ("sent", 1));
        drain(&mut mailer).await;
        assert_eq!(server.all().await.len(), 2);
    }

    async fn a_crash_between_sending_and_writing_it_down_is_made_good_by_another_node(engine: Engine) {
        let mut server = SmtpServer::start().await;
        server.treat("ada@example.com", &["hold", "accept"]).await;
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let invite = invited(&product, &campaign, json!({"email": "ada@example.com"})).await;
        let settings = settings(&server);
        let mut first = product.mailer(&settings, "a");
        let crashing = tokio::spawn(async move { first.pass().await });
        assert_eq!(server.received(1).await.len(), 1);
        crashing.abort();
        assert!(crashing.await.expect_err("aborted").is_cancelled());
        server.release().await;
        assert_eq!((status(&product, &invite).await.as_str(), queued(&product).await), ("queued", 1));
        assert_eq!(product.engine.number("SELECT attempts FROM mails").await, 1, "the attempt was written down before");

        let mut second = product.mailer(&settings, "b");
        assert_eq!(second.pass().await.expect("a pass"), Pass::NotOurs, "the lease of the first still runs");
        minutes(&product.engine.hands, 2);
        drain(&mut second).await;
        assert_eq!(server.all().await.len(), 1, "nothing is sent before the first attempt must be over");
        minutes(&product.engine.hands, 1);
        drain(&mut second).await;
        let messages = server.received(2).await;
        assert_eq!(messages[0]["id"], messages[1]["id"]);
        assert_eq!((status(&product, &invite).await.as_str(), events(&product, "invite.sent").await), ("sent", 1));
        assert_eq!(queued(&product).await, 0);
    }

    async fn two_nodes_send_each_mail_once(engine: Engine) {
        let mut server = SmtpServer::start().await;
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let item = |n: usize| json!({"email": format!("p{n}@example.com")});
        let items: Vec<_> = (0..40).map(item).collect();
        product.post(&format!("/v1/campaigns/{campaign}/invites/bulk"), json!({"invites": items})).await.expect(201);
        let settings = settings(&server);
        let other = Commands::new(
            product.engine.node().await,
            product.engine.clock.clone(),
            product.engine.keys.clone(),
            product.url.clone(),
        );
        let mut one = product.mailer(&settings, "a");
        let mut two = Mailer::new(Arc::new(other), Arc::new(settings), "b".to_owned()).expect("settings");
        for _ in 0..6 {
            let (one, two) = tokio::join!(one.pass(), two.pass());
            assert_eq!([one.expect("a pass"), two.expect("a pass")].iter().filter(|pass| **pass == Pass::NotOurs).count(), 1);
        }
        let messages = server.received(40).await;
        let addresses: BTreeSet<String> = messages.iter().map(|message| message["to"].to_string()).collect();
        assert_eq!((messages.len(), addresses.len()), (40, 40));
        assert_eq!((queued(&product).await, events(&product, "invite.sent").await), (0, 40));

        // The lease passes on. A node that has lost it sends nothing, whatever it thinks.
        minutes(&product.engine.hands, 3);
        let a_leads = one.pass().await.expect("a pass") != Pass::NotOurs;
        let (mut leads, mut lost) = if a_leads { (one, two) } else { (two, one) };
        invited(&product, &campaign, json!({"email": "late@example.com"})).await;
        assert_eq!(lost.pass().await.expect("a pass"), Pass::NotOurs);
        assert_eq!(server.all().await.len(), 40);
        drain(&mut leads).await;
        assert_eq!(server.received(41).await.len(), 41);
    }

    async fn no_more_are_sent_in_a_minute_than_the_settings_allow(engine: Engine) {
        let mut server = SmtpServer::start().await;
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        for n in 0..7 {
            invited(&product, &campaign, json!({"email": format!("p{n}@example.com")})).await;
        }
        let settings = MailSettings { rate: 3, ..settings(&server) };
        let mut mailer = product.mailer(&settings, "a");
        drain(&mut mailer).await;
        assert_eq!(server.received(3).await.len(), 3);
        // A restart does not start the count afresh.
        let mut mailer = product.mailer(&settings, "a");
        drain(&mut mailer).await;
        assert_eq!(server.all().await.len(), 3);
        for expected in [6, 7] {
            minutes(&product.engine.hands, 1);
            drain(&mut mailer).await;
            assert_eq!(server.received(expected).await.len(), expected);
        }
        let order: Vec<String> = server.all().await.iter().map(|message| message["to"][0]["address"].to_string()).collect();
        let sorted = { let mut sorted = order.clone(); sorted.sort(); sorted };
        let groups = |list: &[String]| [list[..3].iter().cloned().collect::<BTreeSet<_>>(), list[3..6].iter().cloned().collect()];
        assert_eq!(groups(&order), groups(&sorted), "first come, first served");
    }

    async fn who_needs_no_mail_any_more_gets_none(engine: Engine) {
        let mut server = SmtpServer::start().await;
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let archived = product.campaign(json!({})).await;
        let invite = async |campaign: &str, email: &str| {
            invited(&product, campaign, json!({"email": email, "expiresIn": "5m"})).await
        };
        let (cancelled, expired) = (invite(&campaign, "c@example.com").await, invite(&campaign, "e@example.com").await);
        let over = invite(&archived, "a@example.com").await;
        let silent = invited(&product, &campaign, json!({"email": "s@example.com", "sendEmail": false})).await;
        let twice = invited(&product, &campaign, json!({"email": "t@example.com"})).await;
        product.post(&format!("/v1/invites/{cancelled}/cancel"), json!({})).await.expect(200);
        product.post(&format!("/v1/campaigns/{archived}/archive"), json!({})).await.expect(200);
        product.post(&format!("/v1/invites/{twice}/resend"), json!({})).await.expect(200);
        minutes(&product.engine.hands, 5);
        let mut mailer = product.mailer(&settings(&server), "a");
        drain(&mut mailer).await;
        let messages = server.received(1).await;
        assert_eq!(messages.len(), 1, "a resend that overtakes the first mail is sent, and the first is not");
        assert_eq!(messages[0]["to"][0]["address"], "t@example.com");
        for invite in [&cancelled, &expired, &over, &silent] {
            assert_eq!(status(&product, invite).await, "not_sent");
        }
        assert_eq!(status(&product, &twice).await, "sent");
        assert_eq!(queued(&product).await, 0);
        // A resend of what was sent is another mail, with an id of its own.
        minutes(&product.engine.hands, 2);
        product.post(&format!("/v1/invites/{twice}/resend"), json!({})).await.expect(200);
        assert_eq!(status(&product, &twice).await, "queued");
        drain(&mut mailer).await;
        let messages = server.received(2).await;
        assert_ne!(messages[0]["id"], messages[1]["id"]);
        assert_eq!(part(&messages[0], "text/plain"), part(&messages[1], "text/plain"), "with the same link");
        let sent = product.engine.sql("SELECT data FROM events WHERE type = 'invite.sent' ORDER BY position").await;
        assert_eq!(sent.iter().map(|row| row[0].text()).collect::<Vec<_>>(), ["{\"mail\":2}", "{\"mail\":3}"]);
    }
}

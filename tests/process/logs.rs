//! What the program writes to its log, however much of it one asks for: no secrets and nothing about people (contract 50).

use serde_json::{Value, json};

use super::interviews::Client;
use crate::{
    support::{
        model::{Model, Mood},
        process::on_both_homes,
        rabbitmq,
        smtp::SmtpServer,
    },
    webhooks::support::{Receiver, Reply},
};

/// What people said, or what is known about them.
const PERSONAL: [&str; 6] =
    ["canary.address", "Canary Participant", "canary-metadata", "canary answer", "CanaryBrowser", "canary-query"];
/// What others sent us, and what we were given to send to them.
const FOREIGN: [&str; 4] = ["canary-header-value", "canary-path", "canary-receiver-body", "canary follow-up"];

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

on_both_homes! {
    async fn logs_hold_no_secrets_and_nothing_about_people(home: Home) {
        let key = home.organization();
        let model = Model::start(Mood::Says("And what about the canary follow-up?".into())).await;
        let mut mails = SmtpServer::start().await;
        mails.treat("canary.address.two@example.com", &["reject"]).await;
        let body = "HTTP/1.1 500 X\r\ncontent-length: 20\r\n\r\ncanary-receiver-body";
        let receiver = Receiver::start(move |_| Reply::Raw(body.into())).await;
        let (amqp, smtp) = (rabbitmq::shared(), mails.url());
        let log = home.path().join("server.log");
        #[rustfmt::skip]
        let settings = [
            "--dev", "--amqp-url", &amqp, "--smtp-url", &smtp, "--mail-from", "mail@relay.example.com",
            "--llm-url", &model.url, "--llm-key", "canary-model-key", "--llm-model", "m",
        ];
        let mut server = home.serve_logged(&log, &settings).await;
        crate::support::ring();
        let client = Client { http: reqwest::Client::new(), url: server.url.clone() };

        let webhook = json!({
            "url": format!("http://{}/canary-path?token=canary-path", receiver.address), "eventTypes": ["*"],
            "headers": {"x-secret": "canary-header-value"},
        });
        let webhook = client.post("/v1/webhooks", &key, webhook).await;
        let follow_up = json!({"enabled": true, "maxFollowUps": 1, "prompt": "Ask why."});
        let question = json!({"id": "q1", "text": "How was it?", "type": "open", "followUp": follow_up});
        let script = json!({"name": "S", "systemPrompt": "Be kind.", "questions": [question]});
        let script = text(&client.post("/v1/scripts", &key, script).await["id"]);
        client.post(&format!("/v1/scripts/{script}/publish"), &key, json!({})).await;
        let campaign = text(&client.post("/v1/campaigns", &key, json!({"name": "C", "scriptId": script})).await["id"]);
        let path = format!("/v1/campaigns/{campaign}/invites");
        let person = json!({
            "email": "canary.address@example.com", "name": "Canary Participant", "metadata": {"x": "canary-metadata"},
            "sendEmail": true,
        });
        let invite = client.post(&path, &key, person).await;
        client.post(&path, &key, json!({"email": "canary.address.two@example.com", "sendEmail": true})).await;

        mails.received(1).await;

        // Requests that are refused, with a person in the path, the query, the body and the key.
        let refused = [
            client.http.get(format!("{}/v1/invites/canary.address?email=canary-query", server.url)).bearer_auth(&key),
            client.http.get(format!("{}{path}?email=canary.address%40example.com", server.url)).bearer_auth(&key),
            client.http.post(format!("{}{path}", server.url)).bearer_auth(&key).json(&json!({"email": "canary.address"})),
            client.http.post(format!("{}{path}", server.url)).bearer_auth(&key).body("{\"canary.address"),
            client.http.get(format!("{}{path}", server.url)).bearer_auth("ir_live_canary-wrong-key"),
        ];
        for request in refused {
            request.send().await.expect("an answer");
        }

        let token = text(&invite["token"]);
        let link = format!("/v1/interview/{token}/session");
        let device = json!({"device": {"browser": "CanaryBrowser", "os": "X", "type": "desktop"}});
        let opened = client.send(client.http.post(format!("{}{link}", client.url)).json(&device)).await;
        let session = text(&opened["sessionToken"]);
        client.post(&format!("{link}/consent"), &session, json!({"granted": true, "type": "all"})).await;
        let mut turn = client.post(&format!("{link}/start"), &session, json!({})).await;
        let mut seq = 0;
        while turn["done"] != json!(true) {
            seq += 1;
            let answer = json!({"promptId": turn["prompt"]["id"], "seq": seq, "text": "A canary answer."});
            turn = client.post(&format!("{link}/answers"), &session, answer).await;
        }
        assert!(!model.asked().is_empty(), "the model worded something");
        receiver.wait(3).await;
        assert!(server.terminate().success());

        let log = std::fs::read_to_string(&log).expect("the log");
        let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        assert!(lines.iter().any(|line| line["level"] == "TRACE" && line["target"] != "interview_relay"), "all is there");
        assert!(lines.iter().any(|line| line["route"] == "/v1/interview/{token}/session"), "requests are logged");
        let secret = text(&webhook["secret"]);
        let secrets = [&key, &token, &session, &secret, "canary-model-key", "canary-wrong-key"];
        for canary in PERSONAL.iter().chain(&FOREIGN).copied().chain(secrets.map(|secret| secret as &str)) {
            // As text, and as what a program makes of bytes that it did not mean to show.
            let numbers: Vec<_> = canary.bytes().map(|byte| byte.to_string()).collect();
            let hex: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
            for form in [canary, &numbers.join(", "), &hex] {
                let found = log.lines().find(|line| line.contains(form));
                assert_eq!(found, None, "{canary} is in the log");
            }
        }
    }
}

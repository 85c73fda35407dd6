//! What comes back: the picture of the opening, providers' reports with real signatures and forged ones, bounce messages.

use std::{process::Command, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{SecondsFormat, TimeDelta};
use futures_util::future::BoxFuture;
use interview_relay::{
    mail::{MailSettings, reports::ses::Amazon, settings},
    trust::mail_token::{self, MailRef, Purpose},
};
use parking_lot::Mutex;
use rcgen::{KeyPair, PublicKeyData, SigningKey};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    engines::{Engine, on_both_engines},
    product::{Answered, Product, Setup, id},
};

const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:ses";
const CERTIFICATE: &str = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem";
const POSTMARK: &str = "postmark:0123456789abcdef";
const BOUNCES: &str = "0123456789abcdef";

/// Amazon as far as we ask it: one certificate, and confirmations.
#[derive(Default)]
struct FakeAmazon {
    certificate: String,
    asked: Mutex<Vec<String>>,
}

impl Amazon for FakeAmazon {
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        self.asked.lock().push(url.to_owned());
        Box::pin(async move {
            if url == CERTIFICATE { Ok(self.certificate.clone().into_bytes()) } else { Ok(b"<ok/>".to_vec()) }
        })
    }
}

/// A key and certificate, made by OpenSSL, which signs with them too.
struct OpenSsl(tempfile::TempDir);

impl OpenSsl {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("make a folder");
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem"])
            .args(["-days", "3650", "-subj", "/CN=sns.amazonaws.com"])
            .current_dir(folder.path())
            .output()
            .expect("run openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self(folder)
    }

    fn certificate(&self) -> String {
        std::fs::read_to_string(self.0.path().join("cert.pem")).expect("read")
    }

    fn sign(&self, digest: &str, text: &str) -> String {
        std::fs::write(self.0.path().join("text"), text).expect("write");
        let signed = Command::new("openssl")
            .args(["dgst", digest, "-sign", "key.pem", "text"])
            .current_dir(self.0.path())
            .output()
            .expect("run openssl");
        assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
        BASE64_STANDARD.encode(signed.stdout)
    }
}

async fn start(engine: Engine, settings: MailSettings, amazon: Arc<FakeAmazon>) -> Product {
    Product::start_as(engine, Setup { mail: Some((settings, amazon)), ..Setup::default() }).await
}

/// An invite whose mail is on its way, and the token that its mail carries.
async fn mailed(product: &Product, email: &str) -> (String, String) {
    let campaign = product.campaign(json!({})).await;
    let invite = id(&product.invite(&campaign, email).await);
    let token = token(product, &invite, Purpose::Report);
    (invite, token)
}

fn token(product: &Product, invite: &str, purpose: Purpose) -> String {
    let reference = MailRef { invite: invite.parse().expect("an id"), mail: 1 };
    mail_token::make(&product.engine.keys, purpose, reference)
}

async fn status(product: &Product, invite: &str) -> String {
    let invite = product.get(&format!("/v1/invites/{invite}")).await.expect(200);
    invite["emailStatus"].as_str().expect("a status").to_owned()
}

async fn names(product: &Product, invite: &str) -> Vec<String> {
    let sql = format!("SELECT type FROM events WHERE stream_id = '{invite}' ORDER BY version");
    product.engine.sql(&sql).await.iter().skip(1).map(|row| row[0].text().to_owned()).collect()
}

/// Sends a report as its provider does, without an API key.
async fn report(
    product: &Product,
    provider: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> Answered {
    let mut request = reqwest::Client::new().post(format!("{}/v1/email-events/{provider}", product.url)).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    product.send(request).await
}

on_both_engines! {
    async fn the_picture_tells_of_the_opening_once(engine: Engine) {
        let product = Product::start(engine).await;
        let (invite, report_token) = mailed(&product, "ada@example.com").await;
        let open = token(&product, &invite, Purpose::Open);
        let url = format!("{}/mail/open/{open}.gif", product.url);
        let client = reqwest::Client::new();
        // Looking whether it is there, and fetching it in case, is no reading.
        client.head(&url).send().await.expect("send");
        client.get(&url).header("Sec-Purpose", "prefetch;prerender").send().await.expect("send");
        client.get(&url).header("X-Purpose", "preview").send().await.expect("send");
        assert_eq!(names(&product, &invite).await, [] as [&str; 0]);
        let forged = format!("{}/mail/open/{report_token}.gif", product.url);
        let bare = format!("{}/mail/open/{open}", product.url);
        let nonsense = format!("{}/mail/open/nonsense.gif", product.url);
        for (url, opened) in [(&forged, false), (&bare, false), (&nonsense, false), (&url, true), (&url, true)] {
            let answer = client.get(url).send().await.expect("send");
            assert_eq!(answer.status(), 200, "{url}");
            let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            assert_eq!(header("content-type").as_deref(), Some("image/gif"));
            assert_eq!(header("cache-control").as_deref(), Some("no-store"));
            let bytes = answer.bytes().await.expect("bytes");
            assert!(bytes.starts_with(b"GIF89a") && bytes.ends_with(b";"), "{bytes:?}");
            let expected: &[&str] = if opened { &["invite.sent", "invite.opened"] } else { &[] };
            assert_eq!(names(&product, &invite).await, expected, "{url}");
        }
        assert_eq!(status(&product, &invite).await, "opened");
        assert_eq!(product.engine.store.verify_projections().await.expect("verify").differences, []);
    }

    async fn who_is_not_expected_to_report_is_unknown(engine: Engine) {
        let product = Product::start(engine).await;
        for provider in ["ses", "sendgrid", "postmark", "rfc3464", "other"] {
            let basic = format!("Basic {}", BASE64_STANDARD.encode(POSTMARK));
            let answer = report(&product, provider, &[("Authorization", &basic)], "{}").await;
            assert_eq!(answer.refused(404), "RESOURCE_NOT_FOUND", "{provider}");
        }
    }

    async fn sendgrid_signs_time_and_body(engine: Engine) {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
        let text = BASE64_STANDARD.encode(key.subject_public_key_info());
        let sendgrid_key = settings::sendgrid_key(&text);
        assert!(sendgrid_key.is_some(), "SendGrid gives its key in this form: {text}");
        let settings = MailSettings { sendgrid_key, ..MailSettings::to_folder("unused".into()) };
        let product = start(engine, settings, Arc::default()).await;
        let (invite, token) = mailed(&product, "ada@example.com").await;
        let now = product.engine.clock.now().timestamp();
        let send = async |at: i64, signed: &Value, body: &Value| {
            let text = format!("{at}{signed}");
            let signature = BASE64_STANDARD.encode(key.sign(text.as_bytes()).expect("signed"));
            let at = at.to_string();
            let headers = [
                ("X-Twilio-Email-Event-Webhook-Signature", signature.as_str()),
                ("X-Twilio-Email-Event-Webhook-Timestamp", at.as_str()),
                ("Content-Type", "application/json"),
            ];
            report(&product, "sendgrid", &headers, body.to_string()).await
        };
        let delivered = json!([
            {"event": "processed", "relay_mail": token}, {"event": "delivered", "relay_mail": token, "email": "ada@example.com"},
            {"event": "delivered", "smtp-id": "<somebody@elsewhere.example>"}, {"event": "click", "relay_mail": token},
        ]);
        let forged = json!([{"event": "bounce", "relay_mail": token, "status": "5.1.1"}]);
        for wrong in [
            send(now, &delivered, &forged).await,
            send(now - 86_400, &delivered, &delivered).await,
            send(now + 601, &delivered, &delivered).await,
            report(&product, "sendgrid", &[], delivered.to_string()).await,
        ] {
            assert_eq!(wrong.status, 401, "{}", wrong.text);
        }
        assert_eq!(status(&product, &invite).await, "queued");
        for _ in 0..2 {
            assert_eq!(send(now, &delivered, &delivered).await.expect(200), json!({"reported": 1}));
            assert_eq!(names(&product, &invite).await, ["invite.sent", "invite.delivered"]);
        }
        let opened = json!([{"event": "open", "smtp-id": format!("<evt_1.{token}@relay.example.com>")}]);
        send(now, &opened, &opened).await.expect(200);
        assert_eq!(status(&product, &invite).await, "opened");
        let not_a_list = json!({"event": "open"});
        assert_eq!(send(now, &not_a_list, &not_a_list).await.refused(400), "INVALID_REQUEST");

        let (invite, token) = mailed(&product, "bob@example.com").await;
        let bounced = json!([{"event": "bounce", "relay_mail": token, "status": "5.1.1", "reason": "550 bob@example.com"}]);
        send(now, &bounced, &bounced).await.expect(200);
        assert_eq!(status(&product, &invite).await, "bounced");
        let sql = "SELECT data FROM events WHERE type = 'invite.bounced'";
        assert_eq!(product.engine.sql(sql).await[0][0].text(), r#"{"mail":1,"code":"5.1.1"}"#);
    }

    async fn postmark_knows_a_secret(engine: Engine) {
        let settings = MailSettings { postmark_secret: Some(POSTMARK.into()), ..MailSettings::to_folder("unused".into()) };
        let product = start(engine, settings, Arc::default()).await;
        let (invite, token) = mailed(&product, "ada@example.com").await;
        let basic = |secret: &str| format!("Basic {}", BASE64_STANDARD.encode(secret));
        let event = |kind: &str, more: Value| {
            let mut event = json!({"RecordType": kind, "MessageID": "x", "Metadata": {"relay-mail": token}});
            event.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
            event.to_string()
        };
        let send = async |authorization: &str, body: String| {
            report(&product, "postmark", &[("Authorization", authorization)], body).await
        };
        for wrong in ["", "Basic", "Basic !", &basic("postmark:x"), &basic(&POSTMARK[..20]), "Bearer x"] {
            assert_eq!(send(wrong, event("Open", json!({}))).await.status, 401, "{wrong}");
        }
        let good = basic(POSTMARK);
        assert_eq!(send(&good, "[]".to_owned()).await.status, 400);
        for ignored in [event("SpamComplaint", json!({})), event("Bounce", json!({"Type": "AutoResponder"}))] {
            assert_eq!(send(&good, ignored).await.expect(200), json!({"reported": 0}));
        }
        assert_eq!(send(&good, json!({"RecordType": "Open"}).to_string()).await.expect(200), json!({"reported": 0}));
        assert_eq!(names(&product, &invite).await, [] as [&str; 0]);
        send(&good, event("Delivery", json!({}))).await.expect(200);
        let bounce = event("Bounce", json!({"Type": "HardBounce", "Email": "ada@example.com"}));
        send(&good, bounce.clone()).await.expect(200);
        send(&good, bounce).await.expect(200);
        assert_eq!(names(&product, &invite).await, ["invite.sent", "invite.delivered", "invite.bounced"]);
        assert_eq!(status(&product, &invite).await, "bounced");
    }

    async fn amazon_signs_with_a_certificate_of_its_own(engine: Engine) {
        let openssl = OpenSsl::new();
        let amazon = Arc::new(FakeAmazon { certificate: openssl.certificate(), ..FakeAmazon::default() });
        let settings = MailSettings { ses_topic: Some(TOPIC.into()), ..MailSettings::to_folder("unused".into()) };
        let product = start(engine, settings, amazon.clone()).await;
        let (invite, token) = mailed(&product, "ada@example.com").await;
        let now = product.engine.clock.now();
        let timestamp = |seconds| (now + TimeDelta::seconds(seconds)).to_rfc3339_opts(SecondsFormat::Millis, true);
        let envelope = |version: &str, message: &Value, at: i64| {
            let (message, timestamp) = (message.to_string(), timestamp(at));
            let signed = format!(
                "Message\n{message}\nMessageId\nm-1\nSubject\nHello\nTimestamp\n{timestamp}\nTopicArn\n{TOPIC}\nType\nNotification\n"
            );
            let digest = if version == "1" { "-sha1" } else { "-sha256" };
            json!({
                "Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC, "Subject": "Hello", "Message": message,
                "Timestamp": timestamp, "SignatureVersion": version, "Signature": openssl.sign(digest, &signed),
                "SigningCertURL": CERTIFICATE, "UnsubscribeURL": "https://sns.eu-central-1.amazonaws.com/?x",
            })
        };
        let with = |envelope: &Value, name: &str, value: Value| {
            let mut changed = envelope.clone();
            changed[name] = value;
            changed
        };
        let send = async |body: &Value| {
            report(&product, "ses", &[("Content-Type", "text/plain; charset=UTF-8")], body.to_string()).await
        };
        let headers = json!([{"name": "X-InterviewRelay-Mail", "value": token}]);
        let delivery = json!({"notificationType": "Delivery", "mail": {"messageId": "s", "headers": headers}, "delivery": {}});
        let good = envelope("2", &delivery, 0);
        let bounce = json!({
            "notificationType": "Bounce", "mail": {"source": format!("bounces+{token}@relay.example.com")},
            "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "ada@example.com", "status": "5.1.1"}]},
        });

        // Nobody is asked for a certificate on a stranger's word.
        for wrong in [
            with(&good, "TopicArn", json!("arn:aws:sns:eu-central-1:666666666666:mine")),
            with(&good, "SigningCertURL", json!("https://sns.evil.example/SimpleNotificationService-1.pem")),
            with(&good, "SigningCertURL", json!("http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem")),
            envelope("2", &delivery, -86_400),
            json!({"Type": "Notification"}),
            json!("nonsense"),
        ] {
            assert_eq!(send(&wrong).await.status, 401, "{wrong}");
        }
        assert_eq!(*amazon.asked.lock(), [] as [&str; 0]);
        for wrong in [
            with(&good, "Message", json!(bounce.to_string())),
            with(&good, "Signature", json!("AAAA")),
            with(&good, "SignatureVersion", json!("1")),
            with(&good, "SignatureVersion", json!("3")),
            with(&good, "Subject", Value::Null),
        ] {
            assert_eq!(send(&wrong).await.status, 401, "{wrong}");
        }
        assert_eq!(names(&product, &invite).await, [] as [&str; 0]);

        for _ in 0..2 {
            assert_eq!(send(&good).await.expect(200), json!({"reported": 1}));
            assert_eq!(names(&product, &invite).await, ["invite.sent", "invite.delivered"]);
        }
        assert_eq!(*amazon.asked.lock(), [CERTIFICATE], "a certificate is fetched once");
        // The older kind of signature, which topics have unless told otherwise; and the mail found by the sender's address.
        assert_eq!(send(&envelope("1", &bounce, 0)).await.expect(200), json!({"reported": 1}));
        assert_eq!(status(&product, &invite).await, "bounced");
        for ignored in [json!({"notificationType": "Complaint", "mail": {}}), json!("Successfully validated SNS topic")] {
            assert_eq!(send(&envelope("2", &ignored, 0)).await.expect(200), json!({"reported": 0}));
        }
        let foreign = json!({"eventType": "Open", "mail": {"source": "somebody@elsewhere.example"}});
        assert_eq!(send(&envelope("2", &foreign, 0)).await.expect(200), json!({"reported": 0}));
    }

    async fn a_subscription_is_confirmed_for_our_topic_at_amazons_address_only(engine: Engine) {
        let openssl = OpenSsl::new();
        let amazon = Arc::new(FakeAmazon { certificate: openssl.certificate(), ..FakeAmazon::default() });
        let settings = MailSettings { ses_topic: Some(TOPIC.into()), ..MailSettings::to_folder("unused".into()) };
        let product = start(engine, settings, amazon.clone()).await;
        let timestamp = product.engine.clock.now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let confirmation = |topic: &str, url: &str| {
            let signed = format!(
                "Message\nYou have chosen\nMessageId\nm-2\nSubscribeURL\n{url}\nTimestamp\n{timestamp}\nToken\nt\nTopicArn\n{topic}\n\
                 Type\nSubscriptionConfirmation\n"
            );
            json!({
                "Type": "SubscriptionConfirmation", "MessageId": "m-2", "TopicArn": topic, "Message": "You have chosen",
                "SubscribeURL": url, "Token": "t", "Timestamp": timestamp, "SignatureVersion": "2",
                "Signature": openssl.sign("-sha256", &signed), "SigningCertURL": CERTIFICATE,
            })
        };
        let good = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t";
        for (topic, url, status) in [
            ("arn:aws:sns:eu-central-1:666666666666:mine", good, 401),
            (TOPIC, "https://internal.example/admin", 401),
            (TOPIC, "http://169.254.169.254/latest", 401),
            (TOPIC, good, 200),
        ] {
            let body = confirmation(topic, url).to_string();
            let answer = report(&product, "ses", &[("Content-Type", "text/plain")], body).await;
            assert_eq!(answer.status, status, "{url}: {}", answer.text);
        }
        assert_eq!(*amazon.asked.lock(), [CERTIFICATE, good]);
        let mut forged = confirmation(TOPIC, good);
        forged["SubscribeURL"] = json!(format!("{good}&x=1"));
        assert_eq!(report(&product, "ses", &[], forged.to_string()).await.status, 401);
        assert_eq!(amazon.asked.lock().len(), 2);
    }

    async fn bounce_messages_are_read(engine: Engine) {
        let settings = MailSettings { bounce_secret: Some(BOUNCES.into()), ..MailSettings::to_folder("unused".into()) };
        let product = start(engine, settings, Arc::default()).await;
        let bearer = format!("Bearer {BOUNCES}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "message/rfc822")];
        let message = |to: &str, action: &str, quoted: &str| {
            format!(
                "From: MAILER-DAEMON@mx.example.com\r\nTo: {to}\r\nSubject: Undelivered Mail Returned to Sender\r\n\
                 MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
                 --b\r\nContent-Type: text/plain\r\n\r\nYour mail could not be delivered to ada@example.com.\r\n\
                 --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n\
                 Final-Recipient: rfc822; ada@example.com\r\nAction: {action}\r\nStatus: 5.1.1\r\n\
                 Diagnostic-Code: smtp; 550 5.1.1 <ada@example.com>: unknown\r\n\r\n\
                 --b\r\nContent-Type: message/rfc822\r\n\r\n{quoted}\r\n--b--\r\n"
            )
        };
        let letter = |token: &str| {
            format!("From: mail@relay.example.com\r\nX-InterviewRelay-Mail: {token}\r\nSubject: Hi\r\n\r\nHello\r\n")
        };
        // Found by the address that it was sent to, by the header of the quoted mail, by its Message-ID.
        for (email, by) in [("a@example.com", 0), ("b@example.com", 1), ("c@example.com", 2)] {
            let (invite, token) = mailed(&product, email).await;
            let bounce = match by {
                0 => message(&format!("bounces+{token}@relay.example.com"), "failed", "From: x@example.com\r\n\r\n"),
                1 => message("bounces@relay.example.com", "failed", &letter(&token)),
                _ => message("x@relay.example.com", "failed", &format!("Message-ID: <evt_1.{token}@relay.example.com>\r\n\r\nHi\r\n")),
            };
            let without = report(&product, "rfc3464", &[("Content-Type", "message/rfc822")], bounce.clone()).await;
            assert_eq!(without.status, 401);
            assert_eq!(status(&product, &invite).await, "queued");
            for _ in 0..2 {
                assert_eq!(report(&product, "rfc3464", &headers, bounce.clone()).await.expect(200), json!({"reported": 1}));
            }
            assert_eq!(names(&product, &invite).await, ["invite.sent", "invite.bounced"]);
        }
        let (invite, token) = mailed(&product, "d@example.com").await;
        let to = format!("bounces+{token}@relay.example.com");
        let reply = format!("From: d@example.com\r\nTo: {to}\r\nSubject: I am away\r\n\r\nBack on Monday.\r\n");
        for (body, reported) in [
            (message(&to, "delayed", ""), 0),
            (reply, 0),
            (message("bounces@relay.example.com", "failed", "Subject: another's\r\n\r\n"), 0),
            (message(&to, "delivered", ""), 1),
        ] {
            assert_eq!(report(&product, "rfc3464", &headers, body).await.expect(200), json!({"reported": reported}));
        }
        assert_eq!(names(&product, &invite).await, ["invite.sent", "invite.delivered"]);
        assert_eq!(report(&product, "rfc3464", &headers, vec![0_u8; 2 << 20]).await.refused(413), "PAYLOAD_TOO_LARGE");
        let key = product.request(Method::POST, "/v1/email-events/rfc3464", &product.key);
        assert_eq!(product.send(key.body("x")).await.status, 401, "an API key is no bounce secret");
    }
}

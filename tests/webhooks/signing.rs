//! Deliveries are signed so that somebody else's library agrees (contract 43, 56).

use std::{collections::BTreeMap, process::Stdio};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};

use super::support::{Node, Received, Receiver, hook, invite};
use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
    python,
};

/// The public library of Standard Webhooks, and the vendor's scheme as its guide has it. The library compares the time
/// with the machine's, so it is told that no time has passed.
const CHECK: &str = r#"
import datetime, hashlib, hmac, json, sys
import standardwebhooks.webhooks as library
given = json.load(sys.stdin)
headers, body, secret = given["headers"], given["body"], given["secret"]
class Then(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(int(headers["webhook-timestamp"]), tz)
library.datetime = Then
try:
    standard = library.Webhook(secret).verify(body, headers) == json.loads(body)
except library.WebhookVerificationError:
    standard = False
signed = headers["x-interviewrelay-timestamp"] + "." + body
expected = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
names = ["x-interviewrelay-signature", "x-interviewrelay-signature-previous"]
vendor = [hmac.compare_digest(expected, headers.get(name, "")) for name in names]
print(json.dumps({"standard": standard, "vendor": vendor}))
"#;

async fn check(secret: &str, request: &Received, body: &str) -> Value {
    let mut child = Command::new(python())
        .args(["-c", CHECK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("run python");
    let headers: &BTreeMap<String, String> = &request.headers;
    let given = json!({"secret": secret, "headers": headers, "body": body}).to_string();
    let mut input = child.stdin.take().expect("an input");
    input.write_all(given.as_bytes()).await.expect("written");
    drop(input);
    let output = child.wait_with_output().await.expect("an output");
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

on_both_engines! {
    async fn a_library_of_others_accepts_what_we_sign(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let receiver = Receiver::good().await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        let path = format!("/v1/webhooks/{}", id(&webhook));
        let first = webhook["secret"].as_str().expect("a secret").to_owned();
        let node = Node::start(&product);
        let event = invite(&product, &campaign, 1).await.remove(0);
        let request = receiver.wait(1).await.remove(0);
        assert_eq!(request.headers["webhook-id"], event);
        let milliseconds: i64 = request.headers["x-interviewrelay-timestamp"].parse().expect("a number");
        assert_eq!(milliseconds, product.engine.clock.now().timestamp_millis());
        assert_eq!(check(&first, &request, &request.body).await, json!({"standard": true, "vendor": [true, false]}));
        let forged = request.body.replace("invite.created", "invite.creates");
        assert_eq!(check(&first, &request, &forged).await, json!({"standard": false, "vendor": [false, false]}));

        // For a day after a rotation, both secrets are good.
        let rotated = product.post(&format!("{path}/rotate-secret"), json!({})).await.expect(200);
        let second = rotated["secret"].as_str().expect("a secret").to_owned();
        assert_ne!(first, second);
        assert_ne!(rotated["previousSecretValidUntil"], json!(null));
        node.settled(&product).await;
        product.engine.hands.advance(TimeDelta::hours(23));
        invite(&product, &campaign, 1).await;
        let request = receiver.wait(2).await.remove(1);
        assert_eq!(check(&second, &request, &request.body).await, json!({"standard": true, "vendor": [true, false]}));
        assert_eq!(check(&first, &request, &request.body).await, json!({"standard": true, "vendor": [false, true]}));
        product.engine.hands.advance(TimeDelta::hours(1));
        invite(&product, &campaign, 1).await;
        let request = receiver.wait(3).await.remove(2);
        assert_eq!(check(&second, &request, &request.body).await, json!({"standard": true, "vendor": [true, false]}));
        assert_eq!(check(&first, &request, &request.body).await, json!({"standard": false, "vendor": [false, false]}));

        // A test is signed alike.
        let tested = product.post(&format!("{path}/test"), json!({})).await.expect(200);
        assert_eq!(tested["status"], "delivered");
        let request = receiver.wait(4).await.remove(3);
        assert_eq!(check(&second, &request, &request.body).await, json!({"standard": true, "vendor": [true, false]}));
        node.stop().await;
        product.stop().await;
    }
}

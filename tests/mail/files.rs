//! The embedded default: mails become files, and `--dev` shows them.

use std::{os::unix::fs::PermissionsExt, path::Path, time::Duration};

use interview_relay::mail::MailSettings;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    process::{Home, Server},
    product::{Product, id},
    python,
};

/// The names of the mails in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect();
    names.sort();
    names
}

/// What Python's parser finds in a file.
fn parsed(file: &Path) -> Value {
    let script = "import sys, json, email, email.policy\n\
                  m = email.message_from_bytes(open(sys.argv[1], 'rb').read(), policy=email.policy.default)\n\
                  print(json.dumps({'subject': str(m['Subject']), 'to': str(m['To']), 'defects': len(m.defects),\n\
                  'text': m.get_body(('plain',)).get_content(), 'html': m.get_body(('html',)).get_content()}))";
    let output = std::process::Command::new(python()).args(["-c", script]).arg(file).output().expect("run Python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

on_both_engines! {
    async fn without_a_mail_server_mails_become_private_files(engine: Engine) {
        let home = tempfile::tempdir().expect("make a folder");
        let folder = home.path().join("mail");
        let settings = MailSettings::to_folder(folder.clone());
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({"language": "zh"})).await;
        let invite = id(&product.invite(&campaign, "ada@example.com").await);
        let mut mailer = product.mailer(&settings, "a");
        mailer.pass().await.expect("a pass");
        let names = names(&folder);
        assert_eq!(names.len(), 1, "{names:?}");
        let time = product.engine.clock.now().format("%Y%m%dT%H%M%S").to_string();
        assert!(names[0].starts_with(&time) && names[0].contains(&invite) && names[0].ends_with(".eml"), "{names:?}");
        let file = folder.join(&names[0]);
        assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
        let message = parsed(&file);
        assert_eq!((&message["subject"], &message["defects"]), (&json!("Acme 邀请您参加访谈"), &json!(0)));
        assert_eq!(message["to"], "ada@example.com");
        let shown = product.get(&format!("/v1/invites/{invite}")).await.expect(200);
        assert_eq!(shown["emailStatus"], "sent");
        assert!(message["text"].as_str().expect("text").contains(shown["inviteUrl"].as_str().expect("a link")));
        assert!(message["html"].as_str().expect("text").contains("/mail/open/"));
        // Without the picture, if the operator wants it so.
        product.invite(&campaign, "bob@example.com").await;
        let mut mailer = product.mailer(&MailSettings { open_pixel: false, ..settings }, "a");
        mailer.pass().await.expect("a pass");
        let second = self::names(&folder).into_iter().find(|name| *name != names[0]).expect("another");
        assert!(!parsed(&folder.join(second))["html"].as_str().expect("text").contains("<img"));
    }
}

async fn json(server: &Server, path: &str, key: &str, body: Value) -> Value {
    let request = reqwest::Client::new().post(format!("{}{path}", server.url)).bearer_auth(key).json(&body);
    let answer = request.send().await.expect("send");
    let status = answer.status();
    let text = answer.text().await.expect("text");
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn the_program_writes_mails_and_shows_them_to_developers_only() {
    let home = Home::new(None);
    let key = home.organization();
    let server = home.serve_with(&["--dev"]).await;
    let question = json!({"id": "q1", "text": "How was it?", "type": "open"});
    let script =
        json(&server, "/v1/scripts", &key, json!({"name": "S", "systemPrompt": "P", "questions": [question]})).await;
    let script = script["id"].as_str().expect("an id");
    json(&server, &format!("/v1/scripts/{script}/publish"), &key, json!({})).await;
    let name = "<script>alert(1)</script>";
    let campaign = json(&server, "/v1/campaigns", &key, json!({"name": name, "scriptId": script})).await;
    let invites = format!("/v1/campaigns/{}/invites", campaign["id"].as_str().expect("an id"));
    json(&server, &invites, &key, json!({"email": "ada@example.com", "name": name})).await;
    let folder = home.path().join("data/mail");
    let written = async {
        while !names(&folder).iter().any(|name| name.ends_with(".eml")) {
            // Files tell nobody when they come.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), written).await.expect("written within seconds");
    let file = names(&folder).pop().expect("a file");

    let get = async |server: &Server, path: &str| {
        let answer = reqwest::get(format!("{}{path}", server.url)).await.expect("send");
        let policy =
            answer.headers().get("content-security-policy").map(|value| value.to_str().expect("text").to_owned());
        (answer.status().as_u16(), policy.unwrap_or_default(), answer.text().await.expect("text"))
    };
    let (status, policy, list) = get(&server, "/dev/mail").await;
    assert_eq!(status, 200);
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"), "{policy}");
    assert!(list.contains("ada@example.com") && list.contains(&format!("/dev/mail/{file}")), "{list}");
    let (status, _, shown) = get(&server, &format!("/dev/mail/{file}")).await;
    assert_eq!(status, 200);
    assert!(shown.contains("<iframe sandbox ") && !shown.contains("<script"), "{shown}");
    for path in ["/dev/mail/..%2Fmaster.key", "/dev/mail/nothing.eml", "/dev/mail/.eml"] {
        assert_eq!(get(&server, path).await.0, 404, "{path}");
    }
    drop(server);
    let server = home.serve().await;
    assert_eq!(get(&server, "/dev/mail").await.0, 404, "not without --dev");
}

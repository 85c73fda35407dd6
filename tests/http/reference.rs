//! The curl examples of the API reference, run as they are written there: only the key, the base URL and the ids are
//! replaced. `reference_examples.txt` holds them word for word.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
};

const EXAMPLES: &str = include_str!("reference_examples.txt");
const BULK: &str = r#"{
"invites": [
{ "email": "alice@example.com", "name": "Alice", "metadata": { "segment": "trial" } },
{ "email": "bob@example.com", "name": "Bob", "metadata": { "segment": "enterprise" } }
],
"sendEmail": true,
"expiresIn": "7d"
}"#;

/// The example that contains all of the given texts.
fn example(parts: &[&str]) -> &'static str {
    let found: Vec<_> =
        EXAMPLES.split("\n\ncurl ").filter(|text| parts.iter().all(|part| text.contains(part))).collect();
    assert_eq!(found.len(), 1, "{parts:?}");
    found[0].trim_start_matches("curl ")
}

/// Runs an example in a shell, with a real curl, and answers its body.
async fn run(product: &Product, example: &str, ids: &[(&str, &str)]) -> Value {
    let mut line = example.replace("https://api.interviewrelay.com/v1", &format!("{}/v1", product.url));
    line = line.replace("YOUR_API_KEY", &product.key);
    for (theirs, ours) in ids {
        assert!(line.contains(theirs), "{theirs} is not in the example");
        line = line.replace(theirs, ours);
    }
    let output = Command::new("sh").args(["-c", &format!("curl -sS {line}")]).output().await.expect("a shell");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let body = String::from_utf8(output.stdout).expect("text");
    let body: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{line}: {error}: {body}"));
    assert!(body.get("error").is_none(), "{line}: {body}");
    body
}

/// Names of an object's members.
fn members(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

on_both_engines! {
    async fn the_examples_run_as_they_are_written(engine: Engine) {
        let product = Product::start(engine).await;
        let script = run(&product, example(&["-X POST", "/v1/scripts "]), &[]).await;
        assert_eq!(script["questions"][1]["scale"], json!({"min": 1, "max": 10}));
        let script = id(&script);
        product.post(&format!("/v1/scripts/{script}/publish"), json!({})).await.expect(200);
        let project = id(&product.post("/v1/projects", json!({"name": "P"})).await.expect(201));

        let ids = [("scr_abc123", script.as_str()), ("prj_xyz789", project.as_str())];
        let campaign = run(&product, example(&["-X POST", "/v1/campaigns "]), &ids).await;
        let documented = [
            "id", "name", "description", "scriptId", "projectId", "status", "settings", "inviteDefaults", "stats",
            "createdAt", "updatedAt",
        ];
        assert!(documented.iter().all(|name| members(&campaign).contains(name)), "{campaign}");
        assert_eq!(campaign["status"], "active");
        let settings = json!({"voice": "alloy", "language": "en", "maxDuration": 1800, "requireConsent": true});
        for (name, value) in settings.as_object().expect("an object") {
            assert_eq!(&campaign["settings"][name], value, "{name}");
        }
        assert_eq!(campaign["inviteDefaults"], json!({"expiresIn": "7d", "emailTemplate": "default"}));
        assert_eq!(campaign["stats"], json!({"totalInvites": 0, "completedSessions": 0, "averageDuration": 0}));
        let campaign = id(&campaign);

        let page = run(&product, example(&["-G", "status=active"]), &[]).await;
        assert_eq!(page["data"][0]["id"], json!(campaign));
        assert_eq!(page["pagination"], json!({"total": 1, "limit": 10, "offset": 0, "hasMore": false}));
        let ours = [("cam_a1b2c3d4", campaign.as_str())];
        let got = run(&product, example(&["/v1/campaigns/cam_a1b2c3d4 \\\n-H \"Authorization: Bearer YOUR_API_KEY\""]), &ours);
        assert_eq!(got.await["id"], json!(campaign));

        let invite = run(&product, example(&["cam_a1b2c3d4/invites"]), &ours).await;
        let documented = [
            "id", "campaignId", "token", "email", "name", "status", "inviteUrl", "emailStatus", "expiresAt", "metadata",
            "createdAt",
        ];
        assert!(documented.iter().all(|name| members(&invite).contains(name)), "{invite}");
        assert_eq!(invite["status"], "pending");
        assert_eq!(invite["emailStatus"], "queued");
        let token = invite["token"].as_str().expect("a token");
        assert!(token.starts_with("inv_"));
        assert_eq!(invite["inviteUrl"], json!(format!("{}/interview/{token}", product.url)));

        let once = [("cam_abc", campaign.as_str())];
        let first = run(&product, example(&["Idempotency-Key"]), &once).await;
        assert_eq!(run(&product, example(&["Idempotency-Key"]), &once).await, first);

        let bulk = format!(
            "-X POST https://api.interviewrelay.com/v1/campaigns/{campaign}/invites/bulk \
             -H \"Authorization: Bearer YOUR_API_KEY\" -H \"Content-Type: application/json\" -d '{BULK}'"
        );
        let bulk = run(&product, &bulk, &[]).await;
        assert_eq!(bulk["summary"], json!({"requested": 2, "created": 2, "failed": 0}));
        assert_eq!(bulk["data"][1]["email"], "bob@example.com");
    }
}

//! The organization: its document, its settings as the lowest layer, its domain, and its logo and colour where they show.

use std::sync::Arc;

use futures_util::future::join_all;
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    participant::Participant,
    product::{Answered, Product, id},
};

const PATH: &str = "/v1/organization";
const LOGO: &[u8] = include_bytes!("../data/logo.png");

async fn upload(product: &Product, bytes: impl Into<Vec<u8>>, idempotency_key: &str) -> Answered {
    let form = Form::new().part("file", Part::bytes(bytes.into()).file_name("logo.png"));
    let request = product.request(Method::POST, "/v1/organization/logo", &product.key);
    product.send(request.header("Idempotency-Key", idempotency_key).multipart(form)).await
}

/// What a page gets from the address of a logo, without a key.
async fn fetched(address: &str) -> (u16, String, Vec<u8>) {
    let answer = reqwest::get(address).await.expect("an answer");
    let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
    (answer.status().as_u16(), kind, answer.bytes().await.expect("bytes").to_vec())
}

fn logo(document: &Value) -> String {
    document["logo"].as_str().expect("a logo").to_owned()
}

async fn stored_files(product: &Product) -> i64 {
    product.engine.number("SELECT COUNT(*) FROM files").await
}

async fn pdf(product: &Product, session: &str, branding: &str) -> (String, Vec<u8>) {
    let path = format!("/v1/sessions/{session}/pdf?branding={branding}");
    let answer = product.request(Method::GET, &path, &product.key).send().await.expect("send");
    assert_eq!(answer.status(), 200);
    let tag = answer.headers()["etag"].to_str().expect("a tag").to_owned();
    (tag, answer.bytes().await.expect("bytes").to_vec())
}

/// Whether a document holds a picture.
fn has_picture(pdf: &[u8]) -> bool {
    pdf.windows(15).any(|window| window == b"/Subtype /Image" || window.starts_with(b"/Subtype/Image"))
}

on_both_engines! {
    async fn it_is_shown_and_changed(engine: Engine) {
        let product = Product::start(engine).await;
        let shown = product.get(PATH).await;
        let document = shown.expect(200);
        assert_eq!(
            document,
            json!({
                "id": product.organization, "name": "Acme", "logo": null, "domain": null, "brandColor": null,
                "plan": "enterprise", "settings": {}, "createdAt": document["createdAt"],
                "updatedAt": document["createdAt"],
            })
        );
        let tag = shown.header("etag").expect("a tag").to_owned();
        let known = product.request(Method::GET, PATH, &product.key).header("If-None-Match", &tag);
        assert_eq!(product.send(known).await.status, 304);

        product.engine.hands.advance(chrono::TimeDelta::seconds(5));
        let body = json!({"name": " Acme Ltd ", "logo": "https://cdn.example.com/a.png", "domain": "Talk.ACME.example",
            "brandColor": "#E4572E", "settings": {"language": "de", "mood": [1]}, "plan": "free", "id": "x"});
        let changed = product.patch(PATH, body).await;
        let now = changed.expect(200);
        assert_eq!(
            now,
            json!({
                "id": product.organization, "name": "Acme Ltd", "logo": "https://cdn.example.com/a.png",
                "domain": "talk.acme.example", "brandColor": "#E4572E", "plan": "enterprise",
                "settings": {"language": "de", "mood": [1]}, "createdAt": document["createdAt"],
                "updatedAt": now["updatedAt"],
            })
        );
        assert_ne!(now["updatedAt"], document["updatedAt"]);
        let newer = changed.header("etag").expect("a tag").to_owned();
        assert_ne!(newer, tag);
        assert_eq!(product.get(PATH).await.expect(200), now);

        // Who has not seen that may not overwrite it; what was read can be sent back.
        let stale = product.request(Method::PATCH, PATH, &product.key).header("If-Match", &tag);
        assert_eq!(product.send(stale.json(&json!({"name": ""}))).await.refused(412), "PRECONDITION_FAILED");
        let before = product.engine.number("SELECT position FROM log_head").await;
        let same = product.request(Method::PUT, PATH, &product.key).header("If-Match", &newer).json(&now);
        assert_eq!(product.send(same).await.expect(200), now);
        assert_eq!(product.engine.number("SELECT position FROM log_head").await, before, "nothing changed");

        let cleared = json!({"logo": null, "domain": null, "brandColor": null, "settings": {"mood": null}});
        let cleared = product.patch(PATH, cleared).await.expect(200);
        assert_eq!((&cleared["logo"], &cleared["domain"], &cleared["brandColor"]), (&Value::Null, &Value::Null, &Value::Null));
        assert_eq!(cleared["settings"], json!({"language": "de"}));

        let bad = product.patch(PATH, json!({"name": " ", "brandColor": "red", "settings": {"maxDuration": 1}})).await;
        assert_eq!(bad.refused(422), "VALIDATION_ERROR");
        let fields: Vec<_> = bad.fields().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["brandColor", "name", "settings.maxDuration"]);
        let bad = product.patch(PATH, json!({"name": 7, "settings": 1})).await;
        assert_eq!(bad.refused(400), "INVALID_REQUEST");
        assert_eq!(bad.fields().len(), 2);
        assert!(product.engine.store.verify_projections().await.expect("verify").differences.is_empty());
        product.stop().await;
    }

    async fn its_settings_are_the_lowest_layer(engine: Engine) {
        let product = Product::start(engine).await;
        let settings = json!({"language": "fr", "voice": "nova", "maxDuration": 600, "x": 1});
        product.patch(PATH, json!({"settings": settings})).await.expect(200);
        let body = json!({"name": "S", "systemPrompt": "P", "settings": {"voice": "echo", "maxDuration": 700},
            "questions": [{"id": "q1", "text": "How was it?", "type": "open"}]});
        let script = id(&product.post("/v1/scripts", body).await.expect(201));
        product.post(&format!("/v1/scripts/{script}/publish"), json!({})).await.expect(200);
        let body = json!({"name": "C", "scriptId": script, "settings": {"maxDuration": 800}});
        let campaign = product.post("/v1/campaigns", body).await.expect(201);
        let expected = json!({"language": "fr", "voice": "echo", "maxDuration": 800, "requireConsent": true, "x": 1});
        assert_eq!(campaign["settings"], expected);
        // A campaign has taken them over: later changes reach later campaigns.
        product.patch(PATH, json!({"settings": {"language": "es", "x": null}})).await.expect(200);
        let path = format!("/v1/campaigns/{}", id(&campaign));
        assert_eq!(product.get(&path).await.expect(200)["settings"], expected);
        let later = product.post("/v1/campaigns", json!({"name": "D", "scriptId": script})).await.expect(201);
        assert_eq!(later["settings"], json!({"language": "es", "voice": "echo", "maxDuration": 700, "requireConsent": true}));
        product.stop().await;
    }

    async fn links_lead_to_its_own_domain(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let invite = product.invite(&campaign, "ada@example.com").await;
        let (path, token) = (format!("/v1/invites/{}", id(&invite)), invite["token"].as_str().expect("a token"));
        assert_eq!(invite["inviteUrl"], json!(format!("{}/interview/{token}", product.url)));
        product.patch(PATH, json!({"domain": "talk.acme.example"})).await.expect(200);
        let moved = json!(format!("https://talk.acme.example/interview/{token}"));
        assert_eq!(product.get(&path).await.expect(200)["inviteUrl"], moved);
        let page = product.get(&format!("/v1/campaigns/{campaign}/invites")).await.expect(200);
        assert_eq!(page["data"][0]["inviteUrl"], moved);
        assert_eq!(product.post(&format!("{path}/resend"), json!({})).await.expect(200)["inviteUrl"], moved);
        assert_eq!(product.post(&format!("{path}/cancel"), json!({})).await.expect(200)["inviteUrl"], moved);
        let bulk = json!({"invites": [{"email": "bob@example.com"}]});
        let bulk = product.post(&format!("/v1/campaigns/{campaign}/invites/bulk"), bulk).await.expect(201);
        for invite in [&product.invite(&campaign, "cy@example.com").await, &bulk["data"][0]] {
            let url = invite["inviteUrl"].as_str().expect("a link");
            assert!(url.starts_with("https://talk.acme.example/interview/inv_"), "{url}");
        }
        product.stop().await;
    }

    async fn a_logo_is_uploaded_shown_and_replaced(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let link = Participant::invited(&product, &product.invite(&campaign, "ada@example.com").await);
        let seen = async || link.look().await.expect(200)["organization"].clone();
        assert_eq!(seen().await, json!({"name": "Acme", "logo": null}));

        let uploaded = upload(&product, LOGO, "first").await;
        let document = uploaded.expect(201);
        let first = logo(&document);
        assert!(first.starts_with(&format!("{}/logos/fil_", product.url)), "{first}");
        assert_eq!(uploaded.header("location"), Some(first.as_str()));
        assert_eq!(product.get(PATH).await.expect(200), document);
        assert_eq!(fetched(&first).await, (200, "image/png".to_owned(), LOGO.to_vec()));
        assert_eq!(seen().await, json!({"name": "Acme", "logo": first}));
        // The same request again changes nothing; sent back with the document, the logo stays.
        let again = upload(&product, LOGO, "first").await;
        assert_eq!((again.header("idempotent-replayed"), logo(&again.expect(201))), (Some("true"), first.clone()));
        assert_eq!(logo(&product.patch(PATH, document).await.expect(200)), first);
        assert_eq!(stored_files(&product).await, 1);

        // Another picture has another address, and the one before is gone.
        let second = logo(&upload(&product, LOGO, "second").await.expect(201));
        assert_ne!(second, first);
        assert_eq!((fetched(&first).await.0, fetched(&second).await.0, stored_files(&product).await), (404, 200, 1));
        product.patch(PATH, json!({"logo": "https://cdn.example.com/a.png"})).await.expect(200);
        assert_eq!((fetched(&second).await.0, stored_files(&product).await), (404, 0));
        assert_eq!(seen().await["logo"], "https://cdn.example.com/a.png");
        let third = logo(&upload(&product, LOGO, "third").await.expect(201));
        product.patch(PATH, json!({"domain": "talk.acme.example"})).await.expect(200);
        let path = third.strip_prefix(&product.url).expect("ours");
        assert_eq!(seen().await["logo"], json!(format!("https://talk.acme.example{path}")), "of the link's own origin");
        product.patch(PATH, json!({"logo": null})).await.expect(200);
        assert_eq!((fetched(&third).await.0, stored_files(&product).await), (404, 0));
        let mut removal = product.removal("test");
        while removal.pass().await.expect("a pass") == interview_relay::reactors::Pass::More {}
        assert_eq!(crate::support::s3::files_below(product.folder.path()), Vec::<String>::new(), "no bytes are left");
        assert!(product.engine.store.verify_projections().await.expect("verify").differences.is_empty());
        product.stop().await;
    }

    async fn what_cannot_be_drawn_is_no_logo(engine: Engine) {
        let product = Product::start(engine).await;
        let mut huge = LOGO.to_vec();
        huge[16..20].copy_from_slice(&30_000_u32.to_be_bytes());
        for (bytes, wrong) in [(&LOGO[..LOGO.len() / 2], "half"), (huge.as_slice(), "huge")] {
            let answer = upload(&product, bytes, wrong).await;
            assert_eq!(answer.refused(422), "VALIDATION_ERROR", "{wrong}");
            assert_eq!(answer.fields(), [("file".to_owned(), "invalid_picture".to_owned())], "{wrong}");
        }
        for (bytes, wrong) in [(&b"GIF89a\x01\0\x01\0"[..], "gif"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg")] {
            assert_eq!(upload(&product, bytes, wrong).await.refused(415), "UNSUPPORTED_MEDIA_TYPE", "{wrong}");
        }
        let mut large = LOGO.to_vec();
        // Too large by one byte, which shows only when it comes: what announces itself as too large is not even read.
        large.resize((1 << 20) + 1, 0);
        // The connection ends with such a request, so it gets one of its own.
        let form = Form::new().part("file", Part::bytes(large).file_name("logo.png"));
        let request = reqwest::Client::new().post(format!("{}/v1/organization/logo", product.url));
        let answer = product.send(request.bearer_auth(&product.key).multipart(form)).await;
        assert_eq!(answer.refused(413), "PAYLOAD_TOO_LARGE");
        assert_eq!(product.get(PATH).await.expect(200)["logo"], Value::Null);
        assert_eq!((stored_files(&product).await, product.engine.number("SELECT COUNT(*) FROM uploads").await), (0, 0));
        assert_eq!(crate::support::s3::files_below(product.folder.path()), Vec::<String>::new());

        // No other file is served where logos are.
        let script = id(&product.post("/v1/scripts", json!({"name": "S", "systemPrompt": "P",
            "questions": [{"id": "q1", "text": "How was it?", "type": "open"}]})).await.expect(201));
        let form = Form::new().part("file", Part::bytes(LOGO.to_vec()).file_name("a.png"));
        let media = product.request(Method::POST, &format!("/v1/scripts/{script}/media"), &product.key).multipart(form);
        let media = id(&product.send(media).await.expect(201));
        assert_eq!(product.get(&format!("/logos/{media}")).await.refused(404), "RESOURCE_NOT_FOUND");
        assert_eq!(product.get("/logos/nonsense").await.refused(404), "RESOURCE_NOT_FOUND");
        product.stop().await;
    }

    async fn of_logos_that_come_at_once_one_stays(engine: Engine) {
        let product = Arc::new(Product::start(engine).await);
        let uploads = (0..6).map(|n| {
            let product = product.clone();
            tokio::spawn(async move { upload(&product, LOGO, &format!("u{n}")).await.status })
        });
        let statuses: Vec<u16> = join_all(uploads).await.into_iter().map(|status| status.expect("an answer")).collect();
        assert_eq!(statuses, [201; 6]);
        let shown = logo(&product.get(PATH).await.expect(200));
        assert_eq!((fetched(&shown).await.0, stored_files(&product).await), (200, 1));
    }

    async fn custom_documents_show_logo_and_colour(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let (mut ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        ada.answer(&turn["prompt"], json!({"text": "It was fine, thank you for asking me about it."})).await.expect(201);
        ada.post("leave", json!({})).await.expect(200);
        let session = ada.session.clone();
        let (plain_tag, plain) = pdf(&product, &session, "custom").await;
        let (default_tag, _) = pdf(&product, &session, "default").await;
        assert!(!has_picture(&plain));
        product.patch(PATH, json!({"brandColor": "#e4572e"})).await.expect(200);
        let (coloured_tag, _) = pdf(&product, &session, "custom").await;
        assert_ne!(coloured_tag, plain_tag);
        upload(&product, LOGO, "logo").await.expect(201);
        let (tag, branded) = pdf(&product, &session, "custom").await;
        assert!(tag != coloured_tag && has_picture(&branded));
        assert_eq!(pdf(&product, &session, "custom").await, (tag, branded), "the same bytes");
        let (again, other) = pdf(&product, &session, "default").await;
        assert_eq!(again, default_tag, "only `custom` is touched");
        assert!(!has_picture(&other) && !has_picture(&pdf(&product, &session, "minimal").await.1));
        product.stop().await;
    }
}

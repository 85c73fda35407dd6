//! The media of scripts: who may add them, how questions refer to them, how they travel, and how they go.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Shelf, form, heard, mp3, png, with_every_store};
use crate::support::product::id;

async fn media(shelf: &Shelf, script: &str, size: usize) -> Value {
    shelf.send(&format!("/v1/scripts/{script}/media"), form("picture.png", png(size))).await.expect(201)
}

fn with_media(ids: &[&str]) -> Value {
    json!({"questions": [{"id": "q1", "text": "What do you see?", "type": "open", "media": ids}]})
}

with_every_store! {
    async fn only_a_draft_takes_media(shelf: Shelf) {
        let product = &shelf.product;
        let script = shelf.draft().await;
        let path = format!("/v1/scripts/{script}/media");
        product.post(&format!("/v1/scripts/{script}/publish"), json!({})).await.expect(200);
        assert_eq!(shelf.send(&path, form("a.png", png(60))).await.refused(409), "CONFLICT");
        // What is wrong with the file goes before that.
        assert_eq!(shelf.send(&path, form("a.png", b"text".to_vec())).await.refused(415), "UNSUPPORTED_MEDIA_TYPE");
        shelf.nothing().await;
        product.post(&format!("/v1/scripts/{script}/versions"), json!({})).await.expect(201);
        shelf.send(&path, form("a.png", png(60))).await.expect(201);
        product.patch(&format!("/v1/scripts/{script}"), json!({"status": "archived"})).await.expect(200);
        assert_eq!(shelf.send(&path, form("a.png", png(60))).await.refused(409), "CONFLICT");
        assert_eq!((shelf.events().await, shelf.uploads().await, shelf.left().len()), (1, 0, 1));

        // Who has no such script hears so before a single byte of the file.
        let stranger = product.other_organization().await;
        for (key, path) in [
            (&stranger, path.clone()),
            (&product.key, "/v1/scripts/scr_01hm6gb9v4e9ttpzg6q1x1e0c5/media".to_owned()),
            (&product.key, "/v1/scripts/nonsense/media".to_owned()),
        ] {
            let head = shelf.head(&path, "Content-Length: 9000000\r\n").replace(&product.key, key);
            let (status, body) = heard(&mut shelf.raw(&head).await).await;
            assert_eq!((status, body["error"]["code"].as_str()), (404, Some("RESOURCE_NOT_FOUND")), "{path}");
        }
        shelf.product.stop().await;
    }

    async fn questions_refer_to_media_of_their_own_script(shelf: Shelf) {
        let product = &shelf.product;
        let (script, other) = (shelf.draft().await, shelf.draft().await);
        let (mine, foreign) = (id(&media(&shelf, &script, 60).await), id(&media(&shelf, &other, 70).await));
        let path = format!("/v1/scripts/{script}");
        let changed = product.patch(&path, with_media(&[&mine])).await.expect(200);
        assert_eq!(changed["questions"][0]["media"], json!([mine]));
        let back = product.patch(&path, changed.clone()).await.expect(200);
        assert_eq!(back, changed, "a fetched document can be sent back");
        for (ids, wrong) in [
            (vec![mine.as_str(), foreign.as_str()], vec![("questions[0].media[1]", "not_found")]),
            (vec!["fil_01hm6gb9v4e9ttpzg6q1x1e0c5"], vec![("questions[0].media[0]", "not_found")]),
            (vec!["nonsense"], vec![("questions[0].media[0]", "not_found")]),
            (vec![mine.as_str(), mine.as_str()], vec![("questions[0].media[1]", "duplicate")]),
        ] {
            let refused = product.patch(&path, with_media(&ids)).await;
            assert_eq!(refused.refused(422), "VALIDATION_ERROR", "{ids:?}");
            let wrong: Vec<_> = wrong.into_iter().map(|(name, code)| (name.to_owned(), code.to_owned())).collect();
            assert_eq!(refused.fields(), wrong);
        }
        let many: Vec<&str> = std::iter::repeat_n(mine.as_str(), 11).collect();
        assert_eq!(product.patch(&path, with_media(&many)).await.fields(), [("questions[0].media".into(), "too_many".into())]);
        let mut new = with_media(&[&mine]);
        (new["name"], new["systemPrompt"]) = (json!("New"), json!("Be kind."));
        let refused = product.post("/v1/scripts", new).await;
        assert_eq!(refused.fields(), [("questions[0].media[0]".into(), "not_found".into())]);

        // A published version keeps its media, and so does the next draft.
        product.post(&format!("{path}/publish"), json!({})).await.expect(200);
        let next = product.post(&format!("{path}/versions"), with_media(&[&mine])).await.expect(201);
        assert_eq!(next["questions"][0]["media"], json!([mine]));
        product.patch(&path, with_media(&[])).await.expect(200);
        let frozen = product.get(&format!("{path}?version=1")).await.expect(200);
        assert_eq!(frozen["questions"][0]["media"], json!([mine]));
        shelf.product.stop().await;
    }

    async fn an_import_finds_media_by_their_hashes(shelf: Shelf) {
        let product = &shelf.product;
        let script = shelf.draft().await;
        let (used, unused) = (media(&shelf, &script, 60).await, media(&shelf, &script, 70).await);
        let used_id = id(&used);
        product.patch(&format!("/v1/scripts/{script}"), with_media(&[&used_id])).await.expect(200);
        let exported = product.get(&format!("/v1/scripts/{script}/export")).await;
        let file = exported.expect(200);
        let expected: Vec<Value> = [&used, &unused].into_iter().map(|media| {
            json!({"id": media["id"], "name": "picture.png", "contentType": "image/png", "size": media["size"],
                "sha256": media["sha256"]})
        }).collect();
        assert_eq!(file["media"], json!(expected));
        assert_eq!(product.get(&format!("/v1/scripts/{script}/export")).await.text, exported.text, "the same file again");

        let imported = product.post("/v1/scripts/import", file.clone()).await.expect(201);
        let copy = id(&imported);
        let new = imported["questions"][0]["media"][0].as_str().expect("an id").to_owned();
        assert_ne!(new, used_id, "a file belongs to one script");
        let again = product.get(&format!("/v1/scripts/{copy}/export")).await.expect(200);
        let hashes = |file: &Value| -> Vec<Value> {
            let mut hashes: Vec<_> = file["media"].as_array().expect("a list").iter().map(|m| m["sha256"].clone()).collect();
            hashes.sort_by_key(Value::to_string);
            hashes
        };
        assert_eq!(hashes(&again), hashes(&file));
        assert_eq!(shelf.left().len(), 2, "the bytes are shared");

        // Another organization must have the bytes before it can take the script over.
        let stranger = product.other_organization().await;
        let import = async || product.send(product.request(Method::POST, "/v1/scripts/import", &stranger).json(&file)).await;
        let refused = import().await;
        assert_eq!(refused.refused(422), "VALIDATION_ERROR");
        assert_eq!(refused.fields(), [("media[0]".into(), "not_found".into()), ("media[1]".into(), "not_found".into())]);
        let body = json!({"name": "S", "systemPrompt": "P", "questions": [{"id": "q", "text": "T", "type": "open"}]});
        let scratch = product.send(product.request(Method::POST, "/v1/scripts", &stranger).json(&body)).await.expect(201);
        for size in [60, 70] {
            let path = format!("/v1/scripts/{}/media", id(&scratch));
            let request = product.request(Method::POST, &path, &stranger).multipart(form("mine.png", png(size)));
            product.send(request).await.expect(201);
        }
        assert_eq!(import().await.expect(201)["questions"][0]["media"].as_array().map(Vec::len), Some(1));

        // The bytes go with the last file that has them.
        let bytes = shelf.left().len();
        let link = used.clone();
        product.delete(&format!("/v1/scripts/{script}")).await.expect(204);
        let mut removal = product.removal("node");
        removal.pass().await.expect("pass");
        assert_eq!(shelf.left().len(), bytes, "the copy still has them");
        assert_eq!(shelf.fetch(&link).await.0.refused(404), "RESOURCE_NOT_FOUND");
        product.delete(&format!("/v1/scripts/{copy}")).await.expect(204);
        removal.pass().await.expect("pass");
        assert_eq!(shelf.left().len(), bytes - 2);
        assert_eq!(product.post("/v1/scripts/import", file).await.fields().len(), 2, "they are gone for imports too");
        assert_eq!(product.engine.store.verify_projections().await.expect("verify").differences, []);
        shelf.product.stop().await;
    }

    async fn media_that_race_a_deletion_are_not_left_behind(shelf: Shelf) {
        let script = shelf.draft().await;
        let path = format!("/v1/scripts/{script}/media");
        let uploads = futures_util::future::join_all((0..6).map(|n| shelf.send(&path, form("a.mp3", mp3(50 + n)))));
        let doomed = format!("/v1/scripts/{script}");
        let deletion = shelf.product.delete(&doomed);
        let (uploads, deleted) = futures_util::future::join(uploads, deletion).await;
        deleted.expect(204);
        for upload in uploads {
            assert!([201, 404].contains(&upload.status), "{}", upload.text);
        }
        let mut removal = shelf.product.removal("node");
        while removal.pass().await.expect("pass") == interview_relay::reactors::Pass::More {}
        assert_eq!(shelf.product.engine.number("SELECT COUNT(*) FROM files").await, 0);
        assert_eq!((shelf.uploads().await, shelf.left()), (0, Vec::new()));
        shelf.product.stop().await;
    }
}

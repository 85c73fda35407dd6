//! Links: what they open, for how long, and how much of it at a time.

use chrono::{DateTime, TimeDelta};
use interview_relay::files::link;
use serde_json::json;

use super::{form, mp3, png, with_every_store};

with_every_store! {
    async fn a_link_works_for_a_while_and_for_its_file_only(shelf: Shelf) {
        let script = shelf.draft().await;
        let path = format!("/v1/scripts/{script}/media");
        let one = shelf.send(&path, form("one.png", png(100))).await.expect(201);
        let two = shelf.send(&path, form("two.png", png(200))).await.expect(201);
        let end: DateTime<chrono::Utc> = one["urlExpiresAt"].as_str().and_then(|text| text.parse().ok()).expect("a time");
        assert_eq!(end - shelf.product.commands.now(), TimeDelta::minutes(15));
        assert_eq!(shelf.fetch(&one).await.1, png(100));

        let url = one["url"].as_str().expect("a link");
        let (base, token) = url.rsplit_once('/').expect("a path");
        let other = two["url"].as_str().and_then(|url| url.rsplit_once('/')).expect("a path").1;
        let last = if token.ends_with('A') { "E" } else { "A" };
        for forged in [
            format!("{}{last}", &token[..token.len() - 1]),
            format!("B{}", &token[1..]),
            format!("{}{}", &token[..22], &other[22..]),
            format!("{}{}", &other[..32], &token[32..]),
            token[..token.len() - 4].to_owned(),
            "x".to_owned(),
            "x".repeat(5_000),
        ] {
            let (refused, _) = shelf.fetch(&json!({"url": format!("{base}/{forged}")})).await;
            assert_eq!(refused.refused(404), "RESOURCE_NOT_FOUND", "{forged}");
        }
        // The id of a file is no link, and a link of another installation none either.
        let strange = link::sign(
            &interview_relay::trust::keys::Keys::new(interview_relay::trust::keys::random_key()),
            one["id"].as_str().and_then(|id| id.parse().ok()).expect("an id"),
            shelf.product.commands.now(),
            link::LIFETIME,
        );
        for token in [one["id"].as_str().expect("an id"), strange.token.as_str()] {
            let (refused, _) = shelf.fetch(&json!({"url": format!("{base}/{token}")})).await;
            assert_eq!(refused.refused(404), "RESOURCE_NOT_FOUND");
        }

        shelf.product.engine.hands.set(end - TimeDelta::seconds(1));
        assert_eq!(shelf.fetch(&one).await.0.status, 200);
        shelf.product.engine.hands.set(end);
        assert_eq!(shelf.fetch(&one).await.0.refused(404), "RESOURCE_NOT_FOUND");
        shelf.product.stop().await;
    }

    async fn a_download_says_what_it_is_and_can_come_in_parts(shelf: Shelf) {
        let script = shelf.draft().await;
        let bytes = mp3(6_000_000);
        let sound = form("Grüße \"an\" 世界.mp3", bytes.clone());
        let document = shelf.send(&format!("/v1/scripts/{script}/media"), sound).await.expect(201);
        let (got, content) = shelf.fetch(&document).await;
        assert_eq!((got.status, content.len()), (200, bytes.len()));
        let tag = format!("\"{}\"", document["sha256"].as_str().expect("a hash"));
        for (name, value) in [
            ("content-type", "audio/mpeg"),
            ("accept-ranges", "bytes"),
            ("etag", &tag),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(got.header(name), Some(value), "{name}");
        }
        let disposition = got.header("content-disposition").expect("a name");
        assert!(disposition.starts_with("attachment; filename=\"Gr"), "{disposition}");
        assert!(disposition.contains("filename*=UTF-8''Gr%C3%BC%C3%9Fe%20"), "{disposition}");
        assert!(disposition.is_ascii());

        let part = async |range: &str| shelf.fetch_with(&document, &[("range", range)]).await;
        for (range, first, end) in [
            ("bytes=0-0", 0, 1),
            ("bytes=5242870-5242889", 5_242_870, 5_242_890),
            ("bytes=5999990-", 5_999_990, 6_000_000),
            ("bytes=-7", 5_999_993, 6_000_000),
            ("bytes=10-99999999", 10, 6_000_000),
        ] {
            let (got, content) = part(range).await;
            assert_eq!((got.status, content.len()), (206, end - first), "{range}");
            assert!(content == bytes[first..end], "{range}");
            assert_eq!(got.header("content-range"), Some(format!("bytes {first}-{}/6000000", end - 1).as_str()));
            assert_eq!(got.header("content-length"), Some((end - first).to_string().as_str()));
        }
        for range in ["bytes=6000000-", "bytes=-0"] {
            let (got, _) = part(range).await;
            assert_eq!(got.refused(416), "RANGE_NOT_SATISFIABLE");
            assert_eq!(got.header("content-range"), Some("bytes */6000000"));
        }
        for range in ["bytes=5-2", "bytes=0-1,3-4", "pages=1-2"] {
            assert_eq!(part(range).await.0.status, 200, "{range}");
        }
        let (same, _) = shelf.fetch_with(&document, &[("range", "bytes=0-1"), ("if-range", &tag)]).await;
        let (other, _) = shelf.fetch_with(&document, &[("range", "bytes=0-1"), ("if-range", "\"other\"")]).await;
        assert_eq!((same.status, other.status), (206, 200));

        let url = document["url"].as_str().expect("a link");
        let head = reqwest::Client::new().head(url).send().await.expect("send");
        assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str().ok()), (200, Some("6000000")));
        shelf.product.stop().await;
    }
}

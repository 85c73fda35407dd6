//! Large files through the real program, whose memory is looked at.

use reqwest::{
    Body,
    multipart::{Form, Part},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::interviews::Client;
use crate::support::{
    process::{Server, on_both_homes},
    s3::S3,
};

/// How large a file is here, in pieces: just below what the reference allows.
const PIECES: usize = 1_400;
const PIECE: usize = 64 << 10;
/// How many go in at once.
const AT_ONCE: usize = 4;

fn piece(n: usize) -> Vec<u8> {
    let mut piece = vec![n as u8; PIECE];
    if n == 0 {
        piece[..10].copy_from_slice(b"ID3\x04\0\0\0\0\0\0");
    }
    piece
}

fn form(pieces: usize) -> Form {
    let pieces = futures_util::stream::iter((0..pieces).map(|n| Ok::<_, std::io::Error>(piece(n))));
    Form::new().part("file", Part::stream(Body::wrap_stream(pieces)).file_name("long.mp3"))
}

async fn uploads_and_downloads_pass_through_little_memory(server: &Server, key: &str) {
    crate::support::ring();
    let client = Client { http: reqwest::Client::new(), url: server.url.clone() };
    let (link, token, session) = client.session(key).await;
    client.post(&format!("{link}/consent"), &token, json!({"granted": true, "type": "all"})).await;
    let upload = |pieces| {
        let request = client.http.post(format!("{}/v1/sessions/{session}/files", client.url)).bearer_auth(key);
        client.send(request.multipart(form(pieces)))
    };
    // What a first file needs stays, however small it is.
    upload(1).await;
    let before = server.peak_memory();
    let uploaded = futures_util::future::join_all((0..AT_ONCE).map(|_| upload(PIECES))).await;
    let mut hash = Sha256::new();
    (0..PIECES).for_each(|n| hash.update(piece(n)));
    let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    for file in &uploaded {
        assert_eq!((file["size"].as_u64(), file["sha256"].as_str()), (Some((PIECES * PIECE) as u64), Some(&*hash)));
    }
    let mut answer = client.http.get(uploaded[0]["url"].as_str().expect("a link")).send().await.expect("send");
    let mut fetched = Sha256::new();
    while let Some(bytes) = answer.chunk().await.expect("read") {
        fetched.update(bytes);
    }
    assert_eq!(fetched.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>(), hash);
    let grown = server.peak_memory() - before;
    let each = (PIECES * PIECE) as u64 >> 20;
    assert!(grown < each, "{grown} MiB more for {AT_ONCE} files of {each} MiB at once: a whole one was in memory");
}

on_both_homes! {
    async fn a_file_is_never_whole_in_memory(home: Home) {
        let server = home.serve().await;
        uploads_and_downloads_pass_through_little_memory(&server, &home.organization()).await;
    }

    async fn nor_is_it_on_its_way_to_s3(home: Home) {
        let s3 = S3::start().await;
        let mut home = home;
        home.environment = s3.variables();
        let files = format!("s3://{}/files", S3::BUCKET);
        let server = home.serve_with(&["--files-url", &files]).await;
        uploads_and_downloads_pass_through_little_memory(&server, &home.organization()).await;
        assert_eq!(s3.left().len(), AT_ONCE + 1, "they are there and nowhere else");
    }
}

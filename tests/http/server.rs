//! Connections: slow heads, too many, TLS, and stopping.

use std::{sync::Arc, time::Duration};

use interview_relay::http::{
    Limits,
    server::{self, Bounds, Front},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer},
};

use super::support::{ALL, TestServer, app};

async fn read_all(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_slow_head_is_cut_off() {
    let bounds = Bounds { head_timeout: Duration::from_millis(200), ..Bounds::default() };
    let server = TestServer::start_with(Limits::default(), bounds).await;
    let mut stream = TcpStream::connect(server.address).await.expect("connection");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow:").await.expect("sent");
    let answer = tokio::time::timeout(Duration::from_secs(5), read_all(stream)).await.expect("cut off");
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn silence_between_requests_is_not_a_slow_head() {
    let bounds = Bounds { head_timeout: Duration::from_millis(100), ..Bounds::default() };
    let server = TestServer::start_with(Limits::default(), bounds).await;
    let mut stream = TcpStream::connect(server.address).await.expect("connection");
    let mut answer = [0; 12];
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    stream.read_exact(&mut answer).await.expect("answer");
    // What is left of the first answer, then nothing for three times the patience.
    let mut rest = [0; 4_096];
    let silence = async { while stream.read(&mut rest).await.expect("open") > 0 {} };
    assert!(tokio::time::timeout(Duration::from_millis(300), silence).await.is_err(), "the server hung up");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    stream.read_exact(&mut answer).await.expect("answer");
    assert_eq!(&answer, b"HTTP/1.1 200");
    while tokio::time::timeout(Duration::from_millis(50), stream.read(&mut rest)).await.is_ok() {}
    stream.write_all(b"GET /hea").await.expect("sent");
    tokio::time::timeout(Duration::from_secs(5), read_all(stream)).await.expect("cut off");
}

#[tokio::test]
async fn a_slow_body_is_refused() {
    let limits = Limits { body_timeout: Duration::from_millis(200), ..Limits::default() };
    let server = TestServer::start_with(limits, Bounds::default()).await;
    let mut stream = TcpStream::connect(server.address).await.expect("connection");
    let head = format!(
        "POST /v1/things HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ALL}\r\ncontent-type: application/json\r\n\
         content-length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("answer");
    assert_eq!(&answer, b"HTTP/1.1 400");
}

/// A client that sends everything before it looks for an answer.
#[tokio::test]
async fn whoever_sends_too_much_still_hears_why() {
    let server = TestServer::start().await;
    let body = vec![b' '; 16 << 20];
    for (key, status) in [(ALL, 413), ("nonsense", 401)] {
        for _ in 0..20 {
            let mut stream = TcpStream::connect(server.address).await.expect("connection");
            let head = format!(
                "POST /v1/things HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await.expect("sent");
            stream.write_all(&body).await.expect("sent to its end");
            let answer = read_all(stream).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with("}}"), "{answer}");
        }
    }
}

#[tokio::test]
async fn too_many_connections_are_told_so() {
    let server = TestServer::start_with(Limits::default(), Bounds { connections: 1, ..Bounds::default() }).await;
    let mut first = TcpStream::connect(server.address).await.expect("connection");
    first.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    let mut answer = [0; 12];
    first.read_exact(&mut answer).await.expect("answer");
    assert_eq!(&answer, b"HTTP/1.1 200");
    let response = server.as_all("GET", "/healthz").send().await.expect("answer");
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(response.json::<Value>().await.expect("JSON")["error"]["code"], "SERVICE_UNAVAILABLE");
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight() {
    let server = TestServer::start().await;
    let pending = tokio::spawn(server.as_all("GET", "/v1/wait").send());
    server.entered.notified().await;
    server.stop.send_replace(true);
    // The listener goes first.
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.served.is_finished());
    server.gate.notify_one();
    let response = pending.await.expect("joined").expect("answered");
    assert_eq!(response.status(), 200);
    tokio::time::timeout(Duration::from_secs(5), server.served).await.expect("stopped").expect("without a panic");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let bounds = Bounds { shutdown: Duration::from_millis(100), ..Bounds::default() };
    let server = TestServer::start_with(Limits::default(), bounds).await;
    let _pending = tokio::spawn(server.as_all("GET", "/v1/wait").send());
    server.entered.notified().await;
    server.stop.send_replace(true);
    tokio::time::timeout(Duration::from_secs(5), server.served).await.expect("stopped").expect("without a panic");
}

#[tokio::test]
async fn https_is_served_and_plain_http_sent_there() {
    let folder = tempfile::tempdir().expect("folder");
    let (certificate_file, key_file) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("certificate");
    std::fs::write(&certificate_file, made.cert.pem()).expect("written");
    std::fs::write(&key_file, made.signing_key.serialize_pem()).expect("written");
    let secure = TcpListener::bind("127.0.0.1:0").await.expect("port");
    let plain = TcpListener::bind("127.0.0.1:0").await.expect("port");
    let (secure_address, plain_address) = (secure.local_addr().expect("address"), plain.local_addr().expect("address"));
    let config = server::tls_config(&certificate_file, &key_file).expect("configuration");
    let fronts = vec![
        Front::tls(secure, config, app(Limits::default()).router),
        Front::redirect(plain, "https://localhost:8443", axum::Router::new()),
    ];
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(server::serve(fronts, Bounds::default(), stopped));

    crate::support::ring();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("client");
    let plain_url = format!("http://{plain_address}/v1/things?limit=1");
    let response = client.get(&plain_url).send().await.expect("answer");
    assert_eq!(response.status(), 308);
    assert_eq!(response.headers()["location"], "https://localhost:8443/v1/things?limit=1");
    let response = client.get(&plain_url).bearer_auth(ALL).send().await.expect("answer");
    assert_eq!(response.status(), 403);

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(made.cert)).expect("root");
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let trusting = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(secure_address).await.expect("connection");
    let name = "localhost".try_into().expect("name");
    let mut stream = TlsConnector::from(Arc::new(trusting)).connect(name, stream).await.expect("handshake");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("strict-transport-security"), "{answer}");
}

#[test]
fn unusable_certificates_are_named() {
    let missing = std::path::Path::new("/nowhere/cert.pem");
    assert!(server::tls_config(missing, missing).expect_err("refused").contains("/nowhere/cert.pem"));
}

//! Nothing reaches the inside of a network, whatever a name resolves to (contract 45).

use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use futures_util::future::BoxFuture;
use interview_relay::{
    clock::Clock,
    webhooks::{
        Client, Deadlines,
        client::{Answer, Request},
        guard::Resolver,
    },
};
use parking_lot::Mutex;
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;
use tokio::net::TcpListener;

use super::support::{Node, Receiver, Reply, deliveries, hook, invite};
use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
};

/// Answers what a test tells it, one answer after the other; the last one again and again.
struct Answers(Mutex<VecDeque<Vec<IpAddr>>>);

impl Answers {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().expect("an address")).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parse).collect())))
    }
}

impl Resolver for Answers {
    fn addresses(&self, _: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let mut answers = self.0.lock();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { Ok(answer.unwrap_or_default()) })
    }
}

fn client(resolver: Arc<dyn Resolver>, development: bool) -> Client {
    let (clock, _hands) = Clock::manual(DateTime::from_timestamp(1_780_000_000, 0).expect("a time"));
    let deadlines = Deadlines { connect: Duration::from_millis(300), total: TimeDelta::seconds(15) };
    Client::new(resolver, development, clock, deadlines, Vec::new()).expect("a client")
}

async fn send(client: &Client, url: &str) -> Answer {
    let headers = vec![("webhook-id".to_owned(), "evt_1".to_owned())];
    client.send(Request { url: url.to_owned(), headers, body: Bytes::from_static(b"{}") }).await
}

#[tokio::test]
async fn no_address_of_a_forbidden_range_is_connected_to() {
    let receiver = Receiver::good().await;
    let port = receiver.address.port();
    for answer in [
        &["127.0.0.1"][..],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["::127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["fd00:ec2::254"],
        &["fe80::1"],
        &["0.0.0.0"],
        &["8.8.8.8", "127.0.0.1"],
        &["127.0.0.1", "8.8.8.8"],
        &["2606:4700::1111", "127.0.0.1"],
        &["8.8.8.8", "::1"],
    ] {
        let client = client(Answers::new(&[answer]), false);
        let sent = send(&client, &format!("https://receiver.example:{port}/")).await;
        assert_eq!(sent.reason.as_deref(), Some("blocked_address"), "{answer:?}");
    }
    // Literals never reach a resolver.
    for literal in ["127.0.0.1", "[::1]", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:7f00:1]", "localhost"] {
        let client = client(Answers::new(&[&["8.8.8.8"]]), false);
        let sent = send(&client, &format!("https://{literal}:{port}/")).await;
        assert_eq!(sent.reason.as_deref(), Some("blocked_address"), "{literal}");
    }
    for (url, reason) in [("http://8.8.8.8/", "invalid_url"), ("ftp://x/", "invalid_url"), ("nonsense", "invalid_url")]
    {
        let sent = send(&client(Answers::new(&[&["8.8.8.8"]]), false), url).await;
        assert_eq!(sent.reason.as_deref(), Some(reason), "{url}");
    }
    let nothing = send(&client(Answers::new(&[&[]]), false), "https://receiver.example/").await;
    assert_eq!(nothing.reason.as_deref(), Some("name_not_resolved"));
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 0, "nobody ever connected");
}

#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    // Loopback stands in for a public address here, as development mode lets it.
    let receiver =
        Receiver::start(|_| Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec()))
            .await;
    let resolver = Answers::new(&[&["127.0.0.1"], &["10.0.0.1"], &["127.0.0.1", "10.0.0.1"]]);
    let client = client(resolver, true);
    let url = format!("http://receiver.localhost:{}/", receiver.address.port());
    assert_eq!(send(&client, &url).await.reason, None);
    for _ in 0..3 {
        assert_eq!(send(&client, &url).await.reason.as_deref(), Some("blocked_address"));
    }
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn connections_are_kept_and_used_again() {
    let receiver = Receiver::good().await;
    let client = client(Answers::new(&[&["127.0.0.1"]]), true);
    for _ in 0..5 {
        assert_eq!(send(&client, &receiver.url()).await.reason, None);
    }
    assert_eq!(receiver.count(), 5);
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn connecting_has_a_deadline_of_its_own() {
    // It accepts, and never says a word of TLS.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://127.0.0.1:{}/", listener.local_addr().expect("an address").port());
    let sent = send(&client(Answers::new(&[&["127.0.0.1"]]), true), &url).await;
    assert_eq!(sent.reason.as_deref(), Some("connect_timeout"));
}

#[tokio::test]
async fn a_certificate_must_be_trusted_and_for_the_name() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    _ = rustls::crypto::ring::default_provider().install_default();
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["receiver.example".to_owned()]).expect("parameters");
    let certificate = params.self_signed(&key).expect("a certificate");
    let chain = vec![certificate.der().clone()];
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private).expect("TLS");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut buffer = [0; 4_096];
            _ = stream.read(&mut buffer).await;
            _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            _ = stream.shutdown().await;
        }
    });
    let (clock, _hands) = Clock::manual(DateTime::from_timestamp(1_780_000_000, 0).expect("a time"));
    let root = reqwest::Certificate::from_der(certificate.der()).expect("a root");
    let connect = |roots| {
        let resolver = Answers::new(&[&["127.0.0.1"]]);
        Client::new(resolver, true, clock.clone(), Deadlines::default(), roots).expect("a client")
    };
    let trusting = connect(vec![root]);
    let good = send(&trusting, &format!("https://receiver.example:{port}/")).await;
    assert_eq!((good.reason.as_deref(), good.status), (None, Some(200)));
    let other = send(&trusting, &format!("https://another.example:{port}/")).await;
    assert_eq!(other.reason.as_deref(), Some("bad_certificate"));
    let unknown = send(&connect(Vec::new()), &format!("https://receiver.example:{port}/")).await;
    assert_eq!(unknown.reason.as_deref(), Some("bad_certificate"));
    serving.abort();
}

on_both_engines! {
    async fn a_blocked_address_is_told_in_the_log_and_tried_again(engine: Engine) {
        let mut product = Product::start(engine).await;
        product.webhooks = crate::support::product::webhooks(&product.engine, Answers::new(&[&["10.0.0.1"]]));
        let campaign = product.campaign(json!({})).await;
        let webhook = hook(&product, "https://receiver.example/", json!({})).await;
        let node = Node::start(&product);
        let event = invite(&product, &campaign, 1).await.remove(0);
        node.written(1).await;
        let shown = deliveries(&product, &webhook).await;
        assert_eq!((&shown[0]["status"], &shown[0]["reason"]), (&json!("pending"), &json!("blocked_address")));
        let path = format!("/v1/webhooks/{}/explain?eventId={event}", id(&webhook));
        let explained = product.get(&path).await.expect(200);
        assert_eq!(explained["outcome"], "pending_retry");
        assert_eq!(explained["details"]["reason"], "blocked_address");
        assert_ne!(explained["details"]["nextAttemptAt"], json!(null));
        node.stop().await;
        product.stop().await;
    }
}

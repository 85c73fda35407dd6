//! Certificates that the server orders itself, from an authority that validates for real.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use interview_relay::{
    acme::{self, Keeper, Settings, Shelf},
    http::{
        Limits,
        server::{self, Bounds, Front},
    },
    store::Store,
};
use reqwest::Certificate;
use tokio::{net::TcpListener, sync::watch};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject},
};

use crate::{
    http::support::app,
    support::{
        engines::{Engine, on_both_engines},
        pebble::Pebble,
        ports::free_port,
        process::Home,
    },
};

const NAMES: [&str; 2] = ["relay.test", "www.relay.test"];
const MINUTE: TimeDelta = TimeDelta::minutes(1);

fn settings(pebble: &Pebble) -> Settings {
    Settings {
        domains: NAMES.map(str::to_owned).to_vec(),
        directory: pebble.directory(),
        ca_file: Some(pebble.ca_file()),
    }
}

/// A node's two listeners.
struct Node {
    plain: u16,
    secure: u16,
    keeper: Keeper,
    _stop: watch::Sender<bool>,
}

impl Node {
    /// Listens on a port for plain HTTP, and prepares to order certificates.
    async fn start(plain: u16, store: Store, engine: &Engine, settings: Settings) -> Self {
        let keeper = Keeper::new(store.clone(), engine.clock.clone(), format!("node_{plain}"), settings);
        let keeper = keeper.expect("settings");
        let shelf: Arc<Shelf> = keeper.shelf();
        let plain = TcpListener::bind(("127.0.0.1", plain)).await.expect("the port");
        let secure = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
        let (plain_port, secure_port) = (port(&plain), port(&secure));
        let fronts = vec![
            Front::tls(secure, server::tls_with(shelf).expect("configuration"), app(Limits::default()).router),
            Front::redirect(plain, "https://relay.test", acme::challenges(store)),
        ];
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(server::serve(fronts, Bounds::default(), stopped));
        Self { plain: plain_port, secure: secure_port, keeper, _stop: stop }
    }

    /// The certificate that a client is shown who trusts nobody but this root.
    async fn shown(&self, root: &[u8], name: &'static str) -> Result<Vec<u8>, String> {
        shown(self.secure, root, name).await
    }
}

async fn shown(port: u16, root: &[u8], name: &'static str) -> Result<Vec<u8>, String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root).expect("a root")).expect("a root");
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| error.to_string())?;
    let name = name.try_into().expect("a name");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| error.to_string())?;
    let (_, session) = stream.get_ref();
    Ok(session.peer_certificates().expect("a chain")[0].to_vec())
}

/// When a certificate should be renewed.
fn renewal(certificate: &[u8]) -> DateTime<Utc> {
    let (_, read) = x509_parser::parse_x509_certificate(certificate).expect("a certificate");
    let time = |seconds: i64| DateTime::from_timestamp(seconds, 0).expect("a time");
    let (begin, end) = (read.validity().not_before.timestamp(), read.validity().not_after.timestamp());
    time(begin + (end - begin) * 2 / 3)
}

on_both_engines! {
    async fn a_certificate_is_ordered_renewed_in_time_and_swapped_without_a_restart(engine: Engine) {
        let plain = free_port();
        let pebble = Pebble::start(plain).await;
        let mut node = Node::start(plain, engine.store.clone(), &engine, settings(&pebble)).await;
        let root = pebble.root().await;
        assert!(node.shown(&root, NAMES[0]).await.is_err(), "there is none yet");
        assert_eq!(node.keeper.pass().await, MINUTE);
        let first = node.shown(&root, NAMES[0]).await.expect("a certificate");
        assert_eq!(node.shown(&root, NAMES[1]).await, Ok(first.clone()), "one for all names");
        assert!(node.shown(&root, "other.test").await.is_err());
        assert_eq!(engine.number("SELECT COUNT(*) FROM acme").await, 2, "the account and the certificate are left");

        // Nothing happens before its time.
        let due = renewal(&first);
        engine.hands.set(due - TimeDelta::seconds(1));
        assert_eq!(node.keeper.pass().await, TimeDelta::seconds(1));
        assert_eq!(node.shown(&root, NAMES[0]).await, Ok(first.clone()));
        engine.hands.set(due);
        node.keeper.pass().await;
        let second = node.shown(&root, NAMES[0]).await.expect("a certificate");
        assert_ne!(first, second);
    }

    async fn nodes_share_a_certificate_and_each_other_s_challenges(engine: Engine) {
        // The authority's questions go to the node that has not ordered.
        let (asked, ordering) = (free_port(), free_port());
        let pebble = Pebble::start(asked).await;
        let mut one = Node::start(ordering, engine.store.clone(), &engine, settings(&pebble)).await;
        let mut two = Node::start(asked, engine.node().await, &engine, settings(&pebble)).await;
        let root = pebble.root().await;
        // Both at once: one of them orders, the other one waits for it.
        let (first, second) = tokio::join!(one.keeper.pass(), two.keeper.pass());
        assert!(first == MINUTE || second == MINUTE, "{first} {second}");
        one.keeper.pass().await;
        two.keeper.pass().await;
        let shown = one.shown(&root, NAMES[0]).await.expect("a certificate");
        assert_eq!(two.shown(&root, NAMES[0]).await, Ok(shown.clone()));

        // Another time it is the other one's turn; the first one learns of it within a minute.
        let today = engine.clock.now();
        engine.hands.set(renewal(&shown));
        two.keeper.pass().await;
        // The authority goes by the machine's clock, by which its new certificate is as old as the first one.
        engine.hands.set(today);
        let renewed = two.shown(&root, NAMES[0]).await.expect("a certificate");
        assert_ne!(renewed, shown);
        assert_eq!(one.shown(&root, NAMES[0]).await, Ok(shown));
        one.keeper.pass().await;
        assert_eq!(one.shown(&root, NAMES[0]).await, Ok(renewed));
    }

    async fn while_the_authority_fails_the_old_certificate_serves_and_pauses_grow(engine: Engine) {
        let plain = free_port();
        let mut pebble = Pebble::prepare(plain);
        let mut node = Node::start(plain, engine.store.clone(), &engine, settings(&pebble)).await;
        let mut other = Node::start(free_port(), engine.node().await, &engine, settings(&pebble)).await;
        // Nobody is there.
        for minutes in [1, 4, 16, 60, 60] {
            assert_eq!(node.keeper.pass().await, TimeDelta::minutes(minutes));
            // Another node does not ask in the meantime.
            assert_eq!(other.keeper.pass().await, TimeDelta::seconds(2));
            engine.hands.advance(TimeDelta::minutes(minutes));
        }
        pebble.run().await;
        let root = pebble.root().await;
        assert_eq!(node.keeper.pass().await, MINUTE);
        let first = node.shown(&root, NAMES[0]).await.expect("a certificate");

        // An authority that has forgotten the account gets a new one, after one failure.
        pebble.kill9();
        engine.hands.set(renewal(&first));
        assert_eq!(node.keeper.pass().await, MINUTE);
        assert_eq!(node.shown(&root, NAMES[0]).await, Ok(first.clone()), "the old one serves on");
        pebble.run().await;
        let root = pebble.root().await;
        engine.hands.advance(MINUTE);
        assert_eq!(node.keeper.pass().await, TimeDelta::minutes(4));
        engine.hands.advance(TimeDelta::minutes(4));
        assert_eq!(node.keeper.pass().await, MINUTE);
        let second = node.shown(&root, NAMES[0]).await.expect("a certificate");
        assert_ne!(first, second);
    }

    async fn a_name_that_leads_elsewhere_gets_no_certificate(engine: Engine) {
        // Somebody else answers where the authority asks.
        let elsewhere = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let asked = elsewhere.local_addr().expect("an address").port();
        let (_stop, stopped) = watch::channel(false);
        tokio::spawn(server::serve(vec![Front::plain(elsewhere, axum::Router::new())], Bounds::default(), stopped));
        let pebble = Pebble::start(asked).await;
        let mut node = Node::start(free_port(), engine.store.clone(), &engine, settings(&pebble)).await;
        assert_eq!(node.keeper.pass().await, MINUTE);
        assert!(node.shown(&pebble.root().await, NAMES[0]).await.is_err());
        assert_eq!(engine.number("SELECT COUNT(*) FROM acme").await, 1, "nothing but the account is kept");
    }

    async fn what_is_kept_is_sealed_and_tokens_are_looked_up_safely(engine: Engine) {
        let plain = free_port();
        let pebble = Pebble::start(plain).await;
        let mut node = Node::start(plain, engine.store.clone(), &engine, settings(&pebble)).await;
        node.keeper.pass().await;
        for row in engine.sql("SELECT value FROM acme").await {
            let bytes = row.into_iter().next().and_then(|value| value.into_bytes()).expect("bytes");
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("PRIVATE KEY") && !text.contains("key_pkcs8"), "{text}");
        }
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let long = "a".repeat(300);
        for token in ["none", "..%2Fcertificate", "certificate", "%00", long.as_str()] {
            let url = format!("http://127.0.0.1:{}/.well-known/acme-challenge/{token}", node.plain);
            assert_eq!(client.get(url).send().await.expect("an answer").status(), 404, "{token}");
        }
        let url = format!("http://127.0.0.1:{}/v1/projects", node.plain);
        assert_eq!(client.get(url).send().await.expect("an answer").status(), 308);
    }
}

/// Waits until a process shows a certificate below a root.
async fn until_shown(port: u16, root: &[u8]) -> Vec<u8> {
    let there = async {
        loop {
            if let Ok(certificate) = shown(port, root, NAMES[0]).await {
                return certificate;
            }
            // A process tells nobody when its certificate has come.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), there).await.expect("a certificate within seconds")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_gets_its_certificate_and_still_has_it_when_it_starts_again() {
    let (plain, secure) = (free_port(), free_port());
    let mut pebble = Pebble::start(plain).await;
    let root = pebble.root().await;
    let home = Home::new(None);
    let (directory, ca_file, listen) = (pebble.directory(), pebble.ca_file(), format!("127.0.0.1:{secure}"));
    let ca_file = ca_file.to_str().expect("text");
    let arguments = [
        ["--acme-domain", NAMES[0]],
        ["--acme-directory", &directory],
        ["--acme-ca-file", ca_file],
        ["--tls-listen", &listen],
    ]
    .concat();
    let mut server = home.launch(plain, &arguments);
    let first = until_shown(secure, &root).await;

    let trusted = Certificate::from_pem(&root).expect("a root");
    let client = reqwest::Client::builder()
        .tls_certs_only([trusted])
        .resolve(NAMES[0], ([127, 0, 0, 1], secure).into())
        .build()
        .expect("a client");
    let answer = client.get(format!("https://{}:{secure}/readyz", NAMES[0])).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("strict-transport-security"));
    assert!(server.terminate().success());

    // The authority is gone.
    pebble.kill9();
    let mut server = home.launch(plain, &arguments);
    assert_eq!(until_shown(secure, &root).await, first);
    server.kill9();
}

//! Files, on both engines and in both kinds of file store: a local directory and a server that speaks S3.

mod downloads;
mod media;
mod sessions;
mod uploads;

use std::{sync::Arc, time::Duration};

use aggregates::id::{Id as _, OrganizationId};
use interview_relay::{
    files::{Files, Objects, Place, Sizes},
    http::Limits,
};
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    engines::Engine,
    product::{Answered, Product, Setup, id},
    s3::{S3, files_below},
};

/// Each function becomes a module with four tests: each engine with each file store.
macro_rules! with_every_store {
    ($($(#[$attribute:meta])* async fn $name:ident($shelf:ident: Shelf) $body:block)*) => {$(
        $(#[$attribute])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            use crate::{http::files::Shelf, support::engines::Engine};

            async fn contract($shelf: Shelf) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite_local() {
                contract(Shelf::local(Engine::sqlite(stringify!($name)).await).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite_s3() {
                contract(Shelf::s3(Engine::sqlite(stringify!($name)).await).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres_local() {
                contract(Shelf::local(Engine::postgres(stringify!($name)).await).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres_s3() {
                contract(Shelf::s3(Engine::postgres(stringify!($name)).await).await).await;
            }
        }
    )*};
}
pub(crate) use with_every_store;

/// How large files may be in these tests: three parts of an upload, and a little more.
pub const SIZES: Sizes = Sizes { upload: 16 << 20, image: 64 << 10, audio: 12 << 20 };

/// A product and what its file store holds.
pub struct Shelf {
    pub product: Product,
    folder: Option<tempfile::TempDir>,
    s3: Option<S3>,
}

impl Shelf {
    pub async fn local(engine: Engine) -> Self {
        Self::local_with(engine, Limits::default()).await
    }

    pub async fn local_with(engine: Engine, limits: Limits) -> Self {
        let folder = tempfile::Builder::new().prefix("relay-shelf.").tempdir().expect("make a folder");
        let objects = Objects::open(&Place::Local(folder.path().join("files")), []).expect("a folder");
        let product =
            Product::start_as(engine, Setup { files: Some(Files::new(objects, SIZES)), limits, ..Setup::default() })
                .await;
        Self { product, folder: Some(folder), s3: None }
    }

    pub async fn s3(engine: Engine) -> Self {
        let s3 = S3::start().await;
        let product =
            Product::start_as(engine, Setup { files: Some(Files::new(s3.objects(), SIZES)), ..Setup::default() }).await;
        Self { product, folder: None, s3: Some(s3) }
    }

    /// Everything that is in the file store, finished or not.
    pub fn left(&self) -> Vec<String> {
        match (&self.folder, &self.s3) {
            (Some(folder), _) => files_below(folder.path()),
            (None, Some(s3)) => s3.left(),
            (None, None) => Vec::new(),
        }
    }

    /// How many uploads have not come to their end.
    pub async fn uploads(&self) -> i64 {
        self.product.engine.number("SELECT COUNT(*) FROM uploads").await
    }

    /// How many events of files there are.
    pub async fn events(&self) -> i64 {
        self.product.engine.number("SELECT COUNT(*) FROM events WHERE stream_id LIKE 'fil%'").await
    }

    /// Neither bytes nor events nor anything half done.
    #[track_caller]
    pub fn nothing(&self) -> impl Future<Output = ()> + '_ {
        let place = std::panic::Location::caller();
        async move {
            assert_eq!(self.left(), Vec::<String>::new(), "{place}");
            assert_eq!((self.events().await, self.uploads().await), (0, 0), "{place}");
        }
    }

    /// A script with a draft; answers its id.
    pub async fn draft(&self) -> String {
        let question = json!({"id": "q1", "text": "What do you see?", "type": "open"});
        let body = json!({"name": "Pictures", "systemPrompt": "Be kind.", "questions": [question]});
        id(&self.product.post("/v1/scripts", body).await.expect(201))
    }

    /// Sends a form to a path with the organization's key.
    pub async fn send(&self, path: &str, form: Form) -> Answered {
        let request = self.product.request(Method::POST, path, &self.product.key);
        self.product.send(request.multipart(form)).await
    }

    /// The bytes behind the link in a file's document.
    pub async fn fetch(&self, document: &Value) -> (Answered, Vec<u8>) {
        self.fetch_with(document, &[]).await
    }

    /// The same, with headers.
    pub async fn fetch_with(&self, document: &Value, headers: &[(&str, &str)]) -> (Answered, Vec<u8>) {
        // No key: the link is the credential.
        let mut request = reqwest::Client::new().get(document["url"].as_str().expect("a link"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("send");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await.expect("the body").to_vec();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        (Answered { status, headers, text }, bytes)
    }

    /// Waits until a query answers what it is to answer.
    pub async fn until(&self, sql: &str, expected: i64) {
        let reached = async {
            while self.product.engine.number(sql).await != expected {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), reached)
            .await
            .unwrap_or_else(|_| panic!("never {expected}: {sql}"));
    }

    /// A connection on which a test says whatever it likes.
    pub async fn raw(&self, text: &str) -> TcpStream {
        let address = self.product.url.strip_prefix("http://").expect("an address");
        let mut stream = TcpStream::connect(address).await.expect("connect");
        stream.write_all(text.as_bytes()).await.expect("write");
        stream
    }

    /// The head of a request that brings a form.
    pub fn head(&self, path: &str, more: &str) -> String {
        format!(
            "POST {path} HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer {}\r\nContent-Type: multipart/form-data; \
             boundary=XX\r\n{more}\r\n",
            self.product.key
        )
    }

    /// Sends a body as it is; answers status and body.
    pub async fn say(&self, path: &str, body: &[u8]) -> (u16, Value) {
        let head = self.head(path, &format!("Connection: close\r\nContent-Length: {}\r\n", body.len()));
        let mut stream = self.raw(&head).await;
        stream.write_all(body).await.expect("write");
        heard(&mut stream).await
    }
}

/// What comes back on a connection: status and JSON body.
pub async fn heard(stream: &mut TcpStream) -> (u16, Value) {
    let mut bytes = Vec::new();
    let read = async {
        let mut buffer = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n")
                && let Ok(body) = serde_json::from_str(body)
            {
                let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
                return (status, body);
            }
            let n = stream.read(&mut buffer).await.expect("read");
            assert!(n > 0, "closed after {text:?}");
            bytes.extend_from_slice(&buffer[..n]);
        }
    };
    tokio::time::timeout(Duration::from_secs(30), read).await.expect("an answer")
}

/// A PNG as far as its first bytes tell, of so many bytes.
pub fn png(size: usize) -> Vec<u8> {
    filled(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0", size)
}

/// An MP3 as far as its first bytes tell, of so many bytes.
pub fn mp3(size: usize) -> Vec<u8> {
    filled(b"ID3\x04\0\0\0\0\0\0", size)
}

/// Bytes that do not repeat, behind a beginning.
fn filled(begin: &[u8], size: usize) -> Vec<u8> {
    let mut state = size as u64 | 1;
    let noise = std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    begin.iter().copied().chain(noise).take(size).collect()
}

pub fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A form with one file.
pub fn form(name: &str, bytes: Vec<u8>) -> Form {
    Form::new().part("file", Part::bytes(bytes).file_name(name.to_owned()))
}

/// A file that arrives in small pieces, without an announced length.
pub fn streamed(name: &str, bytes: Vec<u8>) -> Form {
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> = bytes.chunks(7_001).map(|piece| Ok(piece.to_vec())).collect();
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    Form::new().part("file", Part::stream(body).file_name(name.to_owned()))
}

#[test]
fn a_node_receives_a_bounded_number_of_uploads_at_once() {
    let folder = tempfile::tempdir().expect("make a folder");
    let objects = Objects::open(&Place::Local(folder.path().to_owned()), []).expect("a folder");
    let files = Arc::new(Files::new(objects, SIZES));
    let organization = |n: u128| OrganizationId::from_uuid(uuid::Uuid::from_u128(n));
    let all_of = |n| std::iter::from_fn(|| files.enter(organization(n))).take(1_000).collect::<Vec<_>>();
    let first = all_of(1);
    assert_eq!(first.len(), 16, "one organization leaves room for others");
    let others: Vec<_> = (2..100).flat_map(all_of).collect();
    assert_eq!(others.len(), 48);
    assert!(files.enter(organization(200)).is_none());
    drop(first);
    assert!(files.enter(organization(200)).is_some());
}

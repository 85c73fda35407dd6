//! A server that speaks S3, in this process and on a free port, with its objects in a folder.
#![allow(dead_code, reason = "shared by tests that each use a part of it")]

use std::path::Path;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use interview_relay::files::{Objects, Place};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

/// The server; dropping it ends it.
pub struct S3 {
    folder: TempDir,
    endpoint: String,
    served: JoinHandle<()>,
}

impl S3 {
    /// Its one bucket.
    pub const BUCKET: &str = "relay-files";

    /// Starts it with one empty bucket.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("relay-s3.").tempdir().expect("make a folder");
        std::fs::create_dir(folder.path().join(Self::BUCKET)).expect("make the bucket");
        let files = s3s_fs::FileSystem::new(folder.path()).expect("a folder");
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single("test-key", "test-secret"));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let served = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
                tokio::spawn(connection);
            }
        });
        Self { folder, endpoint, served }
    }

    /// What a node's environment would say about it.
    pub fn variables(&self) -> Vec<(String, String)> {
        let pairs = [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "test-key"),
            ("AWS_SECRET_ACCESS_KEY", "test-secret"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_PAGER", "less"),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// The bucket, with a prefix.
    pub fn place(&self) -> Place {
        Place::parse(&format!("s3://{}/some/prefix", Self::BUCKET)).expect("a place")
    }

    /// The bucket as our server uses it.
    pub fn objects(&self) -> Objects {
        Objects::open(&self.place(), self.variables()).expect("a bucket")
    }

    /// Objects, and parts of unfinished ones.
    pub fn left(&self) -> Vec<String> {
        let mut left = files_below(&self.folder.path().join(Self::BUCKET));
        // The server keeps parts beside its buckets.
        let beside = std::fs::read_dir(self.folder.path()).expect("the folder");
        let names = beside.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        left.extend(names.filter(|name| name.starts_with(".upload")));
        left
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.served.abort();
    }
}

/// All files below a folder.
pub fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found
}

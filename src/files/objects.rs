//! The object store: a local directory, or a bucket of anything that speaks S3.

use std::{
    fmt, io,
    ops::Range,
    path::{Path as FilePath, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::{
    BackoffConfig, GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, Result, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    local::LocalFileSystem,
    multipart::{MultipartStore, PartId},
    path::Path,
};

/// Where files are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A local directory.
    Local(PathBuf),
    /// A bucket, and what all keys in it begin with.
    S3 {
        /// The bucket.
        bucket: String,
        /// Without slashes around it; may be empty.
        prefix: String,
    },
}

impl Place {
    /// Reads `s3://bucket/prefix` or `file:///directory`.
    pub fn parse(url: &str) -> Option<Self> {
        if let Some(path) = url.strip_prefix("file://") {
            return path.starts_with('/').then(|| Self::Local(path.into()));
        }
        let (bucket, prefix) = url.strip_prefix("s3://").map(|rest| rest.split_once('/').unwrap_or((rest, "")))?;
        let name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_');
        let prefix = prefix.trim_matches('/');
        let valid = (3..=63).contains(&bucket.len()) && bucket.bytes().all(name) && Path::parse(prefix).is_ok();
        valid.then(|| Self::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(folder) => write!(f, "{}", folder.display()),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[derive(Clone, Debug)]
enum Backend {
    Local(LocalFileSystem),
    S3(AmazonS3),
}

/// Objects by their keys.
#[derive(Clone, Debug)]
pub struct Objects {
    backend: Backend,
    prefix: Path,
}

/// An object that is being written part by part. It becomes visible as a whole, by [`Parts::complete`].
pub struct Parts {
    kind: PartsKind,
}

enum PartsKind {
    Local(Box<dyn MultipartUpload>),
    S3 { store: AmazonS3, path: Path, id: String, parts: Vec<PartId> },
}

impl Objects {
    /// Opens a place. `variables` are the environment's `AWS_…`, as the AWS tools read them.
    ///
    /// # Errors
    /// When it cannot be used; the message says why.
    pub fn open(
        place: &Place,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> std::result::Result<Self, String> {
        match place {
            Place::Local(folder) => Self::local(folder).map_err(|error| format!("{place}: {error}")),
            Place::S3 { bucket, prefix } => {
                Self::s3(bucket, prefix, variables).map_err(|error| format!("{place}: {error}"))
            }
        }
    }

    fn local(folder: &FilePath) -> std::result::Result<Self, Box<dyn std::error::Error>> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        // An event says that the bytes are there, so they must be there after a power cut too.
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self { backend: Backend::Local(store), prefix: Path::default() })
    }

    fn s3(
        bucket: &str,
        prefix: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> std::result::Result<Self, Box<dyn std::error::Error>> {
        // A request of ours waits for these; hanging for minutes would help nobody.
        let retry = RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() },
            max_retries: 4,
            retry_timeout: Duration::from_secs(20),
        };
        let mut builder = AmazonS3Builder::new().with_retry(retry);
        for (name, value) in variables {
            // The names that it does not know belong to other AWS tools.
            if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        let given = |key| builder.get_config_value(&key).filter(|value| !value.is_empty());
        // The order in which the builder itself prefers them.
        let endpoint = given(AmazonS3ConfigKey::S3Endpoint).or_else(|| given(AmazonS3ConfigKey::Endpoint));
        if endpoint.is_some_and(|endpoint| is_plain_loopback(&endpoint)) {
            builder = builder.with_allow_http(true);
        }
        let store = builder.with_bucket_name(bucket).build()?;
        Ok(Self { backend: Backend::S3(store), prefix: Path::parse(prefix)? })
    }

    fn path(&self, key: &str) -> Path {
        self.prefix.parts().chain(Path::from(key).parts()).collect()
    }

    fn store(&self) -> &dyn ObjectStore {
        match &self.backend {
            Backend::Local(store) => store,
            Backend::S3(store) => store,
        }
    }

    /// Writes a whole object, durably.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        self.store().put(&self.path(key), PutPayload::from(bytes)).await.map(drop)
    }

    /// Starts an object that is written in parts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(&self, key: &str) -> Result<Parts> {
        let path = self.path(key);
        let kind = match &self.backend {
            Backend::Local(store) => PartsKind::Local(store.put_multipart(&path).await?),
            Backend::S3(store) => {
                let id = store.create_multipart(&path).await?;
                PartsKind::S3 { store: store.clone(), path, id, parts: Vec::new() }
            }
        };
        Ok(Parts { kind })
    }

    /// The bytes of an object within a range, as they arrive.
    ///
    /// # Errors
    /// When there is no such object, or the store fails.
    pub async fn read(&self, key: &str, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        Ok(self.store().get_opts(&self.path(key), options).await?.into_stream())
    }

    /// Whether there is such an object.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn contains(&self, key: &str) -> Result<bool> {
        match self.store().head(&self.path(key)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes an object and what was written of it, as far as there is something. `parts` is the id of the parts that are under way.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn discard(&self, key: &str, parts: Option<&str>) -> Result<()> {
        let path = self.path(key);
        match &self.backend {
            Backend::Local(store) => remove_staged(store, &path).await?,
            Backend::S3(store) => {
                if let Some(id) = parts {
                    absent_is_fine(store.abort_multipart(&path, &id.to_owned()).await)?;
                }
            }
        }
        absent_is_fine(self.store().delete(&path).await)
    }
}

impl Parts {
    /// The name under which a crashed node's parts can be removed, where the store needs one.
    pub fn id(&self) -> Option<&str> {
        match &self.kind {
            PartsKind::Local(_) => None,
            PartsKind::S3 { id, .. } => Some(id),
        }
    }

    /// Writes the next part. All but the last must be of the same size, 5 MiB at least.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put(&mut self, bytes: Bytes) -> Result<()> {
        match &mut self.kind {
            PartsKind::Local(upload) => upload.put_part(PutPayload::from(bytes)).await,
            PartsKind::S3 { store, path, id, parts } => {
                let part = store.put_part(path, id, parts.len(), PutPayload::from(bytes)).await?;
                parts.push(part);
                Ok(())
            }
        }
    }

    /// Makes the object visible, durably.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn complete(self) -> Result<()> {
        match self.kind {
            PartsKind::Local(mut upload) => upload.complete().await.map(drop),
            PartsKind::S3 { store, path, id, parts } => store.complete_multipart(&path, &id, parts).await.map(drop),
        }
    }
}

/// The directory has a file of its own for an object that is being written; nobody else writes to the same key, so it is
/// always the first.
async fn remove_staged(store: &LocalFileSystem, path: &Path) -> Result<()> {
    let mut staged = store.path_to_filesystem(path)?.into_os_string();
    staged.push("#1");
    match tokio::fs::remove_file(PathBuf::from(staged)).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(object_store::Error::Generic { store: "local", source: Box::new(error) })
        }
        _ => Ok(()),
    }
}

fn absent_is_fine(result: Result<()>) -> Result<()> {
    match result {
        Err(object_store::Error::NotFound { .. }) => Ok(()),
        result => result,
    }
}

/// Keys in clear may travel within a machine, not over a network.
fn is_plain_loopback(endpoint: &str) -> bool {
    let Some(rest) = endpoint.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host == "localhost" || host.starts_with("localhost:") {
        return true;
    }
    let address = host.parse::<std::net::SocketAddr>().map(|address| address.ip());
    let address = address.or_else(|_| host.trim_start_matches('[').trim_end_matches(']').parse());
    address.is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let s3 = |bucket: &str, prefix: &str| Some(Place::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() });
        assert_eq!(Place::parse("s3://relay-files"), s3("relay-files", ""));
        assert_eq!(Place::parse("s3://relay.files/a/b/"), s3("relay.files", "a/b"));
        assert_eq!(Place::parse("file:///var/files"), Some(Place::Local("/var/files".into())));
        for bad in
            ["", "relay", "s3://", "s3://ab", "s3://UPPER", "s3://a b c", "s3://good/../x", "file://x", "gs://abc"]
        {
            assert_eq!(Place::parse(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn what_a_killed_process_leaves_in_a_directory_is_removed() {
        let folder = tempfile::tempdir().expect("make a folder");
        let objects = Objects::open(&Place::Local(folder.path().to_owned()), []).expect("a folder");
        objects.put("org/file", Bytes::from_static(b"whole")).await.expect("put");
        let mut parts = objects.start("org/half").await.expect("start");
        parts.put(Bytes::from_static(b"half")).await.expect("put");
        // A process that is killed removes nothing.
        std::mem::forget(parts);
        let left = || std::fs::read_dir(folder.path().join("org")).expect("the folder").count();
        assert_eq!((left(), objects.contains("org/half").await.expect("head")), (2, false));
        objects.discard("org/half", None).await.expect("discard");
        assert_eq!((left(), objects.contains("org/file").await.expect("head")), (1, true));
        for key in ["org/file", "org/file", "org/never", "nobody/never"] {
            objects.discard(key, None).await.expect("discard");
        }
        assert_eq!(left(), 0);
    }

    #[test]
    fn http_is_for_loopback_only() {
        for near in
            ["http://127.0.0.1:9000", "http://localhost", "http://localhost:9000/", "http://[::1]:9000", "http://[::1]"]
        {
            assert!(is_plain_loopback(near), "{near}");
        }
        for far in [
            "http://localhost.example.com",
            "http://127.0.0.1@evil.example",
            "http://10.0.0.1",
            "https://127.0.0.1",
            "ftp://localhost",
        ] {
            assert!(!is_plain_loopback(far), "{far}");
        }
    }
}

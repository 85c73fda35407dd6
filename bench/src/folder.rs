//! Folders that are gone when they are dropped: as much of the crate `tempfile` as the bench and the product's test support
//! use. With the crate itself, features of others would differ from the product's, and half of its dependencies would be
//! built a second time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A folder, removed with everything in it when this is dropped.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes folders.
#[derive(Default)]
pub struct Builder(String);

impl Builder {
    /// Without a prefix.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the names begin with.
    pub fn prefix(&mut self, prefix: &str) -> &mut Self {
        prefix.clone_into(&mut self.0);
        self
    }

    /// A new folder where such things go.
    pub fn tempdir(&self) -> io::Result<TempDir> {
        self.tempdir_in(&std::env::temp_dir())
    }

    /// A new folder below `parent`, for this user alone.
    pub fn tempdir_in(&self, parent: &Path) -> io::Result<TempDir> {
        use std::os::unix::fs::DirBuilderExt;
        let path = parent.join(format!("{}{:016x}", self.0, rand::random::<u64>()));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(TempDir(path))
    }
}

/// A file without a name.
pub fn file() -> io::Result<File> {
    let folder = Builder::new().prefix("relay-bench.").tempdir()?;
    File::options().create_new(true).read(true).write(true).open(folder.path().join("file"))
}

//! The little world that a report is typeset in: one template, its data, perhaps a logo, our fonts. No files, no network, no
//! clock.

use std::{ops::Deref, sync::LazyLock};

use typst::{
    Library, LibraryExt, World,
    diag::{FileError, FileResult},
    foundations::{Bytes, Datetime, Duration},
    syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot},
    text::{Font, FontBook},
    utils::LazyHash,
};

use super::fonts::{BOOK, FONTS};

/// The template.
pub const TEMPLATE: &str = include_str!("../../assets/pdf/report.typ");

static LIBRARY: LazyLock<LazyHash<Library>> = LazyLock::new(|| LazyHash::new(Library::default()));
static MAIN: LazyLock<Source> = LazyLock::new(|| Source::new(file("/report.typ"), TEMPLATE.to_owned()));
static DATA: LazyLock<FileId> = LazyLock::new(|| file("/data.json"));
static LOGO: LazyLock<FileId> = LazyLock::new(|| file("/logo"));

/// Ids are kept for ever, so there are these three only.
fn file(path: &str) -> FileId {
    match VirtualPath::new(path) {
        Ok(path) => RootedPath::new(VirtualRoot::Project, path).intern(),
        Err(error) => panic!("a fixed path is no path: {error:?}"),
    }
}

/// What one report is made of.
#[derive(Debug)]
pub struct ReportWorld {
    data: Bytes,
    logo: Option<Bytes>,
}

impl ReportWorld {
    /// For a report with this data, as JSON.
    pub fn new(data: Vec<u8>, logo: Option<Vec<u8>>) -> Self {
        Self { data: Bytes::new(data), logo: logo.map(Bytes::new) }
    }
}

impl World for ReportWorld {
    fn library(&self) -> &LazyHash<Library> {
        &LIBRARY
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &BOOK
    }

    fn main(&self) -> FileId {
        MAIN.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == MAIN.id() { Ok(MAIN.deref().clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == *DATA {
            Ok(self.data.clone())
        } else if id == *LOGO {
            self.logo.clone().ok_or(FileError::AccessDenied)
        } else {
            Err(FileError::AccessDenied)
        }
    }

    fn font(&self, index: usize) -> Option<Font> {
        FONTS.get(index).cloned()
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}

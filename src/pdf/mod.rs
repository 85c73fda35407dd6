//! Sessions as PDF documents (contract 29), typeset by typst.
//!
//! A report is a pure function of a [`Report`] and its [`Options`]: the same gives the same bytes. Typesetting keeps a processor
//! busy for a while: see [`crate::processors`].

mod fonts;
mod insights;
mod labels;
mod report;
mod theme;
mod words;
mod world;

use chrono::{DateTime, Datelike, Timelike, Utc};
use sha2::{Digest, Sha256};
use typst::{
    comemo,
    foundations::{Datetime, Smart},
};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, Timestamp};

pub use insights::Question;
pub use report::{Consent, Options, Report};
pub use theme::{Brand, Branding, MAX_LOGO, MAX_PIXELS, is_usable};

use world::{ReportWorld, TEMPLATE};

/// Utterances that a report holds at most.
pub const MAX_UTTERANCES: usize = 5_000;
/// Bytes of text that a report holds at most.
pub const MAX_TEXT: usize = 2 << 20;
/// Records of consent that a report holds at most: more than a session can have nowadays.
pub const MAX_CONSENTS: usize = 1_000;

/// Why there is no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The conversation is too long for a document.
    #[error("the conversation is too long for a document")]
    TooLong,
    /// A defect of ours.
    #[error("a report could not be made: {0}")]
    Failed(String),
}

/// A report that is ready to be typeset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    session: String,
    ended: Option<DateTime<Utc>>,
    data: Vec<u8>,
    logo: Option<Vec<u8>>,
}

impl Draft {
    /// Gathers what a report shows.
    ///
    /// # Errors
    /// [`Error::TooLong`].
    pub fn new(report: &Report, options: &Options) -> Result<Self, Error> {
        let talk = &report.conversation;
        let text: usize = talk.utterances.iter().map(|said| said.text.len()).sum();
        let consents = report.consents.len();
        if talk.utterances.len() > MAX_UTTERANCES || text > MAX_TEXT || consents > MAX_CONSENTS {
            return Err(Error::TooLong);
        }
        let data = report.data(options).map_err(|error| Error::Failed(error.to_string()))?;
        let logo = report.brand.logo.clone().filter(|_| options.branding == Branding::Custom);
        Ok(Self { session: talk.session.clone(), ended: report.ended, data, logo })
    }

    /// Names the bytes of the document before they are made: they follow from these.
    pub fn tag(&self) -> String {
        let mut hash = Sha256::new();
        for part in
            [&self.data, self.logo.as_deref().unwrap_or_default(), TEMPLATE.as_bytes(), fonts::DIGEST.as_slice()]
        {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(env!("CARGO_PKG_VERSION"));
        hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Typesets the document. Keeps the thread busy.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn typeset(self) -> Result<Vec<u8>, Error> {
        let world = ReportWorld::new(self.data, self.logo);
        let compiled = typst::compile::<PagedDocument>(&world).output;
        let written = compiled.and_then(|document| {
            let options = PdfOptions {
                ident: Smart::Custom(self.session),
                creator: Smart::Custom(Some("InterviewRelay".to_owned())),
                timestamp: self.ended.and_then(timestamp),
                ..PdfOptions::default()
            };
            typst_pdf::pdf(&document, &options)
        });
        // What typst remembers is of no use to the next report, and large.
        comemo::evict(0);
        written.map_err(|errors| {
            Error::Failed(errors.iter().map(|error| error.message.to_string()).collect::<Vec<_>>().join("; "))
        })
    }
}

fn timestamp(at: DateTime<Utc>) -> Option<Timestamp> {
    let part = |part: u32| u8::try_from(part).ok();
    let (month, day) = (part(at.month())?, part(at.day())?);
    let (hour, minute, second) = (part(at.hour())?, part(at.minute())?, part(at.second())?);
    Datetime::from_ymd_hms(at.year(), month, day, hour, minute, second).map(Timestamp::new_utc)
}

#[cfg(test)]
mod tests;

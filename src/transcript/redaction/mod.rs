//! Takes personal data out of what was said, and leaves typed placeholders (contract 28).
//!
//! Found are: e-mail addresses (also spelled out: "jane dot doe at example dot com"), web and IP addresses, telephone,
//! card and bank account numbers, and the participant's own name and address, in any spelling that folds to the same
//! (capitals, accents, full-width characters, digits of other scripts, invisible characters in between).
//!
//! Not found are: names of other people, postal addresses, dates of birth, identity numbers, numbers spoken as words, a name
//! spelled letter by letter, a family name of one Chinese character or Hangul syllable without a form of address, and what is
//! spread over two utterances.
//!
//! Where a script puts no spaces between words, a number or a name in Latin letters begins and ends at its letters as at a
//! space.

mod folded;
mod names;
mod network;
mod numbers;

use std::{borrow::Cow, ops::Range, sync::LazyLock};

use regex::{Regex, RegexBuilder};

use folded::Folded;
use names::Names;

const PLACEHOLDERS: [&str; 7] = ["[EMAIL]", "[URL]", "[IBAN]", "[IP_ADDRESS]", "[CREDIT_CARD]", "[PHONE]", "[NAME]"];

/// Compiles one of our own patterns, which the tests all use. Texts are folded to lower case before.
fn pattern(regex: &str) -> Regex {
    match Regex::new(regex) {
        Ok(regex) => regex,
        Err(error) => panic!("a fixed pattern does not compile: {error}"),
    }
}

/// Compiles a pattern that was made of somebody's name. One that is too large matches everything: too much is hidden then,
/// not too little.
fn made_pattern(regex: &str) -> Regex {
    static EVERYTHING: LazyLock<Regex> = LazyLock::new(|| pattern("(?s).+"));
    RegexBuilder::new(regex).size_limit(64 << 20).build().unwrap_or_else(|error| {
        tracing::error!(%error, "a name makes no pattern; texts are hidden whole");
        EVERYTHING.clone()
    })
}

/// Redacts the texts of one session.
#[derive(Debug)]
pub struct Redaction {
    names: Names,
}

impl Redaction {
    /// For a session with this participant.
    pub fn new(name: Option<&str>, email: &str) -> Self {
        Self { names: Names::of(name, email) }
    }

    /// The text with placeholders.
    pub fn apply<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let folded = Folded::new(text);
        let masked = masked(&folded.text);
        // Where finds overlap, all of it goes, under the name of the first kind.
        let mut found: Vec<(Range<usize>, usize)> = Vec::new();
        // As it is, too: names and domains have such letters.
        for plain in std::iter::once(folded.text.as_str()).chain(masked.as_deref()) {
            for (kind, ranges) in self.found(plain).into_iter().enumerate() {
                let ranges = ranges.into_iter().filter(|range| !range.is_empty());
                found.extend(ranges.map(|range| (folded.origin(range), kind)));
            }
        }
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_by_key(|(range, kind)| (range.start, *kind));
        let mut merged: Vec<(Range<usize>, usize)> = Vec::with_capacity(found.len());
        for (range, kind) in found {
            match merged.last_mut() {
                Some((last, first)) if range.start < last.end => {
                    last.end = last.end.max(range.end);
                    *first = kind.min(*first);
                }
                _ => merged.push((range, kind)),
            }
        }
        let mut redacted = String::with_capacity(text.len());
        let mut at = 0;
        for (range, kind) in merged {
            redacted.push_str(text.get(at..range.start).unwrap_or_default());
            redacted.push_str(PLACEHOLDERS[kind]);
            at = range.end;
        }
        redacted.push_str(text.get(at..).unwrap_or_default());
        Cow::Owned(redacted)
    }

    /// What is found in a folded text, in the order of [`PLACEHOLDERS`].
    fn found(&self, plain: &str) -> [Vec<Range<usize>>; PLACEHOLDERS.len()] {
        let mut emails = network::emails(plain);
        emails.extend(self.names.addresses(plain));
        [
            emails,
            network::urls(plain),
            numbers::ibans(plain),
            network::ips(plain),
            numbers::cards(plain),
            numbers::phones(plain),
            self.names.names(plain),
        ]
    }
}

/// Whether words of this script are written without spaces between them, or, as in Korean, with particles that are written
/// as one word with whatever they follow.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{2E80}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7AF}' | '\u{1100}'..='\u{11FF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// What [`masked`] puts for a letter of three bytes. Folding leaves none of them in a text.
const MASK: char = '\u{2026}';

/// A folded text with signs of the same length for the letters of unspaced scripts; nothing if there are none. To the patterns
/// a letter is a letter: "\b" is not between a Chinese one and a Latin one, so the words and numbers of "电话是0171 2345678"
/// would begin nowhere.
fn masked(folded: &str) -> Option<String> {
    if !folded.contains(is_unspaced) {
        return None;
    }
    let mask = |c: char| match (is_unspaced(c), c.len_utf8()) {
        (false, _) => c,
        (true, 4) => '\u{1F4AC}',
        (true, _) => MASK,
    };
    Some(folded.chars().map(mask).collect())
}

/// The text with its placeholders taken out again, for analyses that would take them for words.
pub fn without_placeholders(text: &str) -> Cow<'_, str> {
    if !text.contains('[') {
        return Cow::Borrowed(text);
    }
    PLACEHOLDERS.iter().fold(Cow::Borrowed(text), |text, placeholder| {
        if text.contains(placeholder) { Cow::Owned(text.replace(placeholder, ", ")) } else { text }
    })
}

#[cfg(test)]
mod tests;

//! A text in a plain form to search in, which knows where each part of it comes from.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The text in lower case, without accents, in ASCII where Unicode has a compatible spelling (full-width letters, digits of
/// other scripts, typographic hyphens and spaces), without invisible characters.
#[derive(Debug)]
pub struct Folded {
    /// What to search in.
    pub text: String,
    /// For each byte of it, where the character that it stands for begins and ends in the original.
    origins: Vec<(u32, u32)>,
}

impl Folded {
    /// Folds a text.
    pub fn new(original: &str) -> Self {
        let mut folded =
            Self { text: String::with_capacity(original.len()), origins: Vec::with_capacity(original.len()) };
        for (start, c) in original.char_indices() {
            let end = start + c.len_utf8();
            if is_invisible(c) || is_combining_mark(c) {
                // Belongs to what is before it, so that it goes when that goes.
                if let Some(last) = folded.origins.last_mut() {
                    last.1 = position(end);
                }
                continue;
            }
            let before = folded.text.len();
            if c.is_ascii() {
                folded.text.push(c.to_ascii_lowercase());
            } else {
                fold_char(c, &mut folded.text);
            }
            folded.origins.resize(folded.text.len(), (position(start), position(end)));
            debug_assert!(folded.text.len() >= before);
        }
        folded
    }

    /// Where a part of the folded text comes from.
    pub fn origin(&self, range: Range<usize>) -> Range<usize> {
        let (Some(first), Some(last)) = (self.origins.get(range.start), self.origins.get(range.end.saturating_sub(1)))
        else {
            return 0..0;
        };
        // What belongs to the character may have been noted on another of its bytes.
        first.0 as usize..last.1 as usize
    }
}

/// Texts are far below four gigabytes; one that is not is cut off, not mixed up.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The folded form of a single text, for comparing.
pub fn fold(text: &str) -> String {
    Folded::new(text).text
}

fn fold_char(c: char, into: &mut String) {
    if let Some(digit) = digit(c) {
        into.push(digit);
    } else if is_hyphen(c) {
        into.push('-');
    } else if c.is_whitespace() {
        into.push(' ');
    } else if matches!(c, '\u{2019}' | '\u{2018}' | '\u{02BC}' | '\u{2032}' | '\u{FF07}') {
        into.push('\'');
    } else if matches!(c, '\u{AC00}'..='\u{D7A3}') {
        // Hangul would fall apart into its letters.
        into.push(c);
    } else {
        let plain = std::iter::once(c).nfkd().filter(|c| !is_combining_mark(*c));
        into.extend(plain.flat_map(char::to_lowercase).filter(|c| !is_combining_mark(*c)).map(|c| match c {
            'ß' => 's',
            'ı' => 'i',
            'ł' => 'l',
            'ø' => 'o',
            'đ' => 'd',
            // Arabic and Persian write some letters in several ways.
            'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
            'ى' | 'ی' => 'ي',
            'ک' => 'ك',
            'ة' => 'ه',
            c => c,
        }));
    }
}

/// Decimal digits of the scripts that participants write in, as ASCII.
fn digit(c: char) -> Option<char> {
    const ZEROS: [char; 15] = [
        '\u{0660}', '\u{06F0}', '\u{0966}', '\u{09E6}', '\u{0A66}', '\u{0AE6}', '\u{0BE6}', '\u{0C66}', '\u{0CE6}',
        '\u{0E50}', '\u{0ED0}', '\u{1040}', '\u{17E0}', '\u{07C0}', '\u{FF10}',
    ];
    let zero = ZEROS.iter().find(|zero| (**zero as u32..=**zero as u32 + 9).contains(&(c as u32)))?;
    char::from_digit(c as u32 - *zero as u32, 10)
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}' | '\u{30FC}')
}

/// Characters that do not show, and which could be put between the letters of anything.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{0640}'
        | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_fall_together() {
        assert_eq!(fold("ＪＡＮＥ＠Ｅｘａｍｐｌｅ．ｃｏｍ"), "jane@example.com");
        assert_eq!(fold("Jose\u{301} José"), "jose jose");
        assert_eq!(fold("٠١٢٣ ۴۵"), "0123 45");
        assert_eq!(fold("4111\u{2011}1111\u{a0}1\u{200b}1"), "4111-1111 11");
        assert_eq!(fold("Łukasz Øystein Straße"), "lukasz oystein strase");
        assert_eq!(fold("أحمد"), fold("احمد"));
    }

    #[test]
    fn origins_cover_marks_and_invisible_characters() {
        let original = "x Jose\u{301}\u{200b} y";
        let folded = Folded::new(original);
        let at = folded.text.find("jose").expect("found");
        assert_eq!(&original[folded.origin(at..at + 4)], "Jose\u{301}\u{200b}");
    }

    proptest! {
        #[test]
        fn origins_are_ranges_of_the_original(text in "\\PC{0,40}") {
            let folded = Folded::new(&text);
            for (index, c) in folded.text.char_indices() {
                let range = folded.origin(index..index + c.len_utf8());
                prop_assert!(text.get(range.clone()).is_some_and(|part| !part.is_empty()), "{range:?}");
            }
        }
    }
}

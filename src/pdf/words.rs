//! Texts as the template takes them.

use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation;

use super::{fonts::in_bold, labels::primary};

/// Characters without a space between them that still fit on a line, however wide they are.
const UNBROKEN: usize = 40;
/// The same for a narrow column and for large letters. Only of letters that may be joined: the template measures the others.
const NARROW: usize = 25;

/// A text with the direction that it is written in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Words {
    /// Its lines.
    pub lines: Vec<String>,
    /// Whether it runs from right to left.
    pub rtl: bool,
    /// Its language, for shaping.
    pub lang: String,
    /// Whether all its letters exist in bold. A title of which only half is bold looks broken.
    pub bold: bool,
}

impl Words {
    /// A text, in the language of the session unless its script says otherwise.
    pub fn new(text: &str, language: &str) -> Self {
        Self::broken(text, language, UNBROKEN, &[])
    }

    /// A text that the template fits into a narrow column or sets in large letters. An address is best broken where its parts end.
    pub fn fitted(text: &str, language: &str) -> Self {
        let longest = if is_text_rtl(text, language) { NARROW } else { usize::MAX };
        Self::broken(text, language, longest, &["@", ".", "_", "-"])
    }

    fn broken(text: &str, language: &str, longest: usize, ends: &[&str]) -> Self {
        let lines = text.lines().map(|line| clean(line, longest, ends));
        let mut lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
        if lines.is_empty() {
            lines.push(String::new());
        }
        let first = text.chars().find(|c| c.is_alphabetic());
        let rtl = is_text_rtl(text, language);
        let lang = match first {
            Some('\u{0590}'..='\u{05FF}' | '\u{FB1D}'..='\u{FB4F}') => "he".to_owned(),
            Some('\u{3040}'..='\u{30FF}') => "ja".to_owned(),
            Some('\u{AC00}'..='\u{D7AF}') => "ko".to_owned(),
            _ => primary(language),
        };
        // A language of the other direction would turn its punctuation around.
        let lang = if rtl && !matches!(lang.as_str(), "ar" | "fa" | "ur" | "he") { "ar".to_owned() } else { lang };
        let bold = text.chars().filter(|c| c.is_alphabetic()).all(in_bold);
        Self { lines, rtl, lang, bold }
    }

    /// At most `limit` characters of a text, on one line, cut at a word if there is one near.
    pub fn excerpt(text: &str, language: &str, limit: usize) -> Self {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.graphemes(true).count() <= limit {
            return Self::new(&line, language);
        }
        let cut: String = line.graphemes(true).take(limit).collect();
        let end = cut.rfind(' ').filter(|end| *end * 10 > cut.len() * 8).unwrap_or(cut.len());
        Self::new(&format!("{}…", cut[..end].trim_end_matches([',', ';', ':', ' '])), language)
    }
}

/// Whether a text runs from right to left: its first letter says so. Figures alone have no direction but the language's.
fn is_text_rtl(text: &str, language: &str) -> bool {
    text.chars().find(|c| c.is_alphabetic()).map_or_else(|| runs_rtl(language), is_rtl)
}

/// Whether a language is written from right to left.
pub fn runs_rtl(language: &str) -> bool {
    matches!(primary(language).as_str(), "ar" | "fa" | "ur" | "he" | "ps" | "sd" | "ug" | "ckb" | "yi" | "dv")
}

fn is_rtl(c: char) -> bool {
    matches!(c, '\u{0590}'..='\u{08FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}')
}

/// A line without control characters that can be broken after `ends`, and in words of more than `longest` characters.
fn clean(line: &str, longest: usize, ends: &[&str]) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut unbroken = 0;
    for character in line.trim().graphemes(true) {
        if character.chars().all(|c| c.is_whitespace() || c.is_control()) {
            clean.push(' ');
            unbroken = 0;
            continue;
        }
        if unbroken == longest {
            clean.push('\u{200B}');
            unbroken = 0;
        }
        clean.extend(character.chars().filter(|c| !c.is_control()));
        unbroken += 1;
        if ends.contains(&character) {
            clean.push('\u{200B}');
            unbroken = 0;
        }
    }
    clean.truncate(clean.trim_end_matches(|c: char| c.is_whitespace() || c == '\u{200B}').len());
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direction_and_language_follow_the_script() {
        let arabic = Words::new("مرحبا بكم", "en");
        assert_eq!((arabic.rtl, arabic.lang.as_str()), (true, "ar"));
        let german = Words::new("„Grüße“", "de-AT");
        assert_eq!((german.rtl, german.lang.as_str()), (false, "de"));
        assert_eq!(Words::new("こんにちは", "en").lang, "ja");
        assert_eq!(Words::new("Hello", "not a language").lang, "en");
        assert!(Words::new("9 (0–10)", "ar-EG").rtl && !Words::new("9 (0–10)", "de").rtl);
    }

    #[test]
    fn half_a_text_is_never_bold() {
        for whole in ["Jane Doe", "客户满意度访谈", "استطلاع", "Щука 10 – ✓ 😀", "8"] {
            assert!(Words::new(whole, "en").bold, "{whole}");
        }
        for half in ["顧客調査", "顧客 Survey", "한국어", "हिन्दी", "刘祎"] {
            assert!(!Words::new(half, "en").bold, "{half}");
        }
    }

    #[test]
    fn addresses_are_broken_between_their_parts() {
        let parts = |text: &str| -> Vec<String> {
            Words::fitted(text, "en").lines[0].split('\u{200B}').map(str::to_owned).collect()
        };
        assert_eq!(parts("a.doe@my-firm.example"), ["a.", "doe@", "my-", "firm.", "example"]);
        assert_eq!(parts("alexandrapapadopoulosofathens@x.gr")[0], "alexandrapapadopoulosofathens@");
        assert_eq!(parts(&"م".repeat(30)).len(), 2);
        assert_eq!(parts("Nothing. Here"), ["Nothing.", " Here"]);
        assert_eq!(parts("The end."), ["The end."]);
    }

    #[test]
    fn lines_are_cleaned() {
        let words = Words::new("one\u{7}\r\n\n  two\tthree ", "en");
        assert_eq!(words.lines, ["one", "two three"]);
        assert_eq!(Words::new(&"x".repeat(100), "en").lines[0].matches('\u{200B}').count(), 2);
    }

    #[test]
    fn excerpts_end_at_a_word() {
        assert_eq!(Words::excerpt("short", "en", 10).lines, ["short"]);
        assert_eq!(Words::excerpt("a long sentence, with an end", "en", 17).lines, ["a long sentence…"]);
        assert_eq!(Words::excerpt("这是一个很长的句子", "zh", 4).lines, ["这是一个…"]);
    }
}

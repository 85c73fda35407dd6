//! Texts as the template takes them.

use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation;

use super::labels::primary;

/// Characters without a space between them that still fit on a line.
const UNBROKEN: usize = 40;

/// A text with the direction that it is written in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Words {
    /// Its lines.
    pub lines: Vec<String>,
    /// Whether it runs from right to left.
    pub rtl: bool,
    /// Its language, for shaping.
    pub lang: String,
}

impl Words {
    /// A text, in the language of the session unless its script says otherwise.
    pub fn new(text: &str, language: &str) -> Self {
        let mut lines: Vec<String> = text.lines().map(clean).filter(|line| !line.is_empty()).collect();
        if lines.is_empty() {
            lines.push(String::new());
        }
        let first = text.chars().find(|c| c.is_alphabetic());
        let rtl = first.is_some_and(is_rtl);
        let lang = match first {
            Some('\u{0590}'..='\u{05FF}' | '\u{FB1D}'..='\u{FB4F}') => "he".to_owned(),
            Some('\u{3040}'..='\u{30FF}') => "ja".to_owned(),
            Some('\u{AC00}'..='\u{D7AF}') => "ko".to_owned(),
            _ => primary(language),
        };
        // A language of the other direction would turn its punctuation around.
        let lang = if rtl && !matches!(lang.as_str(), "ar" | "fa" | "ur" | "he") { "ar".to_owned() } else { lang };
        Self { lines, rtl, lang }
    }

    /// At most `limit` characters of a text, on one line, cut at a word if there is one near.
    pub fn excerpt(text: &str, language: &str, limit: usize) -> Self {
        let line = clean(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        if line.graphemes(true).count() <= limit {
            return Self::new(&line, language);
        }
        let cut: String = line.graphemes(true).take(limit).collect();
        let end = cut.rfind(' ').filter(|end| *end * 10 > cut.len() * 8).unwrap_or(cut.len());
        Self::new(&format!("{}…", cut[..end].trim_end_matches([',', ';', ':', ' '])), language)
    }
}

fn is_rtl(c: char) -> bool {
    matches!(c, '\u{0590}'..='\u{08FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}')
}

/// A line without control characters, in which even endless words can be broken.
fn clean(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut unbroken = 0;
    for character in line.trim().graphemes(true) {
        if character.chars().all(|c| c.is_whitespace() || c.is_control()) {
            clean.push(' ');
            unbroken = 0;
            continue;
        }
        if unbroken == UNBROKEN {
            clean.push('\u{200B}');
            unbroken = 0;
        }
        clean.extend(character.chars().filter(|c| !c.is_control()));
        unbroken += 1;
    }
    clean.truncate(clean.trim_end().len());
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

//! Whether a text may be analysed as English.
//!
//! The session's language decides; detection only takes texts out, where a participant answers an English interview in
//! another language. It is not asked the other way round: a few English words in a German interview are no English text.

use whatlang::{Lang, Script};

/// Below this many letters a guess by letter statistics is worth nothing, and the session's language is believed.
const ENOUGH: usize = 40;

/// Whether `text`, said in a session held in `language`, is English as far as one can tell.
pub fn is_english(language: &str, text: &str) -> bool {
    let primary = language.split(['-', '_']).next().unwrap_or_default();
    if !primary.eq_ignore_ascii_case("en") {
        return false;
    }
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    match whatlang::detect_script(text) {
        // Digits, emoji: nothing that another language could be told by.
        None => true,
        Some(Script::Latin) if letters < ENOUGH || is_plainly_english(text) => true,
        Some(Script::Latin) => {
            !whatlang::detect(text).is_some_and(|found| found.lang() != Lang::Eng && found.is_reliable())
        }
        // A script is certain, however short the text.
        Some(_) => false,
    }
}

/// Words that English sentences are full of, and sentences of other languages are not.
const ENGLISH: &[&str] = &[
    "the", "and", "is", "of", "it", "i", "you", "that", "we", "my", "our", "with", "for", "this", "have", "are", "but",
    "not", "they", "would", "what", "your", "it's", "i'm", "had", "been", "at", "which", "there", "when", "from",
    "really",
];

/// Whether at least every eighth word is one of them. Spares the statistics, which take as long as everything else together,
/// for nearly every text that is English.
fn is_plainly_english(text: &str) -> bool {
    let (mut words, mut known) = (0, 0);
    for word in text.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        words += 1;
        known += usize::from(ENGLISH.iter().any(|english| english.eq_ignore_ascii_case(bare)));
    }
    known >= 2 && known * 8 >= words
}

#[cfg(test)]
mod tests {
    use super::is_english;

    #[test]
    fn the_language_of_the_session_decides() {
        assert!(is_english("en", "Yes."));
        assert!(is_english("en-GB", "I liked the onboarding, but the price is too high for us."));
        assert!(is_english("EN_us", ""));
        assert!(!is_english("de", "I liked the onboarding, but the price is too high for us."));
        assert!(!is_english("", "Yes."));
    }

    #[test]
    fn another_language_in_an_english_session_is_noticed() {
        let german = "Ich fand die Einrichtung gut, aber der Preis ist für unsere Abteilung leider viel zu hoch.";
        assert!(!is_english("en", german));
        assert!(!is_english("en", "好的"));
        assert!(!is_english("en", "نعم"));
        assert!(is_english("en", "👍"));
        assert!(is_english("en", "9"));
    }
}

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
        Some(Script::Latin) if letters < ENOUGH => true,
        Some(Script::Latin) => {
            !whatlang::detect(text).is_some_and(|found| found.lang() != Lang::Eng && found.is_reliable())
        }
        // A script is certain, however short the text.
        Some(_) => false,
    }
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

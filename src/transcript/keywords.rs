//! What a text is about: key phrases by YAKE. English only, like the sentiment.

use std::sync::LazyLock;

use yake_rust::{Config, ResultItem, StopWords};

use super::{language, redaction};

static STOP_WORDS: LazyLock<StopWords> = LazyLock::new(|| StopWords::predefined("en").unwrap_or_default());

/// Longer texts are cut: the cost grows faster than the text, and a key phrase shows in 40,000 characters, or not at all.
const MAX_TEXT: usize = 40_000;

/// Longer "words" are no words, and costly to compare.
const MAX_WORD: usize = 60;

/// Up to `count` key phrases of at most three words, lower-case, the most telling first; nothing where the language of the
/// text is not supported.
///
/// Phrases whose scores agree to nine digits come in the order of the alphabet: the crate adds numbers up in the order of
/// a hash table, so that the last digits differ from run to run.
pub fn of(language: &str, text: &str, count: usize) -> Option<Vec<String>> {
    language::is_english(language, text).then(|| ranked(text, count))
}

fn ranked(text: &str, count: usize) -> Vec<String> {
    let text = prepared(text);
    let config = Config { remove_duplicates: false, ..Config::default() };
    let mut found: Vec<(f64, ResultItem)> = yake_rust::get_n_best(usize::MAX, &text, &STOP_WORDS, &config)
        .into_iter()
        .map(|item| (rounded(item.score), item))
        .collect();
    found.sort_by(|(a, one), (b, other)| a.total_cmp(b).then_with(|| one.keyword.cmp(&other.keyword)));
    let mut chosen: Vec<String> = Vec::with_capacity(count);
    for (_, item) in found {
        if chosen.len() == count {
            break;
        }
        if !chosen.iter().any(|known| alike(known, &item.keyword)) {
            chosen.push(item.keyword);
        }
    }
    chosen
}

/// The key phrases of several texts together, none of which is part of another; nothing if no text is in a supported
/// language.
pub fn together<'t>(language: &str, texts: impl Iterator<Item = &'t str>, count: usize) -> Option<Vec<String>> {
    let mut all = String::new();
    for text in texts.map(str::trim).filter(|text| !text.is_empty() && language::is_english(language, text)) {
        all.push_str(text);
        // A sentence ends where a text ends.
        all.push_str(if text.ends_with(['.', '!', '?']) { "\n" } else { ".\n" });
    }
    if all.is_empty() {
        return None;
    }
    let mut chosen: Vec<String> = Vec::with_capacity(count);
    let part = |one: &str, other: &str| format!(" {other} ").contains(&format!(" {one} "));
    for phrase in ranked(&all, count * 5) {
        if chosen.len() < count && !chosen.iter().any(|known| part(known, &phrase) || part(&phrase, known)) {
            chosen.push(phrase);
        }
    }
    Some(chosen)
}

/// The text without what is no phrase: placeholders of a redaction, overlong words.
fn prepared(text: &str) -> String {
    let text = redaction::without_placeholders(text);
    let words = text.split_whitespace().filter(|word| word.chars().count() <= MAX_WORD);
    let mut prepared = String::with_capacity(text.len().min(MAX_TEXT));
    for word in words {
        if prepared.len() + word.len() >= MAX_TEXT {
            break;
        }
        if !prepared.is_empty() {
            prepared.push(' ');
        }
        prepared.push_str(word);
    }
    prepared
}

fn rounded(score: f64) -> f64 {
    format!("{score:.8e}").parse().unwrap_or(score)
}

/// YAKE's own measure of likeness: one minus the edit distance by the longer length, more than 0.9.
fn alike(one: &str, other: &str) -> bool {
    let longer = one.len().max(other.len());
    // A distance is at least the difference in length.
    if one.len().abs_diff(other.len()) as f64 >= 0.1 * longer as f64 {
        return false;
    }
    1.0 - distance(one, other) as f64 / longer as f64 > 0.9
}

fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found() {
        let text = "The checkout process kept failing and I lost my shopping cart. The checkout process needs work.";
        let found = of("en", text, 3).expect("English");
        assert_eq!(found.len(), 3);
        assert!(found.contains(&"checkout process".to_owned()), "{found:?}");
    }

    #[test]
    fn nothing_to_find_is_empty_and_no_language_is_none() {
        assert_eq!(of("en", "Yes, no.", 5), Some(vec![]));
        assert_eq!(of("en", "", 5), Some(vec![]));
        assert_eq!(of("de", "Der Bezahlvorgang brach ab.", 5), None);
    }

    #[test]
    fn placeholders_are_no_keywords() {
        let found = of("en", "Please write to [EMAIL] about the invoice template, says [NAME].", 10).expect("English");
        assert!(found.iter().any(|phrase| phrase.contains("invoice")), "{found:?}");
        assert!(!found.iter().any(|phrase| phrase.contains("email") || phrase.contains("name")), "{found:?}");
    }

    #[test]
    fn phrases_of_several_texts_are_no_parts_of_each_other() {
        let texts = [
            "We met at a conference in Lisbon",
            "The mobile app crashes.",
            "Das war auf einer langen Konferenz in Lissabon, mit vielen Leuten.",
        ];
        let found = together("en", texts.into_iter(), 6).expect("English");
        assert!(found.contains(&"conference in lisbon".to_owned()), "{found:?}");
        assert!(!found.iter().any(|phrase| phrase == "lisbon" || phrase.contains("konferenz")), "{found:?}");
        assert_eq!(together("de", texts.into_iter(), 6), None);
        assert_eq!(together("en", std::iter::empty(), 6), None);
    }

    #[test]
    fn likeness() {
        assert!(alike("customer supports", "customer support"));
        assert!(!alike("support", "export"));
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}

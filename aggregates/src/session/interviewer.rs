//! The interviewer that needs no model: when it wants to know more, and what it says.
//!
//! **Rule of the follow-up.** An answer in the participant's own words is followed up on when it is *short* (fewer than
//! [`SHORT`] words, where two letters of a script that writes syllables make a word) or *vague* (at most [`VAGUE`] words,
//! and one of the language's stock phrases for having no opinion is among them), unless the participant declines to answer.
//! How often is for the question and the settings to say.
//!
//! Everything here is a pure function, and says the same in the same place of the same interview.

use crate::session::{Given, languages::phrases, timeline::is_syllabic};

/// An answer of fewer words is short.
pub const SHORT: usize = 8;
/// An answer of more words is never vague.
pub const VAGUE: usize = 25;

/// Whether an answer is to be followed up on.
pub fn wants_more(text: &str, language: &str) -> bool {
    let words = word_count(text);
    let text = normalized(text);
    let says = |list: &[&str]| list.iter().any(|phrase| contains_phrase(&text, &normalized(phrase)));
    let phrases = phrases(language);
    !says(phrases.declining) && (words < SHORT || words <= VAGUE && says(phrases.vague))
}

/// What the interviewer says between an answer (or a skip, which is none) and the next question.
pub fn transition(language: &str, given: Option<&Given>, variety: usize) -> &'static str {
    let phrases = phrases(language);
    match given {
        None => phrases.after_skip,
        Some(_) => pick(phrases.transitions, variety),
    }
}

/// How the interviewer asks for more about an answer.
pub fn follow_up(language: &str, answer: &str, question_id: &str, asked: u32) -> &'static str {
    let phrases = phrases(language);
    let templates = if word_count(answer) < SHORT { phrases.more } else { phrases.concrete };
    let offset: usize = question_id.bytes().map(usize::from).sum();
    pick(templates, offset.wrapping_add(asked as usize))
}

fn pick(templates: &'static [&'static str], variety: usize) -> &'static str {
    templates.get(variety % templates.len().max(1)).copied().unwrap_or_default()
}

/// Words; of scripts without spaces, two letters count as one.
fn word_count(text: &str) -> usize {
    let syllables = text.chars().filter(|letter| is_syllabic(*letter)).count();
    let words = text.split(|letter: char| letter.is_whitespace() || is_syllabic(letter));
    words.filter(|word| word.chars().any(char::is_alphanumeric)).count() + syllables.div_ceil(2)
}

/// In lower case, with nothing but letters, digits and single spaces.
fn normalized(text: &str) -> String {
    let letters = text.to_lowercase().replace(['\'', '’'], "");
    let words: Vec<&str> =
        letters.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Whether the phrase stands in the text as whole words; in scripts without spaces, anywhere.
fn contains_phrase(text: &str, phrase: &str) -> bool {
    if phrase.chars().any(is_syllabic) {
        return text.contains(phrase);
    }
    format!(" {text} ").contains(&format!(" {phrase} "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::languages::LANGUAGES;

    #[test]
    fn short_and_vague_answers_are_followed_up_on() {
        for (language, text, more) in [
            ("en", "It was fine.", true),
            ("en", "Yes", true),
            ("en", "...", true),
            ("en", "I don’t know, it all seemed rather ordinary to me that day.", true),
            ("en", "The checkout lost my basket twice and I had to start again from the beginning.", false),
            ("en", "I'd rather not say", false),
            (
                "en-GB",
                "They never told us why the delivery was late, and I dont know whether anybody ever asked, but \
              the driver was friendly and he came back on the next day with everything.",
                false,
            ),
            ("de", "Keine Ahnung, das war alles irgendwie wie immer, würde ich sagen.", true),
            ("de", "Die Lieferung kam zwei Tage zu spät, und niemand hat Bescheid gesagt.", false),
            ("de", "Dazu möchte ich nichts sagen.", false),
            ("fr", "Je ne sais pas trop, c’était comme d’habitude, rien de particulier.", true),
            ("es", "No lo sé, la verdad es que todo fue como siempre en la tienda.", true),
            ("ar", "لا أعرف، كان كل شيء عاديا كما هو الحال في كل مرة", true),
            ("zh", "还可以。", true),
            ("zh", "我不知道，大概和平时差不多吧，没有什么特别的感觉。", true),
            ("zh", "结账的时候页面崩溃了两次，我只好重新把所有商品放进购物车。", false),
            ("zh", "不方便说", false),
            ("nl", "fine", true),
        ] {
            assert_eq!(wants_more(text, language), more, "{language}: {text}");
        }
    }

    #[test]
    fn wording_varies_but_not_at_random() {
        for language in LANGUAGES {
            let said: Vec<_> = (0..4).map(|n| transition(language, Some(&Given::YesNo(true)), n)).collect();
            assert!(said.windows(2).all(|pair| pair[0] != pair[1]), "{language}");
            let (first, second) = (follow_up(language, "ok", "q1", 0), follow_up(language, "ok", "q1", 1));
            assert_ne!(first, second, "{language}: the same question twice in a row");
            assert_eq!(first, follow_up(language, "ok", "q1", 0));
        }
    }
}

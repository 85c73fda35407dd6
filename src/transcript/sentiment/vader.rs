//! The VADER rules, as the Python reference implementation (vaderSentiment 3.3.2) has them, oddities included.
//!
//! The crate `vader-sentimental` knows the lexicon, and is asked for the value of single words; of its own rules, some
//! differ from the reference (it adds every booster that is *part of* one of three words before, and has "Not really, no."
//! as positive), and some follow the order of a hash table, so that the same text may get two scores.

use std::{borrow::Cow, collections::HashMap};

use vader_sentimental::SentimentIntensityAnalyzer;

const BOOST: f64 = 0.293;
const CAPITALS: f64 = 0.733;
const NEGATION: f64 = -0.74;
const PUNCTUATION: &str = r##"!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##;

const NEGATIONS: &[&str] = &[
    "aint", "arent", "cannot", "cant", "couldnt", "darent", "didnt", "doesnt", "dont", "hadnt", "hasnt", "havent",
    "isnt", "mightnt", "mustnt", "neither", "neednt", "never", "none", "nope", "nor", "not", "nothing", "nowhere",
    "oughtnt", "shant", "shouldnt", "uhuh", "wasnt", "werent", "uh-uh", "without", "wont", "wouldnt", "rarely",
    "seldom", "despite",
];

const INTENSIFIERS: &[&str] = &[
    "absolutely",
    "amazingly",
    "awfully",
    "completely",
    "considerable",
    "considerably",
    "decidedly",
    "deeply",
    "effing",
    "enormous",
    "enormously",
    "entirely",
    "especially",
    "exceptional",
    "exceptionally",
    "extreme",
    "extremely",
    "fabulously",
    "flipping",
    "flippin",
    "frackin",
    "fracking",
    "fricking",
    "frickin",
    "frigging",
    "friggin",
    "fully",
    "fuckin",
    "fucking",
    "fuggin",
    "fugging",
    "greatly",
    "hella",
    "highly",
    "hugely",
    "incredible",
    "incredibly",
    "intensely",
    "major",
    "majorly",
    "more",
    "most",
    "particularly",
    "purely",
    "quite",
    "really",
    "remarkably",
    "so",
    "substantially",
    "thoroughly",
    "total",
    "totally",
    "tremendous",
    "tremendously",
    "uber",
    "unbelievably",
    "unusually",
    "utter",
    "utterly",
    "very",
];

const DAMPENERS: &[&str] = &[
    "almost",
    "barely",
    "hardly",
    "just enough",
    "kind of",
    "kinda",
    "kindof",
    "kind-of",
    "less",
    "little",
    "marginal",
    "marginally",
    "occasional",
    "occasionally",
    "partly",
    "scarce",
    "scarcely",
    "slight",
    "slightly",
    "somewhat",
    "sort of",
    "sorta",
    "sortof",
    "sort-of",
];

const IDIOMS: &[(&str, f64)] = &[
    ("the shit", 3.0),
    ("the bomb", 3.0),
    ("bad ass", 1.5),
    ("badass", 1.5),
    ("bus stop", 0.0),
    ("yeah right", -2.0),
    ("kiss of death", -1.5),
    ("to die for", 3.0),
    ("beating heart", 3.5),
];

/// Where the crate's list differs from the reference's: it lacks two words, takes `:P` for `:p`, and never looks at the only
/// entry of one character.
const AMENDED: &[(&str, f64)] = &[("heart", 3.2), ("hearts", 3.3), (":p", 1.0), ("l", 2.0)];

/// Scores texts. Keeps the values of the words that it has met, so make one for each transcript, not one for ever.
pub struct Vader {
    lexicon: SentimentIntensityAnalyzer<'static>,
    words: HashMap<String, Known>,
}

/// What is known of a word.
#[derive(Clone, Copy)]
struct Known {
    /// What the lexicon says.
    value: Option<f64>,
    /// What it adds to a word that follows.
    boost: Option<f64>,
    /// Whether it turns around a word that follows.
    negates: bool,
}

struct Word {
    lower: String,
    known: Known,
    capitals: bool,
}

impl Default for Vader {
    fn default() -> Self {
        Self { lexicon: SentimentIntensityAnalyzer::new(), words: HashMap::new() }
    }
}

impl Vader {
    /// The compound score of a text, from -1 to 1, with four decimals.
    pub fn compound(&mut self, text: &str) -> f64 {
        let text =
            if text.is_ascii() { Cow::Borrowed(text) } else { self.lexicon.append_emoji_descriptions(text).into() };
        let words: Vec<Word> = text.split_whitespace().map(|token| self.word(stripped(token))).collect();
        if words.is_empty() {
            return 0.0;
        }
        let shouted = words.iter().filter(|word| word.capitals).count();
        let mixed = shouted > 0 && shouted < words.len();
        let mut values: Vec<f64> = (0..words.len()).map(|index| value(&words, index, mixed)).collect();
        contrast(&words, &mut values);
        let sum: f64 = values.iter().sum();
        let emphasis = emphasis(&text);
        let sum = if sum > 0.0 {
            sum + emphasis
        } else if sum < 0.0 {
            sum - emphasis
        } else {
            sum
        };
        let compound = (sum / (sum * sum + 15.0).sqrt()).clamp(-1.0, 1.0);
        (compound * 10_000.0).round() / 10_000.0
    }

    fn word(&mut self, text: &str) -> Word {
        let lower = text.to_lowercase();
        let known = match self.words.get(&lower) {
            Some(known) => *known,
            None => {
                let known = Known { value: self.look_up(&lower), boost: booster(&lower), negates: negates(&lower) };
                self.words.insert(lower.clone(), known);
                known
            }
        };
        let cased = |c: char| c.is_uppercase() || c.is_lowercase();
        let capitals = text.chars().any(char::is_uppercase) && !text.chars().any(|c| cased(c) && !c.is_uppercase());
        Word { lower, known, capitals }
    }

    /// The value of a word in the lexicon. The crate gives the score of a text of one word, which is undone here: values have
    /// one decimal.
    fn look_up(&self, word: &str) -> Option<f64> {
        if let Some((_, value)) = AMENDED.iter().find(|(known, _)| *known == word) {
            return Some(*value);
        }
        // The crate would look for the word without its punctuation, where the reference does not.
        let bare = word.trim_matches(|c| PUNCTUATION.contains(c));
        if bare.len() > 1 && bare.len() < word.len() {
            return None;
        }
        let compound = self.lexicon.polarity_scores(word).compound;
        let total = compound * (15.0 / (1.0 - compound * compound)).sqrt();
        let marks = 0.292 * word.matches('!').count().min(4) as f64 + 0.18 * word.matches('?').count() as f64;
        let value = ((total.abs() - marks) * 10.0).round() / 10.0;
        (value > 0.0).then(|| value.copysign(total))
    }
}

/// A word without punctuation around it; what would be left with two characters or fewer is probably an emoticon.
fn stripped(token: &str) -> &str {
    let bare = token.trim_matches(|c| PUNCTUATION.contains(c));
    if bare.chars().count() <= 2 { token } else { bare }
}

fn booster(word: &str) -> Option<f64> {
    if INTENSIFIERS.contains(&word) {
        Some(BOOST)
    } else if DAMPENERS.contains(&word) {
        Some(-BOOST)
    } else {
        None
    }
}

fn negates(word: &str) -> bool {
    NEGATIONS.contains(&word) || word.contains("n't")
}

fn value(words: &[Word], index: usize, mixed: bool) -> f64 {
    let word = &words[index];
    let next = words.get(index + 1);
    if word.known.boost.is_some() || (word.lower == "kind" && next.is_some_and(|next| next.lower == "of")) {
        return 0.0;
    }
    let Some(listed) = word.known.value else { return 0.0 };
    let before = |distance: usize| index.checked_sub(distance).map(|at| words[at].lower.as_str());
    let mut value = listed;
    if word.lower == "no" && next.is_some_and(|next| next.known.value.is_some()) {
        value = 0.0;
    }
    if before(1) == Some("no")
        || before(2) == Some("no")
        || (before(3) == Some("no") && matches!(before(1), Some("or" | "nor")))
    {
        value = listed * NEGATION;
    }
    if word.capitals && mixed {
        value += if value > 0.0 { CAPITALS } else { -CAPITALS };
    }
    for distance in 1..=3 {
        let Some(at) = index.checked_sub(distance) else { break };
        if words[at].known.value.is_some() {
            continue;
        }
        let damped = [1.0, 0.95, 0.9][distance - 1];
        value += boost(&words[at], value, mixed) * damped;
        value = negated(words, index, distance, value);
        if distance == 3 {
            value = idioms(words, index, value);
        }
    }
    let least = index > 0 && words[index - 1].known.value.is_none() && words[index - 1].lower == "least";
    if least && !matches!(before(2), Some("at" | "very")) { value * NEGATION } else { value }
}

fn boost(word: &Word, value: f64, mixed: bool) -> f64 {
    let Some(scalar) = word.known.boost else { return 0.0 };
    let scalar = if value < 0.0 { -scalar } else { scalar };
    match (word.capitals && mixed, value > 0.0) {
        (true, true) => scalar + CAPITALS,
        (true, false) => scalar - CAPITALS,
        (false, _) => scalar,
    }
}

fn negated(words: &[Word], index: usize, distance: usize, value: f64) -> f64 {
    let at = |distance: usize| words[index - distance].lower.as_str();
    let stressed = |distance: usize| matches!(at(distance), "so" | "this");
    let (emphatic, doubtless) = match distance {
        2 => (at(2) == "never" && stressed(1), at(2) == "without" && at(1) == "doubt"),
        // The precedence is the reference's.
        3 => (
            (at(3) == "never" && stressed(2)) || stressed(1),
            at(3) == "without" && (at(2) == "doubt" || at(1) == "doubt"),
        ),
        _ => (false, false),
    };
    if emphatic {
        value * 1.25
    } else if doubtless || !words[index - distance].known.negates {
        value
    } else {
        value * NEGATION
    }
}

fn idioms(words: &[Word], index: usize, mut value: f64) -> f64 {
    let phrase = |range: std::ops::RangeInclusive<usize>| {
        let texts: Vec<&str> = words[range].iter().map(|word| word.lower.as_str()).collect();
        texts.join(" ")
    };
    let known = |phrase: &str| IDIOMS.iter().find(|(idiom, _)| *idiom == phrase).map(|(_, value)| *value);
    let around = [
        phrase(index - 1..=index),
        phrase(index - 2..=index),
        phrase(index - 2..=index - 1),
        phrase(index - 3..=index - 1),
        phrase(index - 3..=index - 2),
    ];
    if let Some(idiom) = around.iter().find_map(|phrase| known(phrase)) {
        value = idiom;
    }
    for ahead in 1..=2 {
        if let Some(idiom) =
            (index + ahead < words.len()).then(|| phrase(index..=index + ahead)).and_then(|p| known(&p))
        {
            value = idiom;
        }
    }
    let boosters = [&around[3], &around[4], &around[2]];
    value + boosters.iter().filter_map(|phrase| booster(phrase)).sum::<f64>()
}

/// What comes after "but" counts more than what comes before it. Like the reference, this changes the *first* of equal values.
fn contrast(words: &[Word], values: &mut [f64]) {
    let Some(but) = words.iter().position(|word| word.lower == "but") else { return };
    for index in 0..values.len() {
        let current = values[index];
        let first = values.iter().position(|value| *value == current).unwrap_or(index);
        if first < but {
            values[first] *= 0.5;
        } else if first > but {
            values[first] *= 1.5;
        }
    }
}

fn emphasis(text: &str) -> f64 {
    let exclamations = text.matches('!').count().min(4) as f64 * 0.292;
    let questions = match text.matches('?').count() {
        0 | 1 => 0.0,
        count @ 2..=3 => count as f64 * 0.18,
        _ => 0.96,
    };
    exclamations + questions
}

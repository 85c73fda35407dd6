//! How positive a text is. English only: for other languages there is no score, rather than a "neutral" one.

mod vader;

use serde::Serialize;

pub use vader::Vader;

use super::{Conversation, Utterance, language};

/// From here on a score counts as positive, and from its negative on as negative: the thresholds of VADER's authors.
const THRESHOLD: f64 = 0.05;

/// Which way a text leans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// A score of 0.05 or more.
    Positive,
    /// Anything between.
    Neutral,
    /// A score of -0.05 or less.
    Negative,
}

impl Label {
    /// The label of a score.
    pub fn of(score: f64) -> Self {
        if score >= THRESHOLD {
            Self::Positive
        } else if score <= -THRESHOLD {
            Self::Negative
        } else {
            Self::Neutral
        }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Neutral => "neutral",
            Self::Negative => "negative",
        }
    }
}

/// The sentiment of one utterance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sentiment {
    /// Which way it leans.
    pub label: Label,
    /// VADER's compound score, from -1 to 1.
    pub score: f64,
}

impl Sentiment {
    fn of(score: f64) -> Self {
        Self { label: Label::of(score), score }
    }
}

/// Scores texts of one session.
pub struct Scorer<'a> {
    /// The language that the session was held in; none where it must not be analysed.
    language: Option<&'a str>,
    vader: Vader,
}

impl<'a> Scorer<'a> {
    /// For a session.
    pub fn of(conversation: &'a Conversation) -> Self {
        let language = conversation.analysable.then_some(conversation.language.as_str());
        Self { language, vader: Vader::default() }
    }

    /// The sentiment of an utterance, or nothing where its language is not supported, or nothing was worded.
    pub fn score(&mut self, said: &Utterance) -> Option<Sentiment> {
        if said.chosen { None } else { self.score_text(&said.text) }
    }

    fn score_text(&mut self, text: &str) -> Option<Sentiment> {
        let supported = self.language.is_some_and(|session| language::is_english(session, text));
        supported.then(|| Sentiment::of(self.vader.compound(text)))
    }

    /// The mean of the scores of several utterances, each counting by its number of words (so that a "yes" does not outweigh a
    /// story), with two decimals. Nothing, if nothing could be scored.
    pub fn mean<'t>(&mut self, said: impl Iterator<Item = &'t Utterance>) -> Option<Sentiment> {
        let (mut sum, mut words) = (0.0, 0.0);
        for said in said {
            let count = said.text.split_whitespace().count() as f64;
            if count > 0.0
                && let Some(sentiment) = self.score(said)
            {
                sum += sentiment.score * count;
                words += count;
            }
        }
        // Adding zero makes -0.0 a plain zero.
        (words > 0.0).then(|| Sentiment::of((sum / words * 100.0).round() / 100.0 + 0.0))
    }
}

/// The sentiment of a whole session: that of all that the participant said in own words, see [`Scorer::mean`].
pub fn overall(conversation: &Conversation) -> Option<Sentiment> {
    Scorer::of(conversation).mean(conversation.utterances.iter().filter(|said| said.is_in_own_words()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Speaker;

    fn overall(language: &str, utterances: &[Utterance]) -> Option<Sentiment> {
        let (language, utterances) = (language.to_owned(), utterances.to_vec());
        super::overall(&Conversation { language, utterances, analysable: true, ..Conversation::default() })
    }

    fn said(text: &str) -> Utterance {
        Utterance { speaker: Speaker::Participant, text: text.to_owned(), ..Utterance::default() }
    }

    #[test]
    fn answers_count_by_their_length() {
        let long =
            said("The support was awful and the product failed me again and again, which was a terrible experience.");
        let sentiment = overall("en", &[said("Great!"), long]).expect("scored");
        assert_eq!(sentiment.label, Label::Negative);
    }

    #[test]
    fn only_the_participant_counts() {
        let asked =
            Utterance { speaker: Speaker::Ai, text: "What a wonderful, great day!".into(), ..Utterance::default() };
        assert_eq!(overall("en", std::slice::from_ref(&asked)), None);
        let sentiment = overall("en", &[asked, said("It was terrible.")]).expect("scored");
        assert_eq!((sentiment.label, sentiment.score), (Label::Negative, -0.48));
    }

    #[test]
    fn what_was_chosen_has_no_mood() {
        let chosen = |text: &str| Utterance { chosen: true, ..said(text) };
        assert_eq!(overall("en", &[chosen("A friend"), chosen("Yes"), chosen("2 (0–10)")]), None);
        let bad = said("It was terrible.");
        assert_eq!(
            overall("en", &[chosen("Yes, a great friend"), bad.clone(), chosen("10 (0–10)")]),
            overall("en", &[bad])
        );
    }

    #[test]
    fn other_languages_have_none() {
        assert_eq!(overall("de", &[said("Das war ein großartiges Erlebnis.")]), None);
        assert_eq!(overall("en", &[said("说得非常好，我很满意。")]), None);
        assert_eq!(overall("en", &[]), None);
    }

    #[test]
    fn what_must_not_be_analysed_is_not() {
        let utterances = vec![said("It was terrible.")];
        let withdrawn = Conversation { language: "en".into(), utterances, ..Conversation::default() };
        assert_eq!(super::overall(&withdrawn), None);
    }

    #[test]
    fn a_plain_no_is_not_praise() {
        assert_eq!(Vader::default().compound("Not really, no."), 0.0);
    }
}

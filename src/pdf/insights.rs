//! What a report says about a conversation beyond its words. All of it is counted or computed by fixed rules; the same
//! conversation gives the same insights.

use crate::transcript::{
    Conversation, Speaker, Utterance, keywords,
    sentiment::{Scorer, Sentiment},
};

/// Key phrases of the whole conversation.
const KEYWORDS: usize = 12;
/// Longest answers that are quoted.
const LONGEST: usize = 3;
/// Answers below this many words are not worth quoting.
const QUOTABLE: usize = 25;

/// A question of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its id.
    pub id: String,
    /// Its text.
    pub text: String,
}

/// What is said about a question.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered<'a> {
    /// Its number in the script, from 1.
    pub number: usize,
    /// The question.
    pub question: &'a Question,
    /// What was answered, answers to follow-ups included.
    pub answers: Vec<&'a Utterance>,
    /// Words of the answers, without those that were chosen.
    pub words: usize,
    /// Their sentiment.
    pub sentiment: Option<Sentiment>,
}

/// The insights of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Insights<'a> {
    /// How often the participant spoke.
    pub answers: usize,
    /// How often in own words, not by a choice among answers.
    pub worded: usize,
    /// Words of the participant, without what was chosen.
    pub words: usize,
    /// Their share of all words, in percent.
    pub share: usize,
    /// Key phrases; empty where the language is not supported.
    pub keywords: Vec<String>,
    /// Whether key phrases and sentiment exist for this conversation.
    pub analysed: bool,
    /// The questions of the script.
    pub questions: Vec<Answered<'a>>,
    /// The longest answers, in order of time.
    pub longest: Vec<&'a Utterance>,
}

impl<'a> Insights<'a> {
    /// Works them out.
    pub fn of(conversation: &'a Conversation, questions: &'a [Question]) -> Self {
        let said: Vec<&Utterance> =
            conversation.utterances.iter().filter(|said| said.speaker == Speaker::Participant).collect();
        let worded = || said.iter().copied().filter(|said| !said.chosen);
        let words: usize = worded().map(|said| count_words(&said.text)).sum();
        let all = conversation.utterances.iter().filter(|said| !said.chosen);
        let all: usize = all.map(|said| count_words(&said.text)).sum();
        let texts = worded().map(|said| said.text.as_str()).filter(|_| conversation.analysable);
        let found = keywords::together(&conversation.language, texts, KEYWORDS);
        let mut longest: Vec<&Utterance> = worded().filter(|said| count_words(&said.text) >= QUOTABLE).collect();
        longest.sort_by_key(|said| (std::cmp::Reverse(count_words(&said.text)), said.start));
        longest.truncate(LONGEST);
        longest.sort_by_key(|said| said.start);
        Self {
            answers: said.len(),
            worded: worded().count(),
            words,
            share: (words * 100 + all / 2).checked_div(all).unwrap_or(0),
            analysed: found.is_some(),
            keywords: found.unwrap_or_default(),
            questions: answered(conversation, questions, &said),
            longest,
        }
    }
}

fn answered<'a>(
    conversation: &'a Conversation,
    questions: &'a [Question],
    said: &[&'a Utterance],
) -> Vec<Answered<'a>> {
    let mut scorer = Scorer::of(conversation);
    let about = |question: &Question| {
        said.iter().copied().filter(|said| said.question.as_deref() == Some(question.id.as_str())).collect::<Vec<_>>()
    };
    questions
        .iter()
        .enumerate()
        .map(|(index, question)| {
            let answers = about(question);
            Answered {
                number: index + 1,
                question,
                words: answers.iter().filter(|said| !said.chosen).map(|said| count_words(&said.text)).sum(),
                sentiment: scorer.mean(answers.iter().copied()),
                answers,
            }
        })
        .collect()
}

/// Words of a text. Chinese and Japanese put no spaces between words; there each character counts.
pub fn count_words(text: &str) -> usize {
    text.split_whitespace()
        .map(|word| {
            let characters = word.chars().filter(|c| is_ideograph(*c)).count();
            let rest = word.chars().any(|c| c.is_alphanumeric() && !is_ideograph(c));
            characters + usize::from(rest)
        })
        .sum()
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(speaker: Speaker, question: Option<&str>, text: &str, start: u64) -> Utterance {
        Utterance {
            speaker,
            text: text.to_owned(),
            question: question.map(str::to_owned),
            start,
            end: start + 1,
            ..Utterance::default()
        }
    }

    #[test]
    fn insights_are_counted() {
        let long = "word ".repeat(30);
        let conversation = Conversation {
            language: "en".into(),
            analysable: true,
            utterances: vec![
                said(Speaker::Ai, Some("a"), "How was it?", 0),
                said(Speaker::Participant, Some("a"), "It was a great pleasure.", 10),
                said(Speaker::Ai, Some("a"), "Why so?", 20),
                said(Speaker::Participant, Some("a"), &long, 30),
            ],
            ..Conversation::default()
        };
        let questions =
            [Question { id: "a".into(), text: "How was it?".into() }, Question { id: "b".into(), text: "And?".into() }];
        let insights = Insights::of(&conversation, &questions);
        assert_eq!((insights.answers, insights.words, insights.share), (2, 35, 88));
        assert_eq!(insights.questions[0].answers.len(), 2);
        assert!(insights.questions[0].sentiment.is_some_and(|sentiment| sentiment.score > 0.0));
        assert!(insights.questions[1].answers.is_empty() && insights.questions[1].sentiment.is_none());
        assert_eq!(insights.longest.len(), 1);
        assert!(insights.analysed);
    }

    #[test]
    fn what_was_chosen_is_an_answer_without_words() {
        let rating = Utterance { chosen: true, ..said(Speaker::Participant, Some("a"), "9 (0–10)", 10) };
        let option = Utterance { chosen: true, ..said(Speaker::Participant, Some("b"), &"friend ".repeat(30), 20) };
        let mut conversation = Conversation {
            language: "en".into(),
            analysable: true,
            utterances: vec![said(Speaker::Ai, Some("a"), "How was it?", 0), rating, option],
            ..Conversation::default()
        };
        let questions =
            [Question { id: "a".into(), text: "How was it?".into() }, Question { id: "b".into(), text: "Who?".into() }];
        let insights = Insights::of(&conversation, &questions);
        assert_eq!((insights.answers, insights.worded, insights.words, insights.share), (2, 0, 0, 0));
        assert!(insights.keywords.is_empty() && insights.longest.is_empty());
        let rated = &insights.questions[0];
        assert_eq!((rated.answers.len(), rated.words, rated.sentiment), (1, 0, None));

        // The answer to a follow-up is in own words, whatever the question was.
        conversation.utterances.push(said(Speaker::Participant, Some("a"), "It was terrible.", 30));
        let insights = Insights::of(&conversation, &questions);
        assert_eq!((insights.answers, insights.worded, insights.words, insights.share), (3, 1, 3, 50));
        let rated = &insights.questions[0];
        assert_eq!((rated.words, rated.sentiment.map(|mood| mood.score)), (3, Some(-0.48)));
    }

    #[test]
    fn words_of_scripts_without_spaces() {
        assert_eq!(count_words("It works, mostly – 9/10!"), 4);
        assert_eq!(count_words("我很满意 OK"), 5);
        assert_eq!(count_words("저는 만족합니다"), 2);
    }
}

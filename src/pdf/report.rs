//! What goes into a report, as the data of the template.

use aggregates::session::EndReason;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    insights::{Insights, Question},
    labels::{Labels, labels, language_name},
    theme::{Brand, Branding, Theme},
    words::{Words, runs_rtl},
};
use crate::transcript::{
    self, Conversation, Speaker,
    sentiment::{Label, Scorer, Sentiment},
};

/// Characters of an answer in the overview of questions.
const ANSWER: usize = 240;
/// Characters of an answer among the longest.
const LONG_ANSWER: usize = 600;
/// Characters of a name in the pages' head.
const RUNNER: usize = 40;

/// What a report is asked to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether it has the insights.
    pub insights: bool,
    /// Whether utterances come with their times.
    pub timestamps: bool,
    /// Whether sentiment is shown, here and in the insights.
    pub sentiment: bool,
    /// How it looks.
    pub branding: Branding,
}

impl Default for Options {
    fn default() -> Self {
        Self { insights: true, timestamps: true, sentiment: true, branding: Branding::Default }
    }
}

/// A record of consent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// `recording`, `data_processing` or `all`.
    pub kind: String,
    /// Whether it was given.
    pub granted: bool,
    /// Whether it took back what was given before.
    pub withdrawal: bool,
    /// When.
    pub at: DateTime<Utc>,
    /// The version of the text that was shown.
    pub text_version: Option<u32>,
    /// The text's SHA-256.
    pub text_sha256: Option<String>,
    /// The text's language.
    pub locale: Option<String>,
    /// `web` or `api`.
    pub method: String,
    /// Where from.
    pub ip: Option<String>,
}

/// A finished session with all that a report shows of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What was said.
    pub conversation: Conversation,
    /// The sentiment that was computed when it ended.
    pub sentiment: Option<Sentiment>,
    /// The organization's name.
    pub organization: String,
    /// How the organization wants to look.
    pub brand: Brand,
    /// The campaign's name.
    pub campaign: String,
    /// When the interview began.
    pub started: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended: Option<DateTime<Utc>>,
    /// Why it ended.
    pub reason: Option<EndReason>,
    /// Questions answered.
    pub answered: u32,
    /// The script's questions.
    pub questions: Vec<Question>,
    /// Browser, system, kind of device.
    pub device: Vec<String>,
    /// The records of consent, the oldest first.
    pub consents: Vec<Consent>,
}

#[derive(Serialize)]
struct Data<'a> {
    lang: &'a str,
    rtl: bool,
    /// Whether the conversation is held from right to left. Its language may be one that we have no labels in.
    talk_rtl: bool,
    labels: &'a Labels,
    theme: Theme,
    title: String,
    author: &'a str,
    description: String,
    keywords: Vec<String>,
    /// What the pages' head says: the campaign, cut to what fits, and the participant.
    running: Words,
    runner: String,
    footer: Words,
    organization: Words,
    heading: Words,
    participant: Words,
    interviewer: Words,
    date: String,
    partial: bool,
    facts: Vec<Fact>,
    consents: Vec<ConsentRow>,
    insights: Option<InsightsData>,
    dialogue: Vec<Said>,
}

#[derive(Serialize)]
struct Fact {
    label: &'static str,
    value: Words,
}

#[derive(Serialize)]
struct ConsentRow {
    kind: String,
    granted: bool,
    decision: &'static str,
    at: String,
    ip: Option<String>,
    method: String,
    text: String,
    sha256: Option<String>,
}

#[derive(Serialize)]
struct Mood {
    label: Label,
    name: &'static str,
    score: String,
    /// From 0, as bad as can be, to 1.
    position: f64,
}

#[derive(Serialize)]
struct Tile {
    label: &'static str,
    value: String,
    note: Option<String>,
}

#[derive(Serialize)]
struct InsightsData {
    tiles: Vec<Tile>,
    sentiment: Option<Mood>,
    note: Option<&'static str>,
    keywords: Vec<String>,
    questions: Vec<QuestionRow>,
    /// Whether any question has a mood.
    moods: bool,
    longest: Vec<Quote>,
}

#[derive(Serialize)]
struct QuestionRow {
    number: usize,
    text: Words,
    answer: Option<Words>,
    words: usize,
    sentiment: Option<Mood>,
}

#[derive(Serialize)]
struct Quote {
    text: Words,
    note: String,
}

#[derive(Serialize)]
struct Said {
    speaker: &'static str,
    #[serde(flatten)]
    words: Words,
    time: Option<String>,
    note: Option<String>,
    sentiment: Option<Mood>,
}

impl Report {
    /// The data of the template.
    ///
    /// # Errors
    /// Only if JSON cannot be written.
    pub fn data(&self, options: &Options) -> Result<Vec<u8>, serde_json::Error> {
        let talk = &self.conversation;
        let (lang, rtl, labels) = labels(&talk.language);
        let words = |text: &str| Words::new(text, &talk.language);
        let insights = options.insights.then(|| Insights::of(talk, &self.questions));
        let person = talk.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let organization = options.branding != Branding::Minimal;
        let mut footer: Vec<&str> = Vec::new();
        if organization {
            footer.push(&self.organization);
        }
        footer.push(&talk.session);
        if options.branding == Branding::Default {
            footer.push("InterviewRelay");
        }
        let name = person.unwrap_or(&talk.email);
        let data = Data {
            lang,
            rtl,
            talk_rtl: runs_rtl(&talk.language),
            labels,
            theme: Theme::of(options.branding, &self.brand),
            title: format!("{}: {} – {name}", labels.document, self.campaign),
            author: if organization { &self.organization } else { "" },
            description: talk.session.clone(),
            keywords: insights.as_ref().map(|insights| insights.keywords.clone()).unwrap_or_default(),
            running: words(&self.campaign),
            runner: Words::excerpt(name, lang, RUNNER).lines.concat(),
            footer: Words::new(&footer.join(" · "), "en"),
            organization: Words::fitted(&self.organization, &talk.language),
            heading: Words::fitted(&self.campaign, &talk.language),
            participant: words(if name.is_empty() { labels.participant } else { name }),
            interviewer: words(labels.interviewer),
            date: self.started.or(self.ended).map(|at| at.format("%Y-%m-%d").to_string()).unwrap_or_default(),
            partial: talk.partial,
            facts: self.facts(labels),
            consents: self.consents(labels),
            insights: insights.map(|insights| self.insights(&insights, labels, options)),
            dialogue: self.dialogue(labels, options),
        };
        serde_json::to_vec(&data)
    }

    fn consents(&self, labels: &'static Labels) -> Vec<ConsentRow> {
        let rows = self.consents.iter().map(|consent| {
            let decision = match (consent.granted, consent.withdrawal) {
                (true, _) => 0,
                (false, false) => 1,
                (false, true) => 2,
            };
            consent_row(consent, labels.decisions[decision], labels)
        });
        rows.collect()
    }

    fn facts(&self, labels: &Labels) -> Vec<Fact> {
        let talk = &self.conversation;
        let time = |at: Option<DateTime<Utc>>| at.map(|at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string());
        let values = [
            talk.name.clone(),
            Some(talk.email.clone()),
            Some(self.status(labels)),
            time(self.started),
            time(self.ended),
            Some(duration(talk.duration, labels)),
            Some(format!("{} / {}", self.answered, self.questions.len())),
            Some(language_name(&talk.language)),
            Some(self.device.join(" · ")),
        ];
        let shown = labels.facts.into_iter().zip(values).map(|(label, value)| {
            let value = value.filter(|value| !value.trim().is_empty());
            Fact { label, value: Words::fitted(value.as_deref().unwrap_or("–"), &talk.language) }
        });
        shown.collect()
    }

    /// How it ended, with the reason where that says more.
    fn status(&self, labels: &Labels) -> String {
        let status = labels.status[usize::from(self.conversation.partial)];
        let reason = match self.reason {
            None | Some(EndReason::Finished) => return status.to_owned(),
            Some(EndReason::TimeLimit) => 0,
            Some(EndReason::ParticipantLeft) => 1,
            Some(EndReason::ConsentWithdrawn) => 2,
            Some(EndReason::PauseTimeout) => 3,
            Some(EndReason::NeverStarted) => 4,
        };
        format!("{status} – {}", labels.reasons[reason])
    }

    fn insights(&self, insights: &Insights<'_>, labels: &'static Labels, options: &Options) -> InsightsData {
        let language = &self.conversation.language;
        let mean = (insights.words + insights.worded / 2).checked_div(insights.worded).unwrap_or(0);
        let values = [
            insights.answers.to_string(),
            insights.words.to_string(),
            mean.to_string(),
            format!("{} %", insights.share),
        ];
        let note = match (insights.analysed, self.conversation.analysable) {
            (_, false) => Some(labels.withdrawn),
            (false, true) if insights.worded > 0 => Some(labels.not_analysed),
            _ => None,
        };
        let mood = |sentiment: Option<Sentiment>| sentiment.filter(|_| options.sentiment).map(|it| mood(it, labels));
        let questions = insights.questions.iter().map(|answered| {
            let texts: Vec<String> = answered
                .answers
                .iter()
                .map(|said| said.text.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            QuestionRow {
                number: answered.number,
                text: Words::new(&answered.question.text, language),
                answer: (!texts.is_empty()).then(|| Words::excerpt(&texts.join(" · "), language, ANSWER)),
                words: answered.words,
                sentiment: mood(answered.sentiment),
            }
        });
        let questions: Vec<QuestionRow> = questions.collect();
        // What the overview shows whole is not shown again.
        let longest = insights.longest.iter().filter(|said| said.text.chars().count() > ANSWER).map(|said| {
            let number = self.number_of(said.question.as_deref());
            let mut note = vec![transcript::clock(said.start)];
            note.extend(number.map(|number| format!("{} {number}", labels.question)));
            Quote { text: Words::excerpt(&said.text, language, LONG_ANSWER), note: note.join(" · ") }
        });
        InsightsData {
            tiles: labels
                .tiles
                .into_iter()
                .zip(values)
                .map(|(label, value)| Tile { label, value, note: None })
                .collect(),
            sentiment: mood(self.sentiment),
            note,
            keywords: insights.keywords.clone(),
            moods: questions.iter().any(|row| row.sentiment.is_some()),
            questions,
            longest: longest.collect(),
        }
    }

    fn number_of(&self, question: Option<&str>) -> Option<usize> {
        let id = question?;
        self.questions.iter().position(|question| question.id == id).map(|index| index + 1)
    }

    fn dialogue(&self, labels: &'static Labels, options: &Options) -> Vec<Said> {
        let mut scorer = Scorer::of(&self.conversation);
        let mut last = None;
        let utterances = self.conversation.utterances.iter();
        utterances
            .map(|said| {
                let mine = said.speaker == Speaker::Participant;
                // The number of a question stands where it is asked first.
                let number = self.number_of(said.question.as_deref()).filter(|_| !mine);
                let fresh = number.filter(|number| last != Some(*number));
                last = number.or(last);
                Said {
                    speaker: said.speaker.as_str(),
                    words: Words::new(&said.text, &self.conversation.language),
                    time: options.timestamps.then(|| transcript::clock(said.start)),
                    note: fresh.map(|number| format!("{} {number}", labels.question)),
                    // What the interviewer feels is of no interest to a reader.
                    sentiment: if mine && options.sentiment {
                        scorer.score(said).map(|it| mood(it, labels))
                    } else {
                        None
                    },
                }
            })
            .collect()
    }
}

fn mood(sentiment: Sentiment, labels: &Labels) -> Mood {
    let name = match sentiment.label {
        Label::Positive => labels.moods[0],
        Label::Neutral => labels.moods[1],
        Label::Negative => labels.moods[2],
    };
    let score = match format!("{:+.2}", sentiment.score) {
        score if score == "+0.00" || score == "-0.00" => "0.00".to_owned(),
        score => score.replace('-', "\u{2212}"),
    };
    Mood { label: sentiment.label, name, score, position: (sentiment.score + 1.0) / 2.0 }
}

fn consent_row(consent: &Consent, decision: &'static str, labels: &Labels) -> ConsentRow {
    let kind = match consent.kind.as_str() {
        "recording" => labels.consent_kinds[0],
        "data_processing" => labels.consent_kinds[1],
        _ => labels.consent_kinds[2],
    };
    let method = if consent.method == "api" { labels.methods[1] } else { labels.methods[0] };
    let mut text: Vec<String> =
        consent.text_version.iter().map(|version| format!("{} {version}", labels.version)).collect();
    text.extend(consent.locale.clone());
    ConsentRow {
        kind: kind.to_owned(),
        granted: consent.granted,
        decision,
        at: consent.at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        ip: consent.ip.clone(),
        method: method.to_owned(),
        text: if text.is_empty() { "–".to_owned() } else { text.join(" · ") },
        sha256: consent.text_sha256.as_deref().map(|hash| hash.chars().take(12).collect::<String>() + "…"),
    }
}

fn duration(seconds: u64, labels: &Labels) -> String {
    let [h, min, s] = labels.units;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} {s}"),
        (0, _) => format!("{minutes} {min} {rest} {s}"),
        _ => format!("{hours} {h} {minutes} {min}"),
    }
}

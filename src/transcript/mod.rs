//! What was said in a session, for reading: the transcript in four formats, and the analyses of it (contract 28).
//!
//! Everything here is a pure function of a [`Conversation`] and the [`Options`], so the same session gives the same bytes.

mod cues;
mod json;
pub mod keywords;
mod language;
pub mod redaction;
pub mod sentiment;
pub mod session;
mod srt;
mod text;
mod vtt;

use redaction::Redaction;
use sentiment::{Scorer, Sentiment};

/// How many key phrases an utterance gets at most.
const KEYWORDS: usize = 5;

/// Who speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Speaker {
    /// The interviewer.
    #[default]
    Ai,
    /// The participant.
    Participant,
}

impl Speaker {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ai => "ai",
            Self::Participant => "participant",
        }
    }

    /// As people read it in text formats.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ai => "AI",
            Self::Participant => "Participant",
        }
    }
}

/// Something that was said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Utterance {
    /// Its identifier, unique within the session.
    pub id: String,
    /// Who said it.
    pub speaker: Speaker,
    /// What was said.
    pub text: String,
    /// When it began, in milliseconds since the start of the interview.
    pub start: u64,
    /// When it ended.
    pub end: u64,
    /// How sure the recognition of speech was, from 0 to 1; nothing for typed text.
    pub confidence: Option<f64>,
    /// The script's question that it belongs to.
    pub question: Option<String>,
    /// Whether it is an answer that was chosen: a number on a scale, an option, yes or no. Its words are the script's, and say
    /// nothing about the mood or the subjects of who chose them.
    pub chosen: bool,
}

impl Utterance {
    /// Whether the participant said it in words of their own.
    pub fn is_in_own_words(&self) -> bool {
        self.speaker == Speaker::Participant && !self.chosen
    }
}

/// A finished session, as far as a transcript needs it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversation {
    /// The session's id.
    pub session: String,
    /// The language that it was held in.
    pub language: String,
    /// Its length in whole seconds, without pauses.
    pub duration: u64,
    /// Whether it was broken off.
    pub partial: bool,
    /// Whether it may be analysed: not when the participant has withdrawn consent.
    pub analysable: bool,
    /// The participant's name.
    pub name: Option<String>,
    /// The participant's address.
    pub email: String,
    /// What was said, in order.
    pub utterances: Vec<Utterance>,
}

/// How a transcript is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A JSON document.
    #[default]
    Json,
    /// One line for each utterance.
    Text,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles.
    Vtt,
}

impl Format {
    /// The formats by the names that the query parameter takes.
    pub const NAMES: [&'static str; 4] = ["json", "text", "srt", "vtt"];

    /// The format of a name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "text" => Some(Self::Text),
            "srt" => Some(Self::Srt),
            "vtt" => Some(Self::Vtt),
            _ => None,
        }
    }

    /// The `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Srt => "application/x-subrip; charset=utf-8",
            Self::Vtt => "text/vtt; charset=utf-8",
        }
    }

    /// How the names of such files end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "txt",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
        }
    }
}

/// What a transcript is asked to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How it is written.
    pub format: Format,
    /// Whether utterances come with their sentiment; the JSON format alone shows it.
    pub sentiment: bool,
    /// Whether utterances come with their key phrases; the JSON format alone shows them.
    pub keywords: bool,
    /// Whether personal data is replaced by placeholders.
    pub redact: bool,
    /// The only speaker to show, or both.
    pub speaker: Option<Speaker>,
}

impl Default for Options {
    fn default() -> Self {
        Self { format: Format::Json, sentiment: true, keywords: false, redact: false, speaker: None }
    }
}

/// An utterance as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What was said, redacted if that was asked for.
    pub utterance: Utterance,
    /// Its sentiment, if asked for; the inner nothing is for a language without one, and for what was chosen.
    pub sentiment: Option<Option<Sentiment>>,
    /// Its key phrases, if asked for; the inner nothing is for a language without them, and for what was chosen.
    pub keywords: Option<Option<Vec<String>>>,
}

/// What is shown of a conversation: filtered, redacted, and analysed *after* that, so that nothing which was taken out comes
/// back through an analysis.
pub fn lines(conversation: &Conversation, options: &Options) -> Vec<Line> {
    let redaction = options.redact.then(|| Redaction::new(conversation.name.as_deref(), &conversation.email));
    let mut scorer = Scorer::of(conversation);
    let shown = conversation
        .utterances
        .iter()
        .filter(|utterance| options.speaker.is_none_or(|speaker| utterance.speaker == speaker));
    shown
        .map(|utterance| {
            let mut utterance = utterance.clone();
            if let Some(redaction) = &redaction {
                utterance.text = redaction.apply(&utterance.text).into_owned();
            }
            let sentiment = options.sentiment.then(|| scorer.score(&utterance));
            let keywords = options.keywords.then(|| {
                let analysable = (conversation.analysable && !utterance.chosen).then_some(&utterance.text);
                analysable.and_then(|text| keywords::of(&conversation.language, text, KEYWORDS))
            });
            Line { utterance, sentiment, keywords }
        })
        .collect()
}

/// Writes the transcript of a conversation.
///
/// # Errors
/// Only if JSON cannot be written.
pub fn render(conversation: &Conversation, options: &Options) -> Result<Vec<u8>, serde_json::Error> {
    // The other formats have no place for analyses, which cost time.
    let analysed = options.format == Format::Json;
    let options =
        Options { sentiment: options.sentiment && analysed, keywords: options.keywords && analysed, ..*options };
    let lines = lines(conversation, &options);
    match options.format {
        Format::Json => json::write(conversation, &lines),
        Format::Text => Ok(text::write(&lines).into_bytes()),
        Format::Srt => Ok(srt::write(&lines).into_bytes()),
        Format::Vtt => Ok(vtt::write(&lines).into_bytes()),
    }
}

/// The text on one line: breaks of lines and runs of spaces become one space, so that nobody can write lines of their own into
/// a format that goes by lines. Control characters go.
fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// Whether a text has letters that are written from right to left.
fn is_right_to_left(text: &str) -> bool {
    text.chars().any(|c| {
        matches!(c, '\u{0590}'..='\u{08FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' | '\u{10800}'..='\u{10FFF}'
            | '\u{1E800}'..='\u{1EFFF}')
    })
}

/// A text behind a label in Latin letters. One from right to left is isolated, or its full stop would stand beside the label.
fn labelled(label: &str, text: &str) -> String {
    if is_right_to_left(text) { format!("{label} \u{2068}{text}\u{2069}") } else { format!("{label} {text}") }
}

/// A time as hours, minutes, seconds.
pub fn clock(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests;

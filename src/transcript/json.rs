//! The transcript as JSON.

use serde::Serialize;

use super::{Conversation, Line, sentiment::Sentiment};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    session_id: &'a str,
    language: &'a str,
    duration: u64,
    partial: bool,
    utterances: Vec<Shown<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: &'a str,
    speaker: &'static str,
    text: &'a str,
    start_time: f64,
    end_time: f64,
    confidence: Option<f64>,
    question_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sentiment: Option<Option<Sentiment>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keywords: Option<Option<&'a [String]>>,
}

/// Writes the document of the contract.
pub fn write(conversation: &Conversation, lines: &[Line]) -> Result<Vec<u8>, serde_json::Error> {
    let utterances = lines.iter().map(|line| {
        let said = &line.utterance;
        Shown {
            id: &said.id,
            speaker: said.speaker.as_str(),
            text: &said.text,
            start_time: seconds(said.start),
            end_time: seconds(said.end),
            confidence: said.confidence,
            question_id: said.question.as_deref(),
            sentiment: line.sentiment,
            keywords: line.keywords.as_ref().map(Option::as_deref),
        }
    });
    let document = Document {
        session_id: &conversation.session,
        language: &conversation.language,
        duration: conversation.duration,
        partial: conversation.partial,
        utterances: utterances.collect(),
    };
    serde_json::to_vec(&document)
}

fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

//! The conversation, line by line, on the time of the interview.
//!
//! Times are milliseconds from the start with pauses left out, so that they agree with `duration` and with a recording that
//! stops in pauses. Every utterance ends after it starts and starts no earlier than the one before it ends: subtitles need
//! that. When the interviewer speaks is known, how long is not: reading speed is assumed, and cut short where the answer
//! came earlier. An answer lasts from then until it arrived; where its recording was measured, it is as long as that.

use serde::{Deserialize, Serialize};

use crate::{
    id::FileId,
    session::{Origin, Spoken, state::named},
};

named! {
    /// Who says something.
    Speaker {
        /// The interviewer.
        Ai = "ai",
        /// The participant.
        Participant = "participant",
    }
}

named! {
    /// What an utterance is.
    UtteranceKind {
        /// The interviewer's first words.
        Greeting = "greeting",
        /// What leads over to a question.
        Transition = "transition",
        /// A question of the script.
        Question = "question",
        /// A question about an answer.
        FollowUp = "follow_up",
        /// An answer.
        Answer = "answer",
        /// The interviewer's last words.
        Closing = "closing",
    }
}

impl UtteranceKind {
    /// Who says such things.
    pub const fn speaker(self) -> Speaker {
        match self {
            Self::Answer => Speaker::Participant,
            _ => Speaker::Ai,
        }
    }
}

/// One thing that was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Utterance {
    /// Unique within the session, counting from `utt_1`.
    pub id: String,
    /// Who said it.
    pub speaker: Speaker,
    /// What it is.
    pub kind: UtteranceKind,
    /// The words; none once the person is erased.
    pub text: Option<String>,
    /// When it starts: milliseconds from the start of the interview, pauses left out.
    pub start_ms: u64,
    /// When it ends; always after it starts.
    pub end_ms: u64,
    /// How sure a transcription is of the words; 1 for words that were typed or chosen, none for the interviewer's.
    pub confidence: Option<f64>,
    /// The question that it is about.
    pub question_id: Option<String>,
    /// Who worded it, where the interviewer says it.
    pub origin: Option<Origin>,
    /// The recording, where it was spoken.
    pub file_id: Option<FileId>,
}

/// Milliseconds that reading a text out takes, roughly: 15 letters, or 4 of the scripts that write syllables, per second.
fn speaking_time(text: &str) -> u64 {
    text.chars().map(|letter| if is_syllabic(letter) { 250 } else { 66 }).sum::<u64>().max(1)
}

/// Whether a letter stands for a syllable or a word: Chinese characters, kana, hangul.
pub(super) fn is_syllabic(letter: char) -> bool {
    matches!(u32::from(letter), 0x3040..=0x30ff | 0x3400..=0x9fff | 0xac00..=0xd7af | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// All utterances so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Timeline {
    pub(super) utterances: Vec<Utterance>,
    /// Where the interviewer's latest turn starts: its lines may still be cut short.
    open: usize,
}

impl Timeline {
    fn end(&self) -> u64 {
        self.utterances.last().map_or(0, |utterance| utterance.end_ms)
    }

    fn push(&mut self, mut utterance: Utterance) {
        utterance.id = format!("utt_{}", self.utterances.len() + 1);
        self.utterances.push(utterance);
    }

    /// The interviewer's turn begins.
    pub(super) fn open_turn(&mut self) -> usize {
        self.open = self.utterances.len();
        self.open
    }

    /// The interviewer says something in the present turn.
    pub(super) fn say(
        &mut self,
        kind: UtteranceKind,
        text: Option<String>,
        origin: Origin,
        question_id: Option<String>,
        at: u64,
    ) {
        let start_ms = self.end().max(at);
        let end_ms = start_ms + text.as_deref().map_or(1, speaking_time);
        self.push(Utterance {
            id: String::new(),
            speaker: kind.speaker(),
            kind,
            text,
            start_ms,
            end_ms,
            confidence: None,
            question_id,
            origin: Some(origin),
            file_id: None,
        });
    }

    /// The participant's turn: the interviewer's lines are cut to the time until the answer began, if they would take
    /// longer. Where nobody knows when that was, they get half of the time until now.
    fn close_turn(&mut self, now: u64, answer: Option<u64>) {
        let Some(lines) = self.utterances.get_mut(self.open..).filter(|lines| !lines.is_empty()) else { return };
        let (start, end) = (lines[0].start_ms, lines[lines.len() - 1].end_ms);
        let since = now.saturating_sub(start);
        let before = answer.and_then(|length| since.checked_sub(length)).filter(|before| *before > 0);
        let (spoken, available) = (end - start, before.unwrap_or(since / 2));
        if spoken <= available {
            return;
        }
        let mut next = start;
        for line in lines {
            let length = line.end_ms - line.start_ms;
            let shortened = u64::try_from(u128::from(length) * u128::from(available) / u128::from(spoken)).unwrap_or(0);
            line.start_ms = next;
            line.end_ms = next + shortened.max(1);
            next = line.end_ms;
        }
    }

    /// The participant answered.
    pub(super) fn answer(&mut self, text: Option<String>, question_id: String, spoken: Option<&Spoken>, now: u64) {
        let length = spoken.and_then(|spoken| spoken.duration_ms);
        self.close_turn(now, length);
        let start_ms = self.end().max(length.map_or(0, |length| now.saturating_sub(length)));
        self.push(Utterance {
            id: String::new(),
            speaker: Speaker::Participant,
            kind: UtteranceKind::Answer,
            text,
            start_ms,
            end_ms: now.max(start_ms + 1),
            confidence: spoken.map_or(Some(1.0), |spoken| spoken.confidence),
            question_id: Some(question_id),
            origin: None,
            file_id: spoken.and_then(|spoken| spoken.file_id),
        });
    }

    /// The participant skipped: silence, then the interviewer goes on.
    pub(super) fn skip(&mut self, now: u64) {
        self.close_turn(now, None);
    }
}

//! What a participant's client sees of the conversation (contract 23).

use serde::{Deserialize, Serialize};

use crate::{
    script::{QuestionType, Scale, ScriptContent},
    session::{Prompt, PromptKind, Session, UtteranceKind, input::MAX_SEQUENCE},
};

/// The interviewer's turn: what it says, what it asks, and how far the interview is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnView {
    /// What is said before the prompt and needs no answer.
    pub messages: Vec<MessageView>,
    /// What waits for an answer; null when nothing is left to ask.
    pub prompt: Option<PromptView>,
    /// How far the interview is.
    pub progress: ProgressView,
    /// Whether nothing is left to ask.
    pub done: bool,
    /// A sequence number that no answer had used.
    pub next_seq: u64,
}

/// Something that the interviewer says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageView {
    /// The id of its utterance, as in the transcript.
    pub utterance_id: String,
    /// `greeting`, `transition` or `closing`.
    pub kind: UtteranceKind,
    /// The words.
    pub text: String,
}

/// Something that the interviewer asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromptView {
    /// Names it in the answer.
    pub id: String,
    /// Whether it is a question of the script.
    pub kind: PromptKind,
    /// The question that it is, or is about.
    pub question_id: String,
    /// The id of its utterance, as in the transcript.
    pub utterance_id: String,
    /// The words.
    pub text: String,
    /// How it is answered. A follow-up is always open.
    #[serde(rename = "type")]
    pub answer: QuestionType,
    /// What can be chosen.
    pub options: Option<Vec<String>>,
    /// What can be rated.
    pub scale: Option<Scale>,
    /// Whether it must be answered. A follow-up never must.
    pub required: bool,
    /// The greatest time for the answer, in seconds.
    pub max_duration: Option<u32>,
}

/// How far the interview is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressView {
    /// Questions of the script that were answered.
    pub answered: u32,
    /// Questions of the script.
    pub total: u32,
}

impl Session {
    /// The interviewer's latest turn, whose prompt is null once the interview is over. `None` before the start.
    pub fn latest_turn(&self, content: &ScriptContent) -> Option<TurnView> {
        let turn = self.turns.len().checked_sub(1)?;
        let mut view = self.turn_view(turn, content)?;
        if self.status.is_over() {
            view.prompt = None;
            view.done = true;
        }
        Some(view)
    }

    /// The turn that followed the answer with a sequence number: what a retried answer is told again.
    pub fn turn_after(&self, seq: u64, content: &ScriptContent) -> Option<TurnView> {
        self.turn_view(self.taken.get(&seq)?.turn, content)
    }

    fn turn_view(&self, index: usize, content: &ScriptContent) -> Option<TurnView> {
        let turn = self.turns.get(index)?;
        let end = self.turns.get(index + 1).map_or(usize::MAX, |next| next.first);
        let lines = self.utterances().iter().enumerate().skip(turn.first).take_while(|(at, _)| *at < end);
        let lines: Vec<_> = lines.map(|(_, line)| line).collect();
        let is_prompt = |kind| matches!(kind, UtteranceKind::Question | UtteranceKind::FollowUp);
        let words = |text: &Option<String>| text.clone().unwrap_or_default();
        let messages = lines
            .iter()
            .filter(|line| !is_prompt(line.kind) && line.kind != UtteranceKind::Answer)
            .map(|line| MessageView { utterance_id: line.id.clone(), kind: line.kind, text: words(&line.text) })
            .collect();
        let line = lines.iter().find(|line| is_prompt(line.kind)).map(|line| (line.id.clone(), words(&line.text)));
        let prompt = turn.prompt.as_ref().zip(line).and_then(|(prompt, line)| prompt_view(prompt, line, content));
        Some(TurnView {
            messages,
            prompt,
            progress: ProgressView { answered: turn.answered, total: self.total_questions },
            done: turn.prompt.is_none(),
            next_seq: self.next_seq(index),
        })
    }

    /// A number that no answer up to a turn has used: a retried answer is told the same again.
    fn next_seq(&self, index: usize) -> u64 {
        let used = |seq: &u64| self.taken.get(seq).is_some_and(|taken| taken.turn <= index);
        let last = self.taken.keys().rfind(|seq| used(seq));
        match last {
            None => 1,
            Some(&last) if last < MAX_SEQUENCE => last + 1,
            // There is no greater one, but always one between.
            Some(_) => (1..MAX_SEQUENCE).find(|seq| !used(seq)).unwrap_or(0),
        }
    }
}

fn prompt_view(prompt: &Prompt, line: (String, String), content: &ScriptContent) -> Option<PromptView> {
    let question = content.questions.iter().find(|question| question.id == prompt.question_id)?;
    let (utterance_id, text) = line;
    let (id, kind, question_id, max_duration) =
        (prompt.id(), prompt.kind, prompt.question_id.clone(), question.max_duration);
    Some(match prompt.kind {
        PromptKind::Question => PromptView {
            id,
            kind,
            question_id,
            utterance_id,
            text,
            answer: question.kind,
            options: question.options.clone(),
            scale: question.scale,
            required: question.required,
            max_duration,
        },
        PromptKind::FollowUp => PromptView {
            id,
            kind,
            question_id,
            utterance_id,
            text,
            answer: QuestionType::Open,
            options: None,
            scale: None,
            required: false,
            max_duration,
        },
    })
}

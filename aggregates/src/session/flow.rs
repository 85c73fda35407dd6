//! What follows an answer, and who may word it.
//!
//! Deciding is the server's alone: [`Session::next_step`] says whether a follow-up, the next question or the end comes. A
//! language model may be asked for the *wording* of a follow-up or of the transition before the command runs; what it
//! says comes back in [`Produced`], which names the step that it is for. The command decides the step again. Where another
//! attempt was faster the prompt is not the current one any more, and the model's line is thrown away with the attempt; so
//! a model can neither skip nor invent a question of the script, and a slow one holds no transaction open.

use chrono::{DateTime, Utc};

use crate::{
    script::{Question, QuestionType, ScriptContent},
    session::{
        EndReason, Given, Line, NewAnswer, Prompt, PromptKind, Session, SessionError, UtteranceKind, interviewer,
        languages::phrases,
    },
};

/// Bytes of all that was said, beyond which nobody is asked for more, and answers have to be short.
pub const MUCH_SAID: usize = 2 << 20;
/// How often to follow up on a question that is followed up on, where nobody says.
const DEFAULT_FOLLOW_UPS: u32 = 1;
/// The greatest number of characters of a produced line; longer ones are not used.
const MAX_PRODUCED: usize = 2_000;

/// What follows an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<'a> {
    /// The interviewer asks for more.
    FollowUp {
        /// The question that was answered.
        question: &'a Question,
        /// How many follow-ups it has had.
        asked: u32,
        /// What to look for, by the script's author. It is for a model, not for reading out.
        guidance: Option<&'a str>,
    },
    /// The next question of the script.
    Question {
        /// The question.
        question: &'a Question,
    },
    /// Nothing is left to ask, or no time to ask it.
    Close {
        /// Why.
        reason: EndReason,
    },
}

/// Wording that was made before the command ran, mostly by a language model.
#[derive(Clone, Debug, PartialEq)]
pub struct Produced {
    /// The prompt that was answered when it was made.
    pub prompt_id: String,
    /// What to say before the next question, or before the closing. Not used before a follow-up.
    pub transition: Option<Line>,
    /// The follow-up. Not used where the step is another one.
    pub follow_up: Option<Line>,
}

/// What the interviewer does after an answer: says some lines, and asks, or not.
pub(super) struct Turn {
    pub said: Vec<(UtteranceKind, Line)>,
    pub prompt: Option<(PromptKind, String)>,
    /// Set where the interview is over with this.
    pub over: Option<EndReason>,
}

impl Session {
    /// What follows when this answer is accepted now. Changes nothing, and is decided again by the command; so it may be
    /// asked before a slow producer is.
    ///
    /// # Errors
    /// As [`crate::session::SessionCommand::Answer`] would refuse. An answer that was accepted before has no next step:
    /// `Ok(None)`.
    pub fn next_step<'a>(
        &self,
        answer: &NewAnswer,
        content: &'a ScriptContent,
        now: DateTime<Utc>,
    ) -> Result<Option<Step<'a>>, SessionError> {
        let Some((prompt, given)) = self.admit_answer(answer, None, content)? else { return Ok(None) };
        Ok(Some(self.step_after(prompt, given.as_ref(), content, self.elapsed_at(now))))
    }

    pub(super) fn step_after<'a>(
        &self,
        prompt: &Prompt,
        given: Option<&Given>,
        content: &'a ScriptContent,
        elapsed: u64,
    ) -> Step<'a> {
        if elapsed >= self.max_elapsed() {
            return Step::Close { reason: EndReason::TimeLimit };
        }
        let question = content.questions.iter().find(|question| question.id == prompt.question_id);
        if let (Some(question), Some(Given::Text(text))) = (question, given)
            && self.follow_ups < self.most_follow_ups(question)
            && self.said < MUCH_SAID
            && interviewer::wants_more(text, &self.terms.language)
            // Who has used up the time of a question is not asked for more.
            && question.max_duration.is_none_or(|most| elapsed.saturating_sub(prompt.asked_at) < u64::from(most) * 1_000)
        {
            let guidance = question.follow_up.as_ref().and_then(|follow_up| follow_up.prompt.as_deref());
            return Step::FollowUp { question, asked: self.follow_ups, guidance };
        }
        match content.questions.get(self.questions_asked as usize) {
            Some(question) => Step::Question { question },
            None => Step::Close { reason: EndReason::Finished },
        }
    }

    /// How often this question is followed up on at most: only open ones are, where the question says so, or, where it says
    /// nothing, where the settings name a number.
    fn most_follow_ups(&self, question: &Question) -> u32 {
        if question.kind != QuestionType::Open {
            return 0;
        }
        match &question.follow_up {
            Some(follow_up) if !follow_up.enabled => 0,
            Some(follow_up) => follow_up.max_follow_ups.or(self.terms.max_follow_ups).unwrap_or(DEFAULT_FOLLOW_UPS),
            None => self.terms.max_follow_ups.unwrap_or(0),
        }
    }

    /// Greeting and first question.
    pub(super) fn first_turn(&self, content: &ScriptContent) -> Turn {
        let phrases = phrases(&self.terms.language);
        let greeting = match &self.terms.greeting {
            Some(text) => Line::script(text, self.script_version),
            None => Line::interviewer(phrases.greeting),
        };
        let mut said = vec![(UtteranceKind::Greeting, greeting)];
        match content.questions.first() {
            Some(question) => {
                said.push((UtteranceKind::Question, Line::script(&question.text, self.script_version)));
                Turn { said, prompt: Some((PromptKind::Question, question.id.clone())), over: None }
            }
            // No published script is without questions; an interview without one would be over at once.
            None => Turn { said, prompt: None, over: None },
        }
    }

    /// What the interviewer says and asks in a step.
    pub(super) fn turn(&self, step: &Step<'_>, given: Option<&Given>, produced: Option<Produced>) -> Turn {
        let produced =
            produced.filter(|produced| self.current.as_ref().map(Prompt::id) == Some(produced.prompt_id.clone()));
        let (transition, follow_up) =
            produced.map(|produced| (produced.transition, produced.follow_up)).unwrap_or_default();
        let language = self.terms.language.as_str();
        let variety = self.turns.len();
        let own = || Line::interviewer(interviewer::transition(language, given, variety));
        match step {
            Step::FollowUp { question, asked, .. } => {
                let text = given.map_or(String::new(), |given| given.text(language));
                let own = || Line::interviewer(interviewer::follow_up(language, &text, &question.id, *asked));
                let line = follow_up.filter(usable).unwrap_or_else(own);
                let prompt = (PromptKind::FollowUp, question.id.clone());
                Turn { said: vec![(UtteranceKind::FollowUp, line)], prompt: Some(prompt), over: None }
            }
            Step::Question { question } => {
                let line = transition.filter(usable).unwrap_or_else(own);
                let asked = Line::script(&question.text, self.script_version);
                let said = vec![(UtteranceKind::Transition, line), (UtteranceKind::Question, asked)];
                Turn { said, prompt: Some((PromptKind::Question, question.id.clone())), over: None }
            }
            Step::Close { reason } => {
                let line = transition.filter(usable).map(|line| (UtteranceKind::Transition, line));
                let said = line.into_iter().chain([self.closing(*reason)]).collect();
                Turn { said, prompt: None, over: (*reason == EndReason::TimeLimit).then_some(*reason) }
            }
        }
    }

    /// The interviewer's last words.
    pub(super) fn closing(&self, reason: EndReason) -> (UtteranceKind, Line) {
        let phrases = phrases(&self.terms.language);
        let line = match (reason, &self.terms.closing) {
            (_, Some(text)) => Line::script(text, self.script_version),
            (EndReason::TimeLimit, None) => Line::interviewer(phrases.time_is_up),
            (_, None) => Line::interviewer(phrases.closing),
        };
        (UtteranceKind::Closing, line)
    }
}

/// Whether a produced line can be said: a blank or an endless one is not.
fn usable(line: &Line) -> bool {
    !line.text.trim().is_empty()
        && line.text.chars().count() <= MAX_PRODUCED
        && !line.text.contains(|letter: char| letter.is_control() && letter != '\n')
}

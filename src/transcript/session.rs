//! Sessions as conversations.

use aggregates::session::{self, Overall, Session};

use super::{
    Conversation, Speaker, Utterance,
    sentiment::{self, Label, Sentiment},
};

/// What was said in a session. The text of an erased person is gone, and so are the utterances.
pub fn conversation(session: &Session) -> Conversation {
    let participant = session.participant.as_ref();
    let mut answers = session.answers();
    let mut said = |said: &session::Utterance| {
        let answer = if said.speaker == session::Speaker::Participant { answers.next() } else { None };
        utterance(said, answer)
    };
    Conversation {
        session: session.id.map(|id| id.to_string()).unwrap_or_default(),
        language: session.terms.language.clone(),
        duration: session.elapsed / 1_000,
        partial: session.status == session::SessionStatus::Abandoned,
        // Who has withdrawn consent is not analysed any more.
        analysable: !session.withdrawn,
        name: participant.and_then(|participant| participant.name.clone()),
        email: participant.map(|participant| participant.email.as_str().to_owned()).unwrap_or_default(),
        utterances: session.utterances().iter().filter_map(&mut said).collect(),
    }
}

fn utterance(said: &session::Utterance, answer: Option<&session::Given>) -> Option<Utterance> {
    Some(Utterance {
        id: said.id.clone(),
        speaker: match said.speaker {
            session::Speaker::Ai => Speaker::Ai,
            session::Speaker::Participant => Speaker::Participant,
        },
        text: said.text.clone()?,
        start: said.start_ms,
        end: said.end_ms,
        confidence: said.confidence,
        question: said.question_id.clone(),
        chosen: answer.is_some_and(|given| !given.is_worded()),
    })
}

/// The mood of an interview that has ended, as it is stored with the end.
pub fn mood(session: &Session) -> Option<session::Sentiment> {
    sentiment::overall(&conversation(session)).map(|sentiment| session::Sentiment {
        overall: match sentiment.label {
            Label::Positive => Overall::Positive,
            Label::Neutral => Overall::Neutral,
            Label::Negative => Overall::Negative,
        },
        score: sentiment.score,
    })
}

/// The mood that was stored when the interview ended.
pub fn stored_mood(session: &Session) -> Option<Sentiment> {
    session.sentiment.map(|stored| Sentiment {
        label: match stored.overall {
            Overall::Positive => Label::Positive,
            Overall::Neutral => Label::Neutral,
            Overall::Negative => Label::Negative,
        },
        score: stored.score,
    })
}

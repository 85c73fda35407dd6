//! Sessions: one interview each (contract 22 to 28).
//!
//! A session's events pin the script by its version and do not repeat it. A published version is frozen for ever, so the
//! commands that ask questions bring it with them ([`SessionCommand::Start`], [`SessionCommand::Answer`], …) and decide the
//! same whenever they run, while [`cqrs_es::Aggregate::apply`] needs nothing but the events: whatever was said or asked
//! stands in them. What can still change after a session was created (the campaign's settings) is copied into its first
//! event, as [`Terms`].

mod aggregate;
mod command;
mod decide;
mod error;
pub mod event;
mod flow;
mod given;
mod input;
pub mod interviewer;
mod languages;
mod line;
mod state;
mod terms;
mod timeline;
mod view;

pub use aggregate::Session;
pub use command::{NewConsent, NewSession, SessionCommand};
pub use error::SessionError;
pub use event::*;
pub use flow::{MUCH_SAID, Produced, Step};
pub use given::{Given, Reply};
pub use input::{AnswerInput, ConsentInput, DeviceInput, MAX_ANSWER, NewAnswer, PauseInput, SHORT_ANSWER};
pub use line::{INTERVIEWER, INTERVIEWER_VERSION, Line, Origin, OriginKind, SCRIPT};
pub use state::{
    ConsentKind, ConsentMethod, ConsentRecord, Device, EndReason, Overall, Participant, PauseCause, Prompt, PromptKind,
    ResumeCause, Sentiment, SessionStatus, Spoken,
};
pub use terms::Terms;
pub use timeline::{Speaker, Utterance, UtteranceKind};
pub use view::{MessageView, ProgressView, PromptView, TurnView};

//! The domain of InterviewRelay: aggregates, their commands, events, errors and value types.
//!
//! The crate is pure. It does no I/O, reads no clock and draws no random numbers: times and ids arrive with the
//! command. Every aggregate implements [`cqrs_es::Aggregate`]; every event implements [`Event`], which gives it a
//! stable name, a schema version and a list of the personal data that must be sealed before it is stored.

pub mod api_key;
pub mod campaign;
pub mod consent;
pub mod email_template;
pub mod entity;
pub mod event;
pub mod file;
pub mod id;
pub mod invite;
pub mod member;
pub mod organization;
pub mod personal;
pub mod project;
pub mod refusal;
pub mod script;
pub mod session;
pub mod value;
pub mod webhook;

pub use entity::Entity;
pub use event::{DecodeError, Event, Payload, what_is_wrong};
pub use personal::{Personal, Sealable};
pub use refusal::{Code, FieldError, Refusal};

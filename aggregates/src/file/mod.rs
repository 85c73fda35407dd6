//! Stored files: what belongs to a session (recordings, screens, attachments) and the media of scripts (contract 30, 55).
//!
//! An aggregate says what is stored, for whom and under which key of the file store; the bytes are none of its business.

mod admission;
mod aggregate;
mod command;
mod error;
pub mod event;
pub mod name;

pub use admission::admit;
pub use aggregate::{File, FileOwner};
pub use command::{Content, FileCommand};
pub use error::FileError;
pub use event::*;

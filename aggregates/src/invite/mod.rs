//! Invites: one person, one link (contract 17 to 20).

mod aggregate;
mod bulk;
mod command;
mod error;
pub mod event;
mod input;
pub mod mail;

pub use aggregate::{FIRST_TOKEN, Invite, InviteStatus, RESEND_INTERVAL};
pub use bulk::{BulkInput, BulkItem};
pub use command::InviteCommand;
pub use error::InviteError;
pub use event::*;
pub use input::{InviteTerms, NewInvite, NewInviteInput};
pub use mail::*;

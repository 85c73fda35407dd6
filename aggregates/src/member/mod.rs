//! Members of an organization: who was invited to it, in which role, and has accepted (contract 35, 57).

mod aggregate;
mod command;
mod error;
pub mod event;
mod input;

pub use aggregate::{FIRST_INVITATION, Member, REINVITE_INTERVAL, VALID_FOR};
pub use command::MemberCommand;
pub use error::MemberError;
pub use event::*;
pub use input::{MemberPatch, MemberPatchInput, NewMember, NewMemberInput};

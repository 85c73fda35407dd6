//! Campaigns: a script put to many people (contract 15, 16).

mod aggregate;
mod command;
mod error;
pub mod event;
mod input;

pub use aggregate::{Campaign, CampaignStatus};
pub use command::CampaignCommand;
pub use error::CampaignError;
pub use event::*;
pub use input::{CampaignPatch, CampaignPatchInput, NewCampaign, NewCampaignInput};

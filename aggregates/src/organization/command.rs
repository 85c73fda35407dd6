//! What can be asked of an organization.

use crate::{
    id::OrganizationId,
    organization::{OrganizationPatch, Plan},
};

/// Commands of an organization.
#[derive(Clone, Debug, PartialEq)]
pub enum OrganizationCommand {
    /// Brings it into being (contract 48, 49).
    Create {
        /// The new organization.
        organization_id: OrganizationId,
        /// Its display name, as given.
        name: String,
        /// Its plan.
        plan: Plan,
        /// The opening balance in hundredths of a credit.
        opening_credits: i64,
    },
    /// Changes its details and settings.
    Update(OrganizationPatch),
}

//! What can be asked of a mail template.

use crate::{
    email_template::{EmailTemplatePatch, NewEmailTemplate},
    id::{EmailTemplateId, OrganizationId},
};

/// Commands of a mail template.
#[derive(Clone, Debug, PartialEq)]
pub enum EmailTemplateCommand {
    /// Creates it.
    Create {
        /// The new template.
        template_id: EmailTemplateId,
        /// Its organization.
        organization_id: OrganizationId,
        /// What it is.
        template: NewEmailTemplate,
    },
    /// Changes it.
    Update(EmailTemplatePatch),
    /// Removes it.
    Delete,
}

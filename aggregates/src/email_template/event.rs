//! What can happen to a mail template. Its text is the organization's and speaks of nobody: data comes in when it is rendered.

use serde::{Deserialize, Serialize};

use crate::{
    Payload,
    event::events,
    id::{EmailTemplateId, OrganizationId},
    value::Change,
};

events! {
    /// Events of a mail template's stream.
    EmailTemplateEvent {
        /// See [`EmailTemplateCreated`].
        Created(EmailTemplateCreated),
        /// See [`EmailTemplateUpdated`].
        Updated(EmailTemplateUpdated),
        /// See [`EmailTemplateDeleted`].
        Deleted(EmailTemplateDeleted),
    }
}

/// A mail template was created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmailTemplateCreated {
    /// The new template.
    pub template_id: EmailTemplateId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// What it is called.
    pub name: String,
    /// Source of the subject.
    pub subject: String,
    /// Source of the text part.
    pub text: String,
    /// Source of the HTML part.
    pub html: String,
    /// The language that it is written in; the campaign's where absent.
    pub language: Option<String>,
}

impl Payload for EmailTemplateCreated {
    const NAME: &'static str = "email_template.created";
}

/// It was changed; what is absent stayed as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EmailTemplateUpdated {
    /// What it is called now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new source of the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The new source of the text part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The new source of the HTML part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// The new language.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub language: Change<String>,
}

impl Payload for EmailTemplateUpdated {
    const NAME: &'static str = "email_template.updated";
}

/// It is gone; mails that name it use the built-in template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmailTemplateDeleted {}

impl Payload for EmailTemplateDeleted {
    const NAME: &'static str = "email_template.deleted";
}

//! The mail template's state and rules.

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Entity,
    email_template::{
        EmailTemplateCommand, EmailTemplateCreated, EmailTemplateDeleted, EmailTemplateError, EmailTemplateEvent,
        EmailTemplatePatch, EmailTemplateUpdated,
    },
    id::{EmailTemplateId, OrganizationId},
};

/// A mail template.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EmailTemplate {
    /// Its id, once it was created.
    pub id: Option<EmailTemplateId>,
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
    /// The language that it is written in.
    pub language: Option<String>,
    /// Whether it is gone.
    pub deleted: bool,
}

impl EmailTemplate {
    fn update(&self, patch: EmailTemplatePatch) -> Vec<EmailTemplateEvent> {
        let updated = EmailTemplateUpdated {
            name: patch.name.filter(|name| *name != self.name),
            subject: patch.subject.filter(|subject| *subject != self.subject),
            text: patch.text.filter(|text| *text != self.text),
            html: patch.html.filter(|html| *html != self.html),
            language: patch.language.against(self.language.as_ref()),
        };
        // A patch that changes nothing is no event: it must not move `updatedAt`.
        if updated == EmailTemplateUpdated::default() { Vec::new() } else { vec![EmailTemplateEvent::Updated(updated)] }
    }
}

impl Entity for EmailTemplate {
    type Id = EmailTemplateId;

    fn organization_id(&self) -> Option<OrganizationId> {
        self.id.filter(|_| !self.deleted).map(|_| self.organization_id)
    }

    fn decide(&self, command: EmailTemplateCommand) -> Result<Vec<EmailTemplateEvent>, EmailTemplateError> {
        match command {
            EmailTemplateCommand::Create { .. } if self.id.is_some() => Err(EmailTemplateError::AlreadyExists),
            EmailTemplateCommand::Create { template_id, organization_id, template } => {
                Ok(vec![EmailTemplateEvent::Created(EmailTemplateCreated {
                    template_id,
                    organization_id,
                    name: template.name,
                    subject: template.subject,
                    text: template.text,
                    html: template.html,
                    language: template.language,
                })])
            }
            _ if self.organization_id().is_none() => Err(EmailTemplateError::NotFound),
            EmailTemplateCommand::Update(patch) => Ok(self.update(patch)),
            EmailTemplateCommand::Delete => Ok(vec![EmailTemplateEvent::Deleted(EmailTemplateDeleted {})]),
        }
    }
}

impl Aggregate for EmailTemplate {
    const TYPE: &'static str = "email_template";
    type Command = EmailTemplateCommand;
    type Event = EmailTemplateEvent;
    type Error = EmailTemplateError;
    type Services = ();

    async fn handle(
        &mut self,
        command: EmailTemplateCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), EmailTemplateError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: EmailTemplateEvent) {
        match event {
            EmailTemplateEvent::Created(created) => {
                self.id = Some(created.template_id);
                self.organization_id = created.organization_id;
                self.name = created.name;
                self.subject = created.subject;
                self.text = created.text;
                self.html = created.html;
                self.language = created.language;
            }
            EmailTemplateEvent::Updated(updated) => {
                let replace = |field: &mut String, new: Option<String>| {
                    if let Some(new) = new {
                        *field = new;
                    }
                };
                replace(&mut self.name, updated.name);
                replace(&mut self.subject, updated.subject);
                replace(&mut self.text, updated.text);
                replace(&mut self.html, updated.html);
                updated.language.apply_to(&mut self.language);
            }
            EmailTemplateEvent::Deleted(EmailTemplateDeleted {}) => self.deleted = true,
        }
    }
}

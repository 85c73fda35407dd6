//! What can be done with mail templates.

use std::collections::HashMap;

use aggregates::{
    Code, FieldError, Refusal,
    email_template::{
        BUILT_IN, EmailTemplate, EmailTemplateCommand, EmailTemplatePatchInput, NewEmailTemplateInput, Variables,
        VariablesInput,
    },
    id::EmailTemplateId,
    value::{Input, parse_instant},
};
use serde_json::json;

use super::{Answer, Command, Sent, Stop, Work};
use crate::{
    http::IfMatch,
    mail::{Rendered, Source, builtin},
};

/// `POST /v1/email-templates`.
pub struct CreateEmailTemplate {
    /// The request's body.
    pub body: Sent,
}

impl Command for CreateEmailTemplate {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let template = NewEmailTemplateInput::from_json(self.body.json()?)?.validate()?;
        let id: EmailTemplateId = work.new_id();
        let organization_id = work.caller().organization;
        let create = EmailTemplateCommand::Create { template_id: id, organization_id, template };
        work.execute::<EmailTemplate>(id, create)?;
        Ok(Answer::created(format!("/v1/email-templates/{id}"), work.document::<EmailTemplate>(id)?))
    }
}

/// `PATCH /v1/email-templates/{templateId}`.
pub struct UpdateEmailTemplate {
    /// The template.
    pub id: EmailTemplateId,
    /// The versions that the client is willing to change.
    pub if_match: IfMatch,
    /// The request's body.
    pub body: Sent,
}

impl Command for UpdateEmailTemplate {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load_expected::<EmailTemplate>(self.id, &self.if_match).await?;
        let patch = EmailTemplatePatchInput::from_json(self.body.json()?)?.validate()?;
        work.execute::<EmailTemplate>(self.id, EmailTemplateCommand::Update(patch))?;
        Ok(Answer::ok(work.document::<EmailTemplate>(self.id)?)
            .tagged(work.version::<EmailTemplate>(self.id).to_string()))
    }
}

/// `DELETE /v1/email-templates/{templateId}`.
pub struct DeleteEmailTemplate {
    /// The template.
    pub id: EmailTemplateId,
}

impl Command for DeleteEmailTemplate {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<EmailTemplate>(self.id).await?;
        work.execute::<EmailTemplate>(self.id, EmailTemplateCommand::Delete)?;
        Ok(Answer::no_content())
    }
}

/// `POST /v1/email-templates/{templateId}/preview`: changes nothing.
pub struct PreviewEmailTemplate {
    /// The template.
    pub id: EmailTemplateId,
    /// The request's body.
    pub body: Sent,
}

impl Command for PreviewEmailTemplate {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let template: EmailTemplate = work.load(self.id).await?;
        let input = VariablesInput::from_json(self.body.json()?)?;
        let given = input.expires_at().map_err(|fault| Refusal::validation(vec![fault]))?;
        let mut sample = Variables::sample();
        sample.language = input.language().or(template.language.as_deref()).unwrap_or("en").to_owned();
        // As in a mail in that language.
        sample.direction = builtin::direction(&sample.language).to_owned();
        if let Some(until) = given.or_else(|| parse_instant(&sample.expires_at)) {
            sample.expires_on = builtin::language(&sample.language).date(until);
        }
        let variables = input.over(sample);
        let source = Source { subject: template.subject, text: template.text, html: template.html };
        let Rendered { subject, text, html } =
            source.render(&variables).map_err(|fault| Refusal::validation(vec![fault]))?;
        Ok(Answer::ok(json!({"subject": subject, "text": text, "html": html}).to_string()))
    }
}

/// Looks up the templates that a request names, each once.
#[derive(Default)]
pub(super) struct Named(HashMap<String, bool>);

impl Named {
    /// What is wrong with the name of a template, if something is: it must be the built-in one's, or the id of one that the
    /// organization has. A blank name is told by the validation of the body.
    pub(super) async fn check(
        &mut self,
        work: &mut Work<'_>,
        field: &str,
        name: Option<&str>,
    ) -> Result<Option<FieldError>, Stop> {
        let Some(name) = name.map(str::trim).filter(|name| !name.is_empty() && *name != BUILT_IN) else {
            return Ok(None);
        };
        let exists = match self.0.get(name) {
            Some(exists) => *exists,
            None => {
                let exists = exists(work, name).await?;
                self.0.insert(name.to_owned(), exists);
                exists
            }
        };
        Ok((!exists).then(|| FieldError::new(field, "not_found", "does not exist")))
    }
}

async fn exists(work: &mut Work<'_>, name: &str) -> Result<bool, Stop> {
    let Ok(id) = name.parse::<EmailTemplateId>() else { return Ok(false) };
    match work.load::<EmailTemplate>(id).await {
        Ok(_) => Ok(true),
        Err(Stop::Refused(refusal)) if refusal.code == Code::NotFound => Ok(false),
        Err(stop) => Err(stop),
    }
}

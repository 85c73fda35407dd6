//! What callers send about webhook endpoints.

use std::collections::BTreeMap;

use super::{WebhookStatus, check_headers, subscription, url::check_url};
use crate::{
    Refusal,
    id::{CampaignId, ProjectId},
    value::{Change, Document, Email, Input, Reader, Validator},
};

/// What the checks need to know besides the body.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The event types that there are.
    pub event_types: &'a [&'a str],
    /// Whether `http` and loopback are allowed.
    pub development: bool,
}

/// The body of `POST /v1/webhooks`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewWebhookInput {
    /// Where events are to be sent.
    pub url: String,
    /// Patterns of event types.
    pub event_types: Vec<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Headers of the customer's own.
    pub headers: Option<Document>,
    /// Only events of this campaign.
    pub campaign_id: Option<String>,
    /// Only events of this project.
    pub project_id: Option<String>,
    /// Whether events wait for each other.
    pub ordered: Option<bool>,
    /// Who hears of it when deliveries are stopped.
    pub notify_email: Option<String>,
}

/// A new endpoint whose fields keep the rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewWebhook {
    /// Where events are to be sent.
    pub url: String,
    /// Patterns of event types.
    pub event_types: Vec<String>,
    /// What it is for, up to 500 characters.
    pub description: Option<String>,
    /// Only events of this campaign; whether it exists is for the caller to find out.
    pub campaign_id: Option<CampaignId>,
    /// Only events of this project; whether it exists is for the caller to find out.
    pub project_id: Option<ProjectId>,
    /// Whether events wait for each other.
    pub ordered: bool,
    /// Who hears of it when deliveries are stopped.
    pub notify_email: Option<Email>,
}

impl Input for NewWebhookInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            url: fields.required("url"),
            event_types: fields.required("eventTypes"),
            description: fields.optional("description"),
            headers: fields.optional("headers"),
            campaign_id: fields.optional("campaignId"),
            project_id: fields.optional("projectId"),
            ordered: fields.optional("ordered"),
            notify_email: fields.optional("notifyEmail"),
        }
    }
}

impl NewWebhookInput {
    /// Checks the fields. The headers come apart, because they have to be sealed before anything keeps them.
    ///
    /// # Errors
    /// A validation refusal with every field that breaks a rule.
    pub fn validate(self, rules: Rules<'_>) -> Result<(NewWebhook, BTreeMap<String, String>), Refusal> {
        let mut validator = Validator::new();
        let headers = check_headers(&self.headers.unwrap_or_default(), &mut validator);
        let webhook = NewWebhook {
            url: endpoint(&mut validator, &self.url, rules),
            event_types: subscription::check(self.event_types, rules.event_types, &mut validator),
            description: validator.description("description", self.description.as_deref()),
            campaign_id: self.campaign_id.map(|id| validator.id("campaignId", &id)),
            project_id: self.project_id.map(|id| validator.id("projectId", &id)),
            ordered: self.ordered.unwrap_or(false),
            notify_email: self.notify_email.and_then(|email| address(&mut validator, &email)),
        };
        validator.refuse((webhook, headers))
    }
}

fn endpoint(validator: &mut Validator, text: &str, rules: Rules<'_>) -> String {
    match check_url(text, rules.development) {
        Ok(url) => url.into(),
        Err(error) => {
            validator.error("url", error.code(), error.to_string());
            String::new()
        }
    }
}

fn address(validator: &mut Validator, text: &str) -> Option<Email> {
    Email::parse(text).map_err(|error| validator.error("notifyEmail", "invalid_format", error.to_string())).ok()
}

/// The body of `PATCH /v1/webhooks/{webhookId}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WebhookPatchInput {
    /// The new URL.
    pub url: Change<String>,
    /// The new event types.
    pub event_types: Change<Vec<String>>,
    /// The new description.
    pub description: Change<String>,
    /// A merge-patch of the headers.
    pub headers: Change<Document>,
    /// The new campaign.
    pub campaign_id: Change<String>,
    /// The new project.
    pub project_id: Change<String>,
    /// Whether deliveries are ordered.
    pub ordered: Change<bool>,
    /// Who is to be told.
    pub notify_email: Change<String>,
    /// `enabled`, `paused` or `disabled`.
    pub status: Change<String>,
}

/// A patch of an endpoint whose fields keep the rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WebhookPatch {
    /// The new URL.
    pub url: Option<String>,
    /// The new event types.
    pub event_types: Option<Vec<String>>,
    /// The new description.
    pub description: Change<String>,
    /// The new campaign; whether it exists is for the caller to find out.
    pub campaign_id: Change<CampaignId>,
    /// The new project; whether it exists is for the caller to find out.
    pub project_id: Change<ProjectId>,
    /// Whether deliveries are ordered.
    pub ordered: Option<bool>,
    /// Who is to be told.
    pub notify_email: Change<Email>,
    /// The new status.
    pub status: Option<WebhookStatus>,
}

impl Input for WebhookPatchInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            url: fields.change("url"),
            event_types: fields.change("eventTypes"),
            description: fields.change("description"),
            headers: fields.change("headers"),
            campaign_id: fields.change("campaignId"),
            project_id: fields.change("projectId"),
            ordered: fields.change("ordered"),
            notify_email: fields.change("notifyEmail"),
            status: fields.change("status"),
        }
    }
}

impl WebhookPatchInput {
    /// Checks the fields. `headers` are what the merge-patch makes of those that the endpoint has.
    ///
    /// # Errors
    /// A validation refusal with every field that breaks a rule.
    pub fn validate(
        self,
        headers: &Document,
        rules: Rules<'_>,
    ) -> Result<(WebhookPatch, BTreeMap<String, String>), Refusal> {
        let mut validator = Validator::new();
        let headers = check_headers(headers, &mut validator);
        let url = validator.required_change("url", self.url);
        let event_types = validator.required_change("eventTypes", self.event_types);
        let ordered = validator.required_change("ordered", self.ordered);
        let status = validator.required_change("status", self.status);
        let patch = WebhookPatch {
            url: url.map(|url| endpoint(&mut validator, &url, rules)),
            event_types: event_types.map(|types| subscription::check(types, rules.event_types, &mut validator)),
            description: validator.description_change("description", self.description),
            campaign_id: self.campaign_id.map(|id| validator.id("campaignId", &id)),
            project_id: self.project_id.map(|id| validator.id("projectId", &id)),
            ordered,
            notify_email: match self.notify_email {
                Change::Set(text) => address(&mut validator, &text).map_or(Change::Keep, Change::Set),
                Change::Clear => Change::Clear,
                Change::Keep => Change::Keep,
            },
            status: status.and_then(|status| validator.one_of("status", &status, &WebhookStatus::NAMES)),
        };
        validator.refuse((patch, headers))
    }
}

//! The notice to whoever looks after a webhook endpoint that its deliveries were stopped (contract 44).

use aggregates::{
    Event,
    id::{OrganizationId, WebhookId},
    invite::SendFailure,
    webhook::{DisabledReason, WebhookEvent, WebhookStatus},
};
use chrono::SecondsFormat;
use futures_util::future::BoxFuture;
use minijinja::{Environment, context};
use projections::{organization::OrganizationDocument, webhook::WebhookDocument};

use super::{
    Kind, MailSettings, Rendered, Undrafted, document,
    draft::{Draft, Unwritable},
};
use crate::{
    command::Commands,
    store::{QueuedMail, StoredRecord},
};

const SUBJECT: &str = "Deliveries to a webhook endpoint were stopped";
const TEXT: &str = include_str!("../../assets/mail/webhook_disabled.txt");
const HTML: &str = include_str!("../../assets/mail/webhook_disabled.html");

/// Sent for each `webhook.disabled` that nobody asked for, to the endpoint's `notifyEmail`.
pub struct WebhookDisabledMail;

impl Kind for WebhookDisabledMail {
    fn name(&self) -> &'static str {
        "webhook_disabled"
    }

    fn is_asked_for(&self, record: &StoredRecord) -> Result<bool, String> {
        if record.name != "webhook.disabled" {
            return Ok(false);
        }
        let event =
            WebhookEvent::decode(&record.name, record.schema, &record.data).map_err(|error| error.to_string())?;
        Ok(matches!(event, WebhookEvent::Disabled(disabled) if why(disabled.reason).is_some()))
    }

    fn draft<'a>(
        &'a self,
        commands: &'a Commands,
        _: &'a MailSettings,
        mail: &'a QueuedMail,
    ) -> BoxFuture<'a, Result<Draft, Undrafted>> {
        Box::pin(draft(commands, mail))
    }
}

/// What the notice says of a reason; none where the owner stopped the deliveries, who need not be told.
fn why(reason: DisabledReason) -> Option<&'static str> {
    match reason {
        DisabledReason::Gone => Some("the endpoint answered 410 Gone"),
        DisabledReason::Failing => Some("every attempt has failed for five days"),
        DisabledReason::Requested => None,
    }
}

async fn draft(commands: &Commands, mail: &QueuedMail) -> Result<Draft, Undrafted> {
    let unknown = || Undrafted::obsolete("unknown");
    let webhook: WebhookId = mail.stream.parse().map_err(|_| unknown())?;
    let organization: OrganizationId = mail.organization.parse().map_err(|_| unknown())?;
    let endpoint: WebhookDocument = document(commands, "webhooks", &webhook.to_string()).await?;
    let reason = endpoint.disabled_reason.and_then(why).filter(|_| endpoint.status == WebhookStatus::Disabled);
    let why = reason.ok_or_else(|| Undrafted::obsolete("enabled"))?;
    let to = endpoint.notify_email.clone().ok_or_else(|| Undrafted::obsolete("nobody"))?;
    let company: OrganizationDocument = document(commands, "organizations", &organization.to_string()).await?;
    let at = endpoint.disabled_at.unwrap_or_else(|| commands.now()).to_rfc3339_opts(SecondsFormat::Secs, true);
    let api = format!("{}/v1/webhooks/{webhook}", commands.public_url);
    let shown = context! {
        organization => company.name, url => endpoint.url, description => endpoint.description, id => webhook.to_string(),
        at, why, api,
    };
    // The names decide what is escaped.
    let render = |name: &str, source: &str| Environment::new().render_named_str(name, source, &shown);
    let broken = |_| Undrafted::ForGood(Unwritable::new(SendFailure::Template, "webhook_disabled"));
    let content = Rendered {
        subject: SUBJECT.to_owned(),
        text: render("notice.txt", TEXT).map_err(broken)?,
        html: render("notice.html", HTML).map_err(broken)?,
    };
    Ok(Draft {
        id: mail.id.clone(),
        to,
        to_name: None,
        sender_name: "InterviewRelay".to_owned(),
        content,
        language: "en".to_owned(),
        token: None,
    })
}

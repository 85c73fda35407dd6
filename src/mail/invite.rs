//! The mail with an invite's link.

use aggregates::{
    Event,
    email_template::{BUILT_IN, Variables},
    id::{InviteId, OrganizationId},
    invite::{Invite, InviteEvent, InviteStatus, MailFate, MailReport, SendFailure},
    value::Document,
};
use chrono::{DateTime, SecondsFormat, Utc};
use cqrs_es::Aggregate;
use futures_util::future::BoxFuture;
use projections::{
    ReadModel, campaign::CampaignDocument, email_template::EmailTemplateDocument, invite::InviteDocument,
    organization::OrganizationDocument, registry::open_personal,
};

use super::{
    End, Kind, MailSettings, Source, Undrafted, builtin, document,
    draft::{Draft, Unwritable, pixel_url, with_pixel},
};
use crate::{
    command::{self, Caller, Commands, mail_reports::ReportMail},
    store::{self, QueuedMail, StoredRecord},
    trust::{
        mail_token::{self, MailRef, Purpose},
        token,
    },
};

/// Sent for each `invite.created` that asks for it, and each `invite.resent`.
pub struct InviteMail;

impl Kind for InviteMail {
    fn name(&self) -> &'static str {
        "invite"
    }

    fn is_asked_for(&self, record: &StoredRecord) -> Result<bool, String> {
        if !["invite.created", "invite.resent"].contains(&record.name.as_str()) {
            return Ok(false);
        }
        let event =
            InviteEvent::decode(&record.name, record.schema, &record.data).map_err(|error| error.to_string())?;
        Ok(asks(&event))
    }

    fn draft<'a>(
        &'a self,
        commands: &'a Commands,
        settings: &'a MailSettings,
        mail: &'a QueuedMail,
    ) -> BoxFuture<'a, Result<Draft, Undrafted>> {
        Box::pin(draft(commands, settings, mail))
    }

    fn settle<'a>(
        &'a self,
        commands: &'a Commands,
        mail: &'a QueuedMail,
        end: &'a End,
    ) -> BoxFuture<'a, Result<(), command::Error>> {
        Box::pin(settle(commands, mail, end))
    }
}

fn asks(event: &InviteEvent) -> bool {
    match event {
        InviteEvent::Created(created) => created.send_email,
        event => matches!(event, InviteEvent::Resent(_)),
    }
}

/// An invite as its stream has it.
struct Found {
    state: Invite,
    row: InviteDocument,
    token_generation: u32,
    /// Which of the invite's mails the queued one is.
    number: u32,
}

async fn find(commands: &Commands, mail: &QueuedMail) -> Result<Option<Found>, store::Error> {
    let opened = commands.store.stream(&mail.stream).await?;
    let (mut state, mut row, mut number) = (Invite::default(), None, 0);
    for record in &opened.records {
        let mut event = InviteEvent::decode(&record.name, record.schema, &record.data)?;
        open_personal(&mut event, &mut |label, sealed| opened.open(record, label, sealed))?;
        row = projections::Invite::fold(row, &event, &record.recorded());
        state.apply(event);
        if record.event_id == mail.id {
            number = state.mails;
        }
    }
    Ok(row.filter(|_| number > 0).map(|row| {
        let token_generation = row.token_generation;
        Found { state, row: row.api, token_generation, number }
    }))
}

async fn draft(commands: &Commands, settings: &MailSettings, mail: &QueuedMail) -> Result<Draft, Undrafted> {
    let found = find(commands, mail).await?.ok_or_else(|| Undrafted::obsolete("unknown"))?;
    let now = commands.now();
    match found.state.status_at(now) {
        InviteStatus::Pending => {}
        status => return Err(Undrafted::obsolete(status.as_str())),
    }
    if found.number < found.state.mails {
        // The person would get the same mail twice at once.
        return Err(Undrafted::obsolete("resent"));
    }
    let to = found.row.email.clone().ok_or_else(|| Undrafted::obsolete("erased"))?;
    let organization: OrganizationId = mail.organization.parse().map_err(|_| Undrafted::obsolete("unknown"))?;
    let campaign: CampaignDocument = document(commands, "campaigns", &found.row.campaign_id.to_string()).await?;
    if campaign.status == aggregates::campaign::CampaignStatus::Archived {
        return Err(Undrafted::obsolete("archived"));
    }
    let company: OrganizationDocument = document(commands, "organizations", &organization.to_string()).await?;
    let template = template(commands, organization, found.row.email_template.as_deref()).await?;

    let wanted = template.as_ref().and_then(|template| template.language.clone());
    let wanted = wanted.unwrap_or_else(|| campaign_language(&campaign.settings));
    let words = builtin::language(&wanted);
    let (source, language) = match template {
        Some(own) => (Source { subject: own.subject, text: own.text, html: own.html }, wanted),
        None => (words.invite(), words.tag.to_owned()),
    };
    let reference = MailRef { invite: found.row.id, mail: found.number };
    let base = commands.link_base(company.domain.as_deref());
    let link = Commands::invite_url(&base, &token::derive(&commands.keys, found.row.id, found.token_generation));
    let variables =
        variables(&found.row, &company.name, &campaign.name, link, &language, words.date(found.row.expires_at));
    let mut content = source
        .render(&variables)
        .map_err(|fault| Undrafted::ForGood(Unwritable::new(SendFailure::Template, fault.field)))?;
    if settings.open_pixel {
        content.html = with_pixel(&content.html, &pixel_url(&commands.keys, &commands.public_url, reference));
    }
    Ok(Draft {
        id: mail.id.clone(),
        to,
        to_name: found.row.name,
        sender_name: company.name,
        content,
        language,
        token: Some(mail_token::make(&commands.keys, Purpose::Report, reference)),
    })
}

fn variables(
    invite: &InviteDocument,
    organization: &str,
    campaign: &str,
    link: String,
    language: &str,
    expires_on: String,
) -> Variables {
    Variables {
        participant_name: invite.name.clone().unwrap_or_default(),
        participant_email: invite.email.as_ref().map(|email| email.as_str().to_owned()).unwrap_or_default(),
        organization: organization.to_owned(),
        campaign: campaign.to_owned(),
        link,
        expires_at: invite.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        expires_on,
        language: language.to_owned(),
        direction: builtin::direction(language).to_owned(),
        metadata: serde_json::to_value(&invite.metadata)
            .ok()
            .and_then(|value| value.as_object().cloned())
            .unwrap_or_default(),
    }
}

/// The organization's template of that name, if it has one. One that was deleted, like none, means the built-in template.
async fn template(
    commands: &Commands,
    organization: OrganizationId,
    name: Option<&str>,
) -> Result<Option<EmailTemplateDocument>, Undrafted> {
    let Some(name) = name.filter(|name| *name != BUILT_IN) else { return Ok(None) };
    let found = commands.store.document("email_templates", &organization.to_string(), name).await?;
    Ok(found.and_then(|document| serde_json::from_str(&document.json).ok()))
}

/// The campaign's language; what is no language tag could stand in no header.
fn campaign_language(settings: &Document) -> String {
    let language = settings.get("language").and_then(serde_json::Value::as_str).unwrap_or("en");
    let is_tag = !language.is_empty()
        && language.len() <= 35
        && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_tag { language.to_owned() } else { "en".to_owned() }
}

async fn settle(commands: &Commands, mail: &QueuedMail, end: &End) -> Result<(), command::Error> {
    let found = find(commands, mail).await?;
    let fate = match end {
        End::Sent => MailFate::Sent,
        End::NotSent { reason, code } => MailFate::NotSent { reason: *reason, code: code.clone() },
    };
    let (Ok(invite), Ok(organization)) = (mail.stream.parse::<InviteId>(), mail.organization.parse()) else {
        return Ok(());
    };
    // A mail that no event asks for is no invite's: the number 0 is nobody's, and only the row goes.
    let number = found.map_or(0, |found| found.number);
    let report = ReportMail { invite, report: MailReport { mail: number, fate }, settles: Some(mail.id.clone()) };
    let caller = Caller { organization, actor: "mail".to_owned(), request_id: mail.id.clone() };
    commands.run(&caller, None, &report).await.map(drop)
}

/// What a file of this mail is called: its time and its invite.
pub fn file_name(mail: &QueuedMail) -> String {
    let at = mail.id.parse::<aggregates::id::EventId>().map(|id| aggregates::id::Id::instant(&id)).unwrap_or_default();
    name(at, &mail.stream, &mail.id)
}

fn name(at: DateTime<Utc>, stream: &str, id: &str) -> String {
    // The last letters of the event's id tell the mails of one invite apart.
    let tail = id.get(id.len().saturating_sub(4)..).unwrap_or_default();
    format!("{}_{stream}_{tail}.eml", at.format("%Y%m%dT%H%M%S%3fZ"))
}

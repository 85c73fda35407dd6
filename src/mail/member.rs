//! The mail that invites a person to an organization (contract 35).

use aggregates::{
    Event,
    id::{MemberId, OrganizationId},
    invite::SendFailure,
    member::{Member, MemberEvent},
};
use cqrs_es::Aggregate;
use futures_util::future::BoxFuture;
use minijinja::{Environment, context};
use projections::{ReadModel, member::MemberDocument, organization::OrganizationDocument, registry::open_personal};

use super::{
    Kind, MailSettings, Rendered, Undrafted, builtin, document,
    draft::{Draft, Unwritable},
    member_words::words,
};
use crate::{
    command::Commands,
    store::{self, QueuedMail, StoredRecord},
};

const TEXT: &str = include_str!("../../assets/mail/member.txt");
const HTML: &str = include_str!("../../assets/mail/member.html");

/// Sent for each `member.invited` and `member.reinvited`.
pub struct MemberMail;

impl Kind for MemberMail {
    fn name(&self) -> &'static str {
        "member"
    }

    fn is_asked_for(&self, record: &StoredRecord) -> Result<bool, String> {
        Ok(["member.invited", "member.reinvited"].contains(&record.name.as_str()))
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

/// A member as the stream has it, and which of the invitations the mail is about.
struct Found {
    id: MemberId,
    state: Member,
    row: MemberDocument,
    invitation: u32,
}

async fn find(commands: &Commands, mail: &QueuedMail) -> Result<Option<Found>, store::Error> {
    let opened = commands.store.stream(&mail.stream).await?;
    let (mut state, mut row, mut invitation) = (Member::default(), None, 0);
    for record in &opened.records {
        let mut event = MemberEvent::decode(&record.name, record.schema, &record.data)?;
        open_personal(&mut event, &mut |label, sealed| opened.open(record, label, sealed))?;
        row = projections::Member::fold(row, &event, &record.recorded());
        state.apply(event);
        if record.event_id == mail.id {
            invitation = state.invitation;
        }
    }
    Ok(row.zip(state.id).map(|(row, id)| Found { id, state, row: row.api, invitation }))
}

async fn draft(commands: &Commands, mail: &QueuedMail) -> Result<Draft, Undrafted> {
    let found = find(commands, mail).await?.ok_or_else(|| Undrafted::obsolete("removed"))?;
    found.state.admit(found.invitation, commands.now()).map_err(|refused| Undrafted::obsolete(&refused.to_string()))?;
    let to = found.row.email.ok_or_else(|| Undrafted::obsolete("erased"))?;
    let organization: OrganizationId = mail.organization.parse().map_err(|_| Undrafted::obsolete("unknown"))?;
    let company: OrganizationDocument = document(commands, "organizations", &organization.to_string()).await?;
    let language = company.settings.get("language").and_then(serde_json::Value::as_str).unwrap_or_default();
    let words = words(language);
    let shown = context! {
        organization => company.name.as_str(),
        email => to.as_str(),
        name => found.row.name.as_deref(),
        role => words.role(found.row.role),
        link => commands.acceptance_url(found.id, found.invitation),
        expiresOn => builtin::language(words.tag).date(found.state.expires_at),
        language => words.tag,
        direction => builtin::direction(words.tag),
    };
    // The names decide what is escaped.
    let render = |name: &str, source: &str| Environment::new().render_named_str(name, &words.filled(source), &shown);
    let broken = |_| Undrafted::ForGood(Unwritable::new(SendFailure::Template, "member"));
    let content = Rendered {
        subject: render("subject.txt", words.subject).map_err(broken)?,
        text: render("invitation.txt", TEXT).map_err(broken)?,
        html: render("invitation.html", HTML).map_err(broken)?,
    };
    Ok(Draft {
        id: mail.id.clone(),
        to,
        to_name: found.row.name,
        sender_name: company.name,
        content,
        language: words.tag.to_owned(),
        token: None,
    })
}

//! What can be done with invites.

mod render;
mod unique;

use std::collections::HashSet;

use aggregates::{
    FieldError, Refusal,
    campaign::Campaign,
    id::{CampaignId, InviteId},
    invite::{BulkInput, BulkItem, Invite, InviteCommand, NewInvite, NewInviteInput},
    organization::Organization,
    value::{Input, with_field_errors},
};
use serde_json::{Value, json};

use super::{Answer, Command, Sent, Stop, Work, email_templates::Named, not_found};

/// `POST /v1/campaigns/{campaignId}/invites`.
pub struct CreateInvite {
    /// The campaign.
    pub campaign: CampaignId,
    /// The request's body.
    pub body: Sent,
}

impl Command for CreateInvite {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let campaign: Campaign = work.load(self.campaign).await?;
        let organization: Organization = work.load(work.caller().organization).await?;
        let input = NewInviteInput::from_json(self.body.json()?)?;
        let wrong = Named::default().check(work, "emailTemplate", input.email_template.as_deref()).await?;
        let terms = campaign.invite_terms(work.now());
        let invite = with_field_errors(input.validate(&terms), wrong.into_iter().collect())?;
        campaign.admit_invites()?;
        let unique = campaign.unique_email();
        if unique && !unique::taken(work, self.campaign, &[invite.email.normalized()]).await?.is_empty() {
            return Err(unique::conflict().into());
        }
        organization.admit_invites(1)?;
        let id = create(work, self.campaign, invite, unique)?;
        let base = work.commands().link_base(organization.domain.as_deref());
        Ok(Answer::created(format!("/v1/invites/{id}"), shown(work, &base, id)?))
    }
}

/// `POST /v1/campaigns/{campaignId}/invites/bulk`.
pub struct CreateInvites {
    /// The campaign.
    pub campaign: CampaignId,
    /// The request's body.
    pub body: Sent,
}

impl Command for CreateInvites {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let campaign: Campaign = work.load(self.campaign).await?;
        let organization: Organization = work.load(work.caller().organization).await?;
        let input = BulkInput::from_json(self.body.json()?)?;
        let mut named = Named::default();
        let wrong = named.check(work, "emailTemplate", input.email_template.as_deref()).await?;
        let terms = campaign.invite_terms(work.now());
        let mut items = with_field_errors(input.validate(&terms), wrong.into_iter().collect())?;
        for item in &mut items {
            // What the campaign names was checked when it was set, and need not be there any more.
            let template = item.result.as_ref().ok().map(|invite| invite.email_template.clone()).unwrap_or_default();
            if template != terms.email_template
                && let Some(wrong) = named.check(work, "emailTemplate", template.as_deref()).await?
            {
                item.result = Err(vec![wrong]);
            }
        }
        refuse_if_all_are_bad(&items)?;
        campaign.admit_invites()?;
        let unique = campaign.unique_email();
        if unique {
            let addresses: Vec<&str> = good(&items).map(|invite| invite.email.normalized()).collect();
            let taken = unique::taken(work, self.campaign, &addresses).await?;
            refuse_duplicates(&mut items, taken);
            refuse_if_all_are_bad(&items)?;
        }
        organization.admit_invites(good(&items).count())?;
        let requested = items.len();
        let errors: Vec<Value> = items.iter().enumerate().filter_map(failure).collect();
        let mut ids = Vec::with_capacity(requested);
        for invite in items.into_iter().filter_map(|item| item.result.ok()) {
            ids.push(create(work, self.campaign, invite, unique)?);
        }
        let base = work.commands().link_base(organization.domain.as_deref());
        let data = ids.iter().map(|id| shown(work, &base, *id)).collect::<Result<Vec<_>, _>>()?;
        let summary = json!({"requested": requested, "created": data.len(), "failed": errors.len()});
        let (data, errors) = (data.join(","), Value::Array(errors));
        let body = format!("{{\"data\":[{data}],\"errors\":{errors},\"summary\":{summary}}}");
        Ok(Answer { status: 201, body, location: None, etag: None })
    }
}

/// `POST /v1/invites/{inviteId}/cancel`.
pub struct CancelInvite {
    /// The invite.
    pub id: InviteId,
}

impl Command for CancelInvite {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Invite>(self.id).await?;
        work.execute::<Invite>(self.id, InviteCommand::Cancel { now: work.now() })?;
        let base = link_base(work).await?;
        Ok(Answer::ok(shown(work, &base, self.id)?))
    }
}

/// `POST /v1/invites/{inviteId}/resend`.
pub struct ResendInvite {
    /// The invite.
    pub id: InviteId,
}

impl Command for ResendInvite {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let invite: Invite = work.load(self.id).await?;
        let campaign: Campaign = work.load(invite.campaign_id).await?;
        campaign.admit_links()?;
        work.execute::<Invite>(self.id, InviteCommand::Resend { now: work.now() })?;
        let base = link_base(work).await?;
        Ok(Answer::ok(shown(work, &base, self.id)?))
    }
}

fn create(work: &mut Work<'_>, campaign_id: CampaignId, invite: NewInvite, unique: bool) -> Result<InviteId, Stop> {
    let invite_id: InviteId = work.new_id();
    let organization_id = work.caller().organization;
    let create = InviteCommand::Create { invite_id, organization_id, campaign_id, invite, unique };
    work.execute::<Invite>(invite_id, create)?;
    Ok(invite_id)
}

/// Where the organization's links begin.
async fn link_base(work: &mut Work<'_>) -> Result<String, Stop> {
    let organization: Organization = work.load(work.caller().organization).await?;
    Ok(work.commands().link_base(organization.domain.as_deref()))
}

fn shown(work: &Work<'_>, base: &str, id: InviteId) -> Result<String, Stop> {
    let row = work.row::<Invite>(id).ok_or_else(not_found)?;
    work.commands().render_invite(row, base, work.now()).map_err(|error| Stop::Failed(error.into()))
}

fn good(items: &[BulkItem]) -> impl Iterator<Item = &NewInvite> {
    items.iter().filter_map(|item| item.result.as_ref().ok())
}

fn refuse_if_all_are_bad(items: &[BulkItem]) -> Result<(), Refusal> {
    if good(items).next().is_some() { Ok(()) } else { Err(Refusal::validation(BulkInput::errors(items))) }
}

const DUPLICATE: &str = "duplicate";

/// Turns down the items whose address is taken already, by an invite or by an item before.
fn refuse_duplicates(items: &mut [BulkItem], mut taken: HashSet<String>) {
    for item in items {
        if let Ok(invite) = &item.result
            && !taken.insert(invite.email.normalized().to_owned())
        {
            item.result = Err(vec![FieldError::new("email", DUPLICATE, unique::MESSAGE)]);
        }
    }
}

/// An item of `errors`, for an item of the request that failed.
fn failure((index, item): (usize, &BulkItem)) -> Option<Value> {
    let fields = item.result.as_ref().err()?;
    let (code, message) = match fields.as_slice() {
        [field] if field.code == DUPLICATE => ("CONFLICT", field.message.clone()),
        _ => {
            let each: Vec<_> = fields.iter().map(|field| format!("{} {}", field.field, field.message)).collect();
            ("VALIDATION_ERROR", format!("{}.", each.join("; ")))
        }
    };
    Some(json!({"index": index, "email": item.email, "code": code, "message": message}))
}

#[cfg(test)]
mod tests {
    use aggregates::invite::InviteTerms;
    use chrono::DateTime;

    use super::*;

    fn items(invites: Value) -> Vec<BulkItem> {
        let terms = InviteTerms { now: DateTime::default(), expires_in: None, email_template: None };
        BulkInput::from_json(&json!({"invites": invites})).and_then(|input| input.validate(&terms)).expect("good")
    }

    #[test]
    fn of_one_address_the_first_item_wins() {
        let mut items = items(json!([
            {"email": "ada@example.com"}, {"email": "ADA@example.com"}, {"email": "bob@example.com"}, {"name": "x"},
        ]));
        refuse_duplicates(&mut items, HashSet::from(["bob@example.com".to_owned()]));
        let failures: Vec<_> = items.iter().enumerate().filter_map(failure).collect();
        assert_eq!(
            failures,
            [
                json!({"index": 1, "email": "ADA@example.com", "code": "CONFLICT", "message": unique::MESSAGE}),
                json!({"index": 2, "email": "bob@example.com", "code": "CONFLICT", "message": unique::MESSAGE}),
                json!({"index": 3, "email": null, "code": "VALIDATION_ERROR", "message": "email is required."}),
            ]
        );
        assert!(refuse_if_all_are_bad(&items).is_ok());
        assert!(refuse_if_all_are_bad(&items[1..]).is_err());
    }
}

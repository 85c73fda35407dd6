//! What can be done with members of an organization (contract 35, 57).

use aggregates::{
    id::{MemberId, OrganizationId},
    member::{Member, MemberCommand, MemberPatchInput, NewMemberInput},
    organization::Organization,
    value::Input,
};

use super::{Answer, Command, Commands, Sent, Stop, Work};
use crate::{
    http::IfMatch,
    store::{self, Filter, PageQuery, Sort},
    trust::token,
};

/// `POST /v1/organization/members`: invites a person, or invites again who has not accepted yet.
pub struct InviteMember {
    /// The request's body.
    pub body: Sent,
}

impl Command for InviteMember {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let organization_id = work.caller().organization;
        work.load::<Organization>(organization_id).await?;
        let member = NewMemberInput::from_json(self.body.json()?)?.validate()?;
        let now = work.now();
        if let Some(id) = find(work, member.email.normalized()).await? {
            work.load::<Member>(id).await?;
            work.execute::<Member>(id, MemberCommand::Reinvite { member, now })?;
            return Ok(Answer::ok(work.document::<Member>(id)?));
        }
        let member_id: MemberId = work.new_id();
        work.execute::<Member>(member_id, MemberCommand::Invite { member_id, organization_id, member, now })?;
        let location = format!("/v1/organization/members/{member_id}");
        Ok(Answer::created(location, work.document::<Member>(member_id)?))
    }
}

/// The member with this address, if there is one. The counter is guarded, so of two requests that invite one person at the
/// same moment, one is tried again and finds the other's member.
async fn find(work: &mut Work<'_>, address: &str) -> Result<Option<MemberId>, Stop> {
    let organization = work.caller().organization.to_string();
    let (_, person) = work.subject(address);
    if work.counter(format!("members/{organization}/person/{}", person.id)).await? == 0 {
        return Ok(None);
    }
    let query = PageQuery {
        table: "members",
        filters: vec![Filter::Equals("org_id", organization.into()), Filter::Equals("subject", person.id.into())],
        sort: Sort::Id,
        descending: false,
        limit: 1,
        offset: 0,
        after: None,
        counter: None,
    };
    let found = work.store().page_of(&query).await?.documents;
    found.first().map(|document| document.id.parse().map_err(|_| damaged(&document.id))).transpose()
}

fn damaged(id: &str) -> Stop {
    Stop::Failed(store::Error::Corrupt(format!("the id {id} of a member")))
}

/// How many active owners the organization has. That stays so until the commit, so of two that leave at the same moment,
/// one is the last (contract 35).
async fn owners(work: &mut Work<'_>) -> Result<i64, Stop> {
    work.counter(format!("members/{}/owners", work.caller().organization)).await
}

/// `PATCH /v1/organization/members/{memberId}`.
pub struct UpdateMember {
    /// The member.
    pub id: MemberId,
    /// The versions that the client is willing to change.
    pub if_match: IfMatch,
    /// The request's body.
    pub body: Sent,
}

impl Command for UpdateMember {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load_expected::<Member>(self.id, &self.if_match).await?;
        let patch = MemberPatchInput::from_json(self.body.json()?)?.validate()?;
        let owners = owners(work).await?;
        work.execute::<Member>(self.id, MemberCommand::Update { patch, owners })?;
        Ok(Answer::ok(work.document::<Member>(self.id)?).tagged(work.version::<Member>(self.id).to_string()))
    }
}

/// `DELETE /v1/organization/members/{memberId}`.
pub struct RemoveMember {
    /// The member.
    pub id: MemberId,
}

impl Command for RemoveMember {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<Member>(self.id).await?;
        let owners = owners(work).await?;
        work.execute::<Member>(self.id, MemberCommand::Remove { owners })?;
        Ok(Answer::no_content())
    }
}

/// An invitation that a link leads to.
#[derive(Clone, Copy, Debug)]
pub struct Invitation {
    /// The member.
    pub member: MemberId,
    /// The organization.
    pub organization: OrganizationId,
    /// Which of the member's invitations.
    pub number: u32,
}

/// `POST /v1/organization/members/accept`, and the button of the page behind the link.
pub struct AcceptInvitation(pub Invitation);

impl Command for AcceptInvitation {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let Invitation { member, number, .. } = self.0;
        work.load::<Member>(member).await?;
        work.execute::<Member>(member, MemberCommand::Accept { invitation: number, now: work.now() })?;
        Ok(Answer::ok(work.document::<Member>(member)?))
    }
}

impl Commands {
    /// The link with which a member accepts.
    pub fn acceptance_url(&self, member: MemberId, invitation: u32) -> String {
        format!("{}/members/accept/{}", self.public_url, token::derive(&self.keys, member, invitation))
    }

    /// The row of the member whose latest invitation a token is for, and that invitation.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn invitation(&self, token: &str) -> Result<Option<(store::Document, Invitation)>, store::Error> {
        let Some(member) = token::locate::<MemberId>(&self.keys, token) else { return Ok(None) };
        let Some(row) = self.store.document_of_any("members", &member.to_string()).await? else { return Ok(None) };
        let damaged = || store::Error::Corrupt(format!("the row of the member {member}"));
        let number = u32::try_from(row.column("invitation").int()).map_err(|_| damaged())?;
        let organization = row.organization.parse().map_err(|_| damaged())?;
        let genuine = token::verify(&self.keys, token, member, number);
        Ok(genuine.then_some((row, Invitation { member, organization, number })))
    }
}

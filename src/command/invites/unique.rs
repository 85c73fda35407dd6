//! One invite per address, where a campaign asks for that (contract 19).

use std::collections::{HashMap, HashSet};

use aggregates::{
    Code, Refusal,
    id::{CampaignId, InviteId},
    invite::{Invite, InviteCommand, InviteStatus},
};

use crate::{
    command::{Stop, Work},
    store::{Filter, PageQuery, Sort},
};

pub(super) const MESSAGE: &str = "This address has an invite of this campaign already.";

/// More open invites than this of the people of one request are not looked through: that there are so many is answer
/// enough for those that were found, and each further one is caught by its counter.
const MOST: i64 = 10_000;

pub(super) fn conflict() -> Refusal {
    Refusal::new(Code::Conflict, MESSAGE)
}

/// Which of these addresses have an invite of the campaign that is neither cancelled nor expired.
///
/// Invites that were made under this rule are counted by person, and the counters are guarded, so that of two requests at
/// the same moment one is tried again and sees the other's invite. Older ones are found by looking. An invite whose
/// time is over but whose expiry has not been recorded is recorded now: otherwise its counter would still hold the place.
pub(super) async fn taken(
    work: &mut Work<'_>,
    campaign: CampaignId,
    addresses: &[&str],
) -> Result<HashSet<String>, Stop> {
    let people: HashMap<String, String> =
        addresses.iter().map(|address| (work.subject(address).1.id, (*address).to_owned())).collect();
    let scope = |subject: &str| format!("invites/unique/{campaign}/{subject}");
    let mut counters = work.counters(people.keys().map(|subject| scope(subject)).collect()).await?;

    let open = [InviteStatus::Pending, InviteStatus::Started, InviteStatus::Completed];
    let found = work
        .store()
        .page_of(&PageQuery {
            table: "invites",
            filters: vec![
                Filter::OneOf("subject", people.keys().cloned().collect()),
                Filter::Equals("campaign_id", campaign.to_string().into()),
                Filter::OneOf("status", open.map(|status| status.as_str().to_owned()).into()),
            ],
            sort: Sort::Id,
            descending: false,
            limit: MOST,
            offset: 0,
            after: None,
            counter: None,
        })
        .await?;
    let mut taken = HashSet::new();
    let now = work.now();
    for document in &found.documents {
        let subject = document.column("subject").text();
        let pending = document.column("status").text() == InviteStatus::Pending.as_str();
        if pending && document.column("expires_at").int() <= now.timestamp_micros() {
            let id: InviteId = document.id.parse().map_err(|_| damaged(&document.id))?;
            work.load::<Invite>(id).await?;
            work.execute::<Invite>(id, InviteCommand::Expire { now })?;
            if document.column("unique_email").int() != 0 {
                counters.entry(scope(subject)).and_modify(|n| *n -= 1);
            }
        } else {
            taken.extend(people.get(subject).cloned());
        }
    }
    let counted = people.iter().filter(|(subject, _)| counters.get(&scope(subject)).is_some_and(|n| *n > 0));
    taken.extend(counted.map(|(_, address)| address.clone()));
    Ok(taken)
}

fn damaged(id: &str) -> Stop {
    Stop::Failed(crate::store::Error::Corrupt(format!("the id {id} of an invite")))
}

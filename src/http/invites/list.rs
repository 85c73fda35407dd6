//! `GET /v1/campaigns/{campaignId}/invites`.

use std::sync::Arc;

use aggregates::{
    id::{CampaignId, InviteId},
    invite::InviteStatus,
    value::Email,
};
use axum::{extract::State, response::Response};

use super::schema::{Invite, InviteFilters};
use crate::{
    app::App,
    http::{ApiError, Call, Id, Query, list, query::ListParams},
    store::{Filter, Page},
};

const PENDING: &str = InviteStatus::Pending.as_str();
const EXPIRED: &str = InviteStatus::Expired.as_str();

/// List the invites of a campaign
#[utoipa::path(get, path = "/v1/campaigns/{campaignId}/invites", operation_id = "listInvites", tag = "Invites",
    params(("campaignId" = String, Path, description = "The campaign's id."), InviteFilters, ListParams),
    responses((status = 200, description = "A page of invites.", body = inline(list::PageOf<Invite>))))]
pub async fn list(
    State(app): State<Arc<App>>,
    call: Call,
    Id(campaign): Id<CampaignId>,
    mut query: Query,
) -> Result<Response, ApiError> {
    let organization = call.organization().to_string();
    let campaign = app.document(&call, "campaigns", campaign).await?.id;
    let page = query.list::<InviteId>(&[]);
    let status = query.one_of("status", &InviteStatus::NAMES.map(|(name, _)| name));
    let email = query.text("email");
    query.finish()?;

    let now = app.commands.now();
    let micros = now.timestamp_micros();
    let mut filters = vec![Filter::Equals("campaign_id", campaign.as_str().into())];
    let mut counter = None;
    // By how many the counter is wrong, as long as the expiry of overdue invites has not been recorded.
    let mut correction = 0;
    if let Some(email) = email {
        let lookup = app.commands.keys.subject_lookup(&organization, &Email::normalize(&email));
        let Some(subject) = app.store.find_subject(&lookup).await? else {
            let nothing = Page { documents: Vec::new(), total: 0, has_more: false };
            return Ok(list::page(&page, &nothing, |document| document.json.clone()));
        };
        filters.push(Filter::Equals("subject", subject.into()));
        filters.extend(status.map(|status| standing(status, micros)));
    } else if let Some(status) = status {
        counter = Some(format!("invites/{campaign}/{status}"));
        let affected = status == PENDING || status == EXPIRED;
        let overdue = if affected { app.store.count("invites", &overdue_of(&campaign, micros)).await? } else { 0 };
        correction = if status == PENDING { -overdue } else { overdue };
        filters.push(match overdue {
            0 => Filter::Equals("status", status.into()),
            _ => standing(status, micros),
        });
    } else {
        counter = Some(format!("invites/{campaign}"));
    }
    let query = list::query("invites", &page, filters, counter);
    let (mut found, base) = tokio::try_join!(app.store.page_of(&query), app.commands.link_base_of(&organization))?;
    if query.counter.is_some() {
        found.total = (found.total + correction).max(0);
    }
    Ok(list::page(&page, &found, |document| app.commands.render_stored_invite(document, &base, now)))
}

/// The invites that stand at `status` at this instant, whether or not their expiry has been recorded (contract 17).
fn standing(status: &'static str, now: i64) -> Filter {
    let recorded = Filter::Equals("status", status.into());
    match status {
        PENDING => Filter::AnyOf(vec![vec![recorded, Filter::AtLeast("expires_at", now + 1)]]),
        EXPIRED => {
            let overdue = vec![Filter::Equals("status", PENDING.into()), Filter::Below("expires_at", now + 1)];
            Filter::AnyOf(vec![vec![recorded], overdue])
        }
        _ => recorded,
    }
}

/// The overdue invites of a campaign. All overdue ones together are few, and a partial index holds them in order; the
/// campaign's own index would lead through all that are pending.
fn overdue_of(campaign: &str, now: i64) -> [Filter; 3] {
    [
        Filter::Literal("status", PENDING),
        Filter::Below("expires_at", now + 1),
        Filter::EqualsUnindexed("campaign_id", campaign.into()),
    ]
}

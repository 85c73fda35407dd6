//! Public events, rendered from the log: what webhooks, the catch-up feed and the message broker send.
//!
//! A body is made when it is sent and kept nowhere. It shows the resource as it was right after the event, folded from
//! the events of its stream up to there, so it is the same bytes wherever and whenever it is made, and an erasure reaches
//! whatever is sent after it. A page of the log costs one query, one more for the earlier events of the streams that it
//! goes on with, and none for streams that begin in it.

mod render;

use std::ops::Range;

use aggregates::id::{CampaignId, ProjectId};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use projections::public::Types;

use crate::store::{Error, Extent, Store};

/// The rendered bodies of one page, at most; beyond that the page ends early.
const PAGE_BYTES: usize = 1 << 20;
/// Events read at once for a subscriber who wants those of one campaign or project.
const NARROW: usize = 500;

/// A public event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicEvent {
    /// Its place in the log of the installation.
    pub position: i64,
    /// `evt_…`, the same wherever the event is sent.
    pub id: String,
    /// The type's name.
    pub name: &'static str,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// `org_…`
    pub organization: String,
    /// Its place in the organization's log.
    pub sequence: i64,
    /// The id of the resource that it happened to.
    pub resource: String,
    /// The campaign that it belongs to.
    pub campaign: Option<CampaignId>,
    /// The project that it belonged to: the resource's own, or else its campaign's at that time. The latter is looked up
    /// only where [`Selection::project`] or [`Selection::with_projects`] asks for it.
    pub project: Option<ProjectId>,
    /// The body as it is sent, JSON.
    pub body: Bytes,
    data: Range<usize>,
}

impl PublicEvent {
    /// The resource alone, JSON.
    pub fn data(&self) -> Bytes {
        self.body.slice(self.data.clone())
    }
}

/// Which events a subscriber wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Of these types.
    pub types: Types,
    /// Only of this campaign and its invites and sessions.
    pub campaign: Option<CampaignId>,
    /// Only of this project.
    pub project: Option<ProjectId>,
    /// Whether [`PublicEvent::project`] is to be known of every event, for a caller that compares it itself.
    pub with_projects: bool,
}

impl Selection {
    /// Everything.
    pub fn all() -> Self {
        Self::of(Types::all())
    }

    /// Everything of these types.
    pub fn of(types: Types) -> Self {
        Self { types, campaign: None, project: None, with_projects: false }
    }

    fn is_narrow(&self) -> bool {
        self.campaign.is_some() || self.project.is_some()
    }

    fn wants_projects(&self) -> bool {
        self.project.is_some() || self.with_projects
    }

    fn takes(&self, event: &PublicEvent) -> bool {
        self.types.contains(event.name)
            && self.campaign.is_none_or(|campaign| event.campaign == Some(campaign))
            && self.project.is_none_or(|project| event.project == Some(project))
    }
}

/// An event that could not be rendered: what is stored of it cannot be read. It must not stop those that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its position in the log.
    pub position: i64,
    /// What is wrong.
    pub error: String,
}

/// A piece of the log, rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// The events, in order.
    pub events: Vec<PublicEvent>,
    /// Events that could not be rendered, in order.
    pub unreadable: Vec<Unreadable>,
    /// Everything up to this place is in the piece or was not selected: where to go on.
    pub next: i64,
    /// The last place of the log.
    pub head: i64,
}

impl Piece {
    /// Whether there is more of the log to look at. The piece may be empty all the same: a piece ends after some thousand
    /// events of the log, whether or not they were selected.
    pub fn has_more(&self) -> bool {
        self.next < self.head
    }
}

impl Store {
    /// Public events of all organizations after a position of the log, at most `limit` (up to 1,000).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn public_events(&self, after: i64, limit: usize, selection: &Selection) -> Result<Piece, Error> {
        self.piece(Extent::Everything, after, limit, selection).await
    }

    /// Public events of one organization after one of its sequence numbers, at most `limit` (up to 1,000).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn public_events_of(
        &self,
        organization: &str,
        after: i64,
        limit: usize,
        selection: &Selection,
    ) -> Result<Piece, Error> {
        self.piece(Extent::Organization(organization), after, limit, selection).await
    }

    /// Public events by their ids, to be sent once more, in the order of the log. What is not public or cannot be
    /// rendered is left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn public_events_by_id(&self, ids: Vec<String>, with_projects: bool) -> Result<Vec<PublicEvent>, Error> {
        let opened = self.events_by_id(ids).await?;
        let mut rendered = render::Rendered::default();
        let mut rest = opened.records.as_slice();
        while !rest.is_empty() {
            rest = render::portion(self, &opened, rest, with_projects, &mut rendered).await?;
        }
        rendered.report();
        Ok(rendered.events)
    }

    async fn piece(&self, extent: Extent<'_>, after: i64, limit: usize, selection: &Selection) -> Result<Piece, Error> {
        let limit = limit.clamp(1, 1_000);
        // The log knows types; where an event belongs shows only once it is rendered, so more are read than are wanted.
        let read = if selection.is_narrow() { limit.max(NARROW) } else { limit };
        let slice = self.slice(extent, after, &selection.types.sources(), i64::try_from(read).unwrap_or(1)).await?;
        let mut rendered = render::Rendered::default();
        let mut next = slice.upto;
        let mut rest = slice.opened.records.as_slice();
        while let Some(first) = rest.first() {
            if rendered.bytes > PAGE_BYTES {
                next = extent.place(first) - 1;
                break;
            }
            rest = render::portion(self, &slice.opened, rest, selection.wants_projects(), &mut rendered).await?;
            rendered.keep(|event| selection.takes(event));
        }
        rendered.report();
        if let Some(last) = rendered.events.get(limit - 1).filter(|_| rendered.events.len() > limit) {
            next = match extent {
                Extent::Everything => last.position,
                Extent::Organization(_) => last.sequence,
            };
            rendered.events.truncate(limit);
        }
        Ok(Piece { events: rendered.events, unreadable: rendered.unreadable, next, head: slice.head })
    }
}

//! `GET /v1/events`: what has happened, for whoever asks instead of being told.

use std::sync::Arc;

use aggregates::id::{CampaignId, EventId, ProjectId};
use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, header},
    response::Response,
};
use projections::public::Types;

use super::{
    schema::{EventFilters, EventPage, streamed},
    stream,
};
use crate::{
    app::App,
    events::{PublicEvent, Selection},
    http::{ApiError, Call, Page, Platform, Query, answer},
};

/// Pieces of the log that one request looks at: a filter that little passes gets its answer soon, and goes on from there.
const PIECES: usize = 10;
/// Bytes after which a page takes no more events.
const PAGE_BYTES: usize = 4 << 20;

/// Where a reader begins.
pub(super) enum After {
    /// After a sequence number.
    Sequence(i64),
    /// After an event.
    Event(EventId),
    /// At the present end.
    Latest,
}

impl After {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "latest" {
            return Some(Self::Latest);
        }
        if text.starts_with("evt_") {
            return text.parse().ok().map(Self::Event);
        }
        text.parse().ok().filter(|sequence| *sequence >= 0).map(Self::Sequence)
    }

    /// The sequence number that it comes to.
    async fn sequence(self, app: &App, organization: &str) -> Result<i64, ApiError> {
        match self {
            Self::Sequence(sequence) => Ok(sequence),
            Self::Latest => Ok(app.store.last_sequence(organization).await?),
            Self::Event(id) => {
                let found = app.store.sequence_of(organization, &id.to_string()).await?;
                found.ok_or_else(|| {
                    let message = "There is no event with this id.";
                    let field = aggregates::FieldError::new("after", "invalid_value", message);
                    ApiError::invalid_request("One or more query parameters are invalid.", vec![field])
                })
            }
        }
    }
}

/// Read events
///
/// The same events as webhooks deliver, the oldest first, with the same ids and bodies. With `Accept: text/event-stream`
/// the answer is a stream of server-sent events that goes on with new ones as they happen; `Last-Event-ID`, which
/// browsers send when they connect again, is another way to say `after`.
#[utoipa::path(get, path = "/v1/events", operation_id = "listEvents", tag = "Events", params(EventFilters),
    responses((status = 200, description = "Events.", content(
        (EventPage = "application/json"), (String = "text/event-stream", example = streamed)))))]
pub async fn list(
    State(app): State<Arc<App>>,
    Extension(platform): Extension<Arc<Platform>>,
    call: Call,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, ApiError> {
    let streamed = wants_stream(&headers);
    let after = query.parsed("after", "Must be a sequence number, the id of an event, or latest.", After::parse);
    let types = query.parsed("types", "Must be types of events, separated by commas.", |text| {
        Types::parse(text.split(',').map(str::trim)).ok()
    });
    let campaign = query.id::<CampaignId>("campaignId");
    let project = query.id::<ProjectId>("projectId");
    let limit = query.whole("limit", 1..=1_000).and_then(|limit| usize::try_from(limit).ok()).unwrap_or(100);
    query.finish()?;
    let organization = call.organization().to_string();
    let resumed = match headers.get("last-event-id").filter(|_| streamed) {
        None => None,
        Some(id) => Some(id.to_str().ok().and_then(After::parse).ok_or_else(|| {
            let message = "must be a sequence number or the id of an event";
            ApiError::invalid_request(
                "The header Last-Event-ID is invalid.",
                vec![aggregates::FieldError::new("Last-Event-ID", "invalid_format", message)],
            )
        })?),
    };
    let after = match resumed.or(after) {
        Some(after) => after.sequence(&app, &organization).await?,
        None => 0,
    };
    let selection = Selection { campaign, project, ..Selection::of(types.unwrap_or_else(Types::all)) };
    if streamed {
        return stream::open(&app, &platform, &call, &headers, after, selection);
    }
    let (mut next, mut head) = (after, after);
    let mut events: Vec<PublicEvent> = Vec::new();
    let mut bytes = 0;
    for _ in 0..PIECES {
        let piece = app.store.public_events_of(&organization, next, limit - events.len(), &selection).await?;
        (next, head) = (piece.next, piece.head);
        let more = piece.has_more();
        bytes += piece.events.iter().map(|event| event.body.len()).sum::<usize>();
        events.extend(piece.events);
        if !more || events.len() >= limit || bytes >= PAGE_BYTES {
            break;
        }
    }
    Ok(answer::ok(page(&events, next, head, limit)))
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|range| range.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream")))
}

fn page(events: &[PublicEvent], next: i64, head: i64, limit: usize) -> Vec<u8> {
    let bodies: Vec<_> = events.iter().map(|event| &event.body).collect();
    let total = head.unsigned_abs();
    let page = Page { total, limit: u32::try_from(limit).unwrap_or(0), offset: 0, has_more: next < head };
    let mut body = answer::list(&bodies, page).to_vec();
    body.pop();
    body.extend_from_slice(format!(",\"next\":{next}}}").as_bytes());
    body
}

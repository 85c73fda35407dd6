//! Public events as the OpenAPI document describes them.

use chrono::{DateTime, Utc};
use projections::public::PublicType;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::http::list::Pagination;

fn event() -> Option<Value> {
    PublicType::named("invite.created")?.example().ok()
}

/// The event as it stands in the stream.
pub(super) fn streamed() -> Option<String> {
    Some(format!("id: 42\nevent: invite.created\ndata: {}\n\n", event()?))
}

fn event_type() -> Option<Value> {
    let public = PublicType::named("invite.created")?;
    let schema = public.schema().ok()?;
    Some(json!({"type": public.name, "description": public.summary, "schema": schema, "example": event()}))
}

/// Something that happened.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = event)]
pub struct Event {
    /// The same in every delivery of the event, however it comes.
    pub id: String,
    /// What happened; see `GET /v1/webhooks/event-types`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub created_at: DateTime<Utc>,
    /// Your organization.
    pub organization_id: String,
    /// Its place in your organization's log.
    pub sequence: i64,
    /// The resource as it was right after the event.
    #[schema(value_type = Object)]
    pub data: Value,
}

/// Events, the oldest first.
#[derive(ToSchema)]
pub struct EventPage {
    /// The events. There may be none although more follow: go on with `next` as long as `hasMore` says so.
    pub data: Vec<Event>,
    /// `total` is the organization's last sequence number, whatever the filter; `offset` is always 0.
    pub pagination: Pagination,
    /// Where to go on: the `after` of the next request, now or later.
    #[schema(example = 42)]
    pub next: i64,
}

/// Which events.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct EventFilters {
    /// A sequence number, or the id of an event, after which to begin; `latest` is the present end of the log. Absent: the
    /// beginning.
    pub after: Option<String>,
    /// Only these types, separated by commas: `invite.created`, `session.*`, `*`.
    pub types: Option<String>,
    /// Only what happened to this campaign, its invites and its sessions.
    pub campaign_id: Option<String>,
    /// Only what happened in this project at that time.
    pub project_id: Option<String>,
    /// Events per page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<i64>,
}

/// A type of events.
#[derive(ToSchema)]
#[schema(example = event_type)]
pub struct EventType {
    /// Its name.
    pub r#type: String,
    /// When it happens.
    pub description: String,
    /// The JSON Schema of an event of this type.
    #[schema(value_type = Object)]
    pub schema: Value,
    /// An example.
    #[schema(value_type = Object)]
    pub example: Value,
}

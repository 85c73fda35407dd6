//! `GET /v1/webhooks/event-types`: what can be subscribed to.

use axum::response::Response;
use projections::public;
use serde_json::json;

use super::schema::EventType;
use crate::http::{ApiError, Page, Query, answer, list::PageOf};

/// List event types
#[utoipa::path(get, path = "/v1/webhooks/event-types", operation_id = "listEventTypes", tag = "Webhooks",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Results per page; 100 by default."),
        ("offset" = Option<i64>, Query, minimum = 0, description = "How many results to skip.")),
    responses((status = 200, description = "The types, each with a JSON Schema and an example.",
        body = inline(PageOf<EventType>))))]
pub async fn list(mut query: Query) -> Result<Response, ApiError> {
    let limit = query.whole("limit", 1..=100).and_then(|limit| u32::try_from(limit).ok()).unwrap_or(100);
    let offset = query.whole("offset", 0..=i64::MAX).unwrap_or(0).unsigned_abs();
    query.finish()?;
    let types = public::types();
    let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
    let shown = types.iter().skip(skipped).take(limit as usize).map(|public| {
        Ok(json!({
            "type": public.name, "description": public.summary,
            "schema": public.schema()?, "example": public.example()?,
        })
        .to_string())
    });
    let shown = shown.collect::<serde_json::Result<Vec<_>>>().map_err(ApiError::internal)?;
    let total = types.len() as u64;
    let has_more = offset.saturating_add(shown.len() as u64) < total;
    Ok(answer::ok(answer::list(&shown, Page { total, limit, offset, has_more })))
}

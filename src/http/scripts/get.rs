//! `GET /v1/scripts/{scriptId}`.

use std::sync::Arc;

use aggregates::{id::ScriptId, script};
use axum::{extract::State, response::Response};

use super::schema::Script;
use crate::{
    app::App,
    http::{ApiError, Call, Id, IfNoneMatch, Query, answer},
};

/// Get a script
///
/// Shows the draft version, or the published one if there is no draft, unless another version is asked for.
#[utoipa::path(get, path = "/v1/scripts/{scriptId}", operation_id = "getScript", tag = "Scripts",
    params(
        ("scriptId" = String, Path, description = "The script's id."),
        ("version" = Option<u32>, Query, description = "The version whose content is to be shown."),
    ),
    responses((status = 200, description = "The script.", body = Script),
        (status = 304, description = "The client has it already.")))]
pub async fn get(
    State(app): State<Arc<App>>,
    call: Call,
    Id(id): Id<ScriptId>,
    mut query: Query,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let number = query.whole("version", 1..=u32::MAX.into()).and_then(|number| u32::try_from(number).ok());
    let document = app.document(&call, "scripts", id).await?;
    query.finish()?;
    match number {
        None => Ok(answer::cacheable(&known, &document.version.to_string(), document.json)),
        Some(number) => version(&app, &call, id, number, &known).await,
    }
}

/// Another version than the newest one is no part of the row, but of the log.
async fn version(app: &App, call: &Call, id: ScriptId, number: u32, known: &IfNoneMatch) -> Result<Response, ApiError> {
    let snapshot = app.commands.snapshot::<script::Script>(id, call.organization()).await?;
    let snapshot = snapshot.ok_or_else(ApiError::not_found)?;
    let version = snapshot.state.version(number).ok_or_else(ApiError::not_found)?;
    let mut shown = snapshot.row.clone().ok_or_else(ApiError::not_found)?.api;
    shown.version = number;
    shown.changelog.clone_from(&version.changelog);
    shown.system_prompt.clone_from(&version.content.system_prompt);
    shown.questions.clone_from(&version.content.questions);
    shown.settings.clone_from(&version.content.settings);
    let document = serde_json::to_string(&shown).map_err(ApiError::internal)?;
    Ok(answer::cacheable(known, &snapshot.version.to_string(), document))
}

//! The organization's logo: how it gets in (`POST /v1/organization/logo`), and where pages find it (`/logos/{fileId}`).

use std::sync::Arc;

use aggregates::{FieldError, Refusal, id::FileId};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::future::BoxFuture;
use projections::file::FileDocument;

use super::schema::{NewLogo, Organization};
use crate::{
    app::App,
    command::organizations::StoreLogo,
    files::upload::logo_limit,
    http::{
        ApiError, Call, Id, IfNoneMatch, answer,
        files::intake::{Received, Streamed, take_checked},
    },
    pdf,
};

/// Upload the organization's logo
///
/// A PNG or JPEG picture, which replaces the logo that there was. The interview page and documents with the branding
/// `custom` show it. `PATCH /v1/organization` with `"logo": null` removes it.
#[utoipa::path(post, path = "/v1/organization/logo", operation_id = "uploadOrganizationLogo", tag = "Organization",
    request_body(content = NewLogo, content_type = "multipart/form-data"),
    responses((status = 201, description = "The organization as it is now.", body = Organization)))]
pub async fn upload(State(app): State<Arc<App>>, call: Call, request: Streamed) -> Result<Response, ApiError> {
    take_checked(app, call, request, (pdf::MAX_LOGO as u64, logo_limit), check, move |received| {
        let (name, content) = (received.name.clone(), received.content.clone());
        Ok(StoreLogo { id: received.id, name, content })
    })
    .await
}

/// A picture that cannot be drawn is refused when it comes, not left out of documents later.
fn check<'a>(app: &'a App, received: &'a Received) -> BoxFuture<'a, Result<(), ApiError>> {
    Box::pin(async move {
        let bytes = app.files.whole(&received.content.storage_key, received.content.size).await.map_err(failed)?;
        let usable = tokio::task::spawn_blocking(move || pdf::is_usable(&bytes)).await.map_err(ApiError::internal)?;
        if usable {
            return Ok(());
        }
        let message = format!("must be a whole picture of at most {0} by {0} pixels", pdf::MAX_PIXELS);
        Err(Refusal::validation(vec![FieldError::new("file", "invalid_picture", message)]).into())
    })
}

/// The logo of an organization
///
/// The address comes from `logo` in the organization's representation, and works without an API key as long as the picture is
/// the organization's logo.
#[utoipa::path(get, path = "/logos/{fileId}", operation_id = "getLogo", tag = "Organization",
    params(("fileId" = String, Path, description = "The id of the picture.")),
    responses((status = 200, description = "The picture.", body = Vec<u8>, content_type = "image/png")))]
pub async fn show(State(app): State<Arc<App>>, Id(id): Id<FileId>, known: IfNoneMatch) -> Result<Response, ApiError> {
    let (key, file) = find(&app, id).await?.ok_or_else(ApiError::not_found)?;
    let mut response = if known.has(&file.sha256) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(app.files.whole(&key, file.size).await.map_err(failed)?));
        let content_type = HeaderValue::try_from(file.content_type).map_err(ApiError::internal)?;
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
    };
    // The address names the picture, which never changes.
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Ok(answer::tagged(response, &file.sha256))
}

/// A picture's place in the file store, and what it is; nothing that is no logo is ever found here.
async fn find(app: &App, id: FileId) -> Result<Option<(String, FileDocument)>, ApiError> {
    let row = app.store.document_of_any("files", &id.to_string()).await?;
    let Some(row) = row.filter(|row| row.column("kind").text() == "logo") else { return Ok(None) };
    let file = serde_json::from_str(&row.json).map_err(ApiError::internal)?;
    Ok(Some((row.column("storage_key").text().to_owned(), file)))
}

/// The bytes of a logo; none when it was replaced a moment ago.
///
/// # Errors
/// When a store fails.
pub async fn bytes(app: &App, id: FileId) -> Result<Option<Vec<u8>>, ApiError> {
    match find(app, id).await? {
        Some((key, file)) => app.files.whole(&key, file.size).await.map(Some).map_err(failed),
        None => Ok(None),
    }
}

fn failed(error: object_store::Error) -> ApiError {
    tracing::error!(%error, "the file store failed");
    ApiError::unavailable(5)
}

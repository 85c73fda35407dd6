//! `GET /files/{token}`: a file's bytes, for whoever holds a link that is still good.

use std::{fmt::Write, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use projections::file::FileDocument;

use super::range::{Wanted, wanted};
use crate::{
    app::App,
    http::{ApiError, Token, error::Failure},
};

/// Download a file
///
/// The address comes from `url` in the file's representation, works without an API key, and runs out at `urlExpiresAt`. One range
/// of bytes can be asked for.
#[utoipa::path(get, path = "/files/{token}", operation_id = "downloadFile", tag = "Files",
    params(
        ("token" = String, Path, description = "The signed part of the link."),
        ("Range" = Option<String>, Header, description = "`bytes=first-last`, `bytes=first-` or `bytes=-last`."),
    ),
    responses(
        (status = 200, description = "The file.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The part of the file that was asked for.", body = Vec<u8>,
            content_type = "application/octet-stream"),
        (status = 416, description = "The file ends before the range begins."),
    ))]
pub async fn download(
    State(app): State<Arc<App>>,
    Token(token): Token,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = app.commands.open_file_link(&token).ok_or_else(ApiError::not_found)?;
    let row = app.store.document_of_any("files", &id.to_string()).await?.ok_or_else(ApiError::not_found)?;
    let file: FileDocument = serde_json::from_str(&row.json).map_err(ApiError::internal)?;
    let range = match wanted(requested(&headers, &file), file.size) {
        Wanted::All => None,
        Wanted::Part(range) => Some(range),
        Wanted::Beyond => return Ok(beyond(file.size)),
    };
    let bytes = range.clone().unwrap_or(0..file.size);
    let length = bytes.end - bytes.start;
    let stream =
        app.files.objects.read(row.column("storage_key").text(), bytes).await.map_err(|error| match error {
            object_store::Error::NotFound { .. } => ApiError::internal(format!("the bytes of {id} are gone")),
            error => {
                tracing::error!(%error, "the file store failed");
                ApiError::unavailable(5)
            }
        })?;
    let mut response = Body::from_stream(stream).into_response();
    if let Some(range) = &range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let part = format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), file.size);
        set(&mut response, header::CONTENT_RANGE, &part);
    }
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(&mut response, header::ETAG, &tag(&file));
    set(&mut response, header::CONTENT_TYPE, charset(&file.content_type));
    set(&mut response, header::CONTENT_DISPOSITION, &disposition(file.name.as_deref().unwrap_or("file")));
    // Whatever is in the file, a browser that is tempted to show it can run nothing of it in our name.
    set(&mut response, header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox");
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    Ok(response)
}

/// The range that counts: none when the client's older part belongs to something else (`If-Range`).
fn requested<'a>(headers: &'a HeaderMap, file: &FileDocument) -> Option<&'a str> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let same = headers.get(header::IF_RANGE).is_none_or(|value| value.as_bytes() == tag(file).as_bytes());
    text(header::RANGE).filter(|_| same)
}

/// The bytes of a file never change, so their hash is the tag.
fn tag(file: &FileDocument) -> String {
    format!("\"{}\"", file.sha256)
}

fn charset(content_type: &str) -> &str {
    if content_type == "text/plain" { "text/plain; charset=utf-8" } else { content_type }
}

fn beyond(size: u64) -> Response {
    let message = "The file ends before the range begins.";
    let mut response = ApiError::new(Failure::RangeNotSatisfiable, message).into_response();
    set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
    response
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The name twice (RFC 6266): in ASCII for old clients, and as RFC 8187 (once 5987) writes any text.
fn disposition(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' { c } else { '_' };
    let mut value =
        format!("attachment; filename=\"{}\"; filename*=UTF-8''", name.chars().map(plain).collect::<String>());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            value.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            _ = write!(value, "%{byte:02X}");
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_for_old_and_new_clients() {
        assert_eq!(disposition("a b.mp3"), "attachment; filename=\"a b.mp3\"; filename*=UTF-8''a%20b.mp3");
        assert_eq!(
            disposition("Zoë \"x\"\\;é%0a.txt"),
            "attachment; filename=\"Zo_ _x__;__0a.txt\"; filename*=UTF-8''Zo%C3%AB%20%22x%22%5C%3B%C3%A9%250a.txt"
        );
    }
}

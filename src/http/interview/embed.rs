//! `/embed.js`: mounts the interview page in a page of another site.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use super::assets;
use crate::http::{IfNoneMatch, answer};

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The script that mounts an interview in another site's page
///
/// Which sites may do so is a setting of this server (`--embed-origins`).
#[utoipa::path(get, path = "/embed.js", operation_id = "getEmbedScript", tag = "Interview",
    responses((status = 200, description = "The script.", content_type = "text/javascript"),
        (status = 304, description = "The script that the client has is current.")))]
pub async fn script(known: IfNoneMatch) -> Response {
    let tag: String = Sha256::digest(assets::EMBED).iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    let mut response = if known.has(&tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(assets::EMBED))
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    // Other people's pages name no version, so it must not be kept for long.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    answer::tagged(response, &tag)
}

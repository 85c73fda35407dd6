//! The rendered reference, with everything that it needs in the binary.

use axum::{
    body::Body,
    extract::Path,
    http::{HeaderValue, header},
    response::Response,
};

use super::ApiError;

/// Scripts and requests stay on this server; Swagger UI sets style attributes and shows its icons from `data:` URLs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &[u8] = include_bytes!("../../assets/swagger-ui/page.html");
const START: &[u8] = include_bytes!("../../assets/swagger-ui/start.js");
const BUNDLE: &[u8] = include_bytes!("../../assets/swagger-ui/swagger-ui-bundle.js.gz");
const STYLE: &[u8] = include_bytes!("../../assets/swagger-ui/swagger-ui.css.gz");

/// The API reference as a page
///
/// Needs no other server than this one.
#[utoipa::path(get, path = "/docs", operation_id = "showDocs", tag = "Service",
    responses((status = 200, description = "The reference.", content_type = "text/html")))]
pub async fn page() -> Response {
    file(PAGE, "text/html; charset=utf-8", false)
}

/// A file of the reference page
#[utoipa::path(get, path = "/docs/{file}", operation_id = "getDocsFile", tag = "Service",
    params(("file" = String, Path, description = "Its name.")),
    responses((status = 200, description = "The file.", content_type = "application/octet-stream")))]
pub async fn asset(Path(name): Path<String>) -> Result<Response, ApiError> {
    match name.as_str() {
        "start.js" => Ok(file(START, "text/javascript; charset=utf-8", false)),
        "swagger-ui-bundle.js" => Ok(file(BUNDLE, "text/javascript; charset=utf-8", true)),
        "swagger-ui.css" => Ok(file(STYLE, "text/css; charset=utf-8", true)),
        _ => Err(ApiError::not_found()),
    }
}

/// The large files are kept compressed only: every browser accepts that.
fn file(bytes: &'static [u8], kind: &'static str, compressed: bool) -> Response {
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    if compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

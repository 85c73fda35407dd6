//! What handlers answer with. Documents are stored as the API shows them, so their bytes are copied, never parsed.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use super::extract::IfNoneMatch;

/// A JSON answer.
pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// 200 with a document.
pub fn ok(body: impl Into<Bytes>) -> Response {
    json(StatusCode::OK, body)
}

/// 201 with the new document and where it lives.
pub fn created(location: &str, body: impl Into<Bytes>) -> Response {
    let mut response = json(StatusCode::CREATED, body);
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// 204.
pub fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// Adds an `ETag`; `tag` comes without its quotes.
pub fn tagged(mut response: Response, tag: &str) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// A document whose `ETag` is its version, for whoever is going to change it, and so must not see an old state: 304 when the
/// client has it already.
pub fn versioned(known: &IfNoneMatch, version: i64, body: impl Into<Bytes>) -> Response {
    let tag = version.to_string();
    let response = if known.has(&tag) { StatusCode::NOT_MODIFIED.into_response() } else { ok(body) };
    let mut response = tagged(response, &tag);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// A document that may be cached for a while (campaigns and scripts, contract 13): 304 when the client has it already.
pub fn cacheable(known: &IfNoneMatch, tag: &str, body: impl Into<Bytes>) -> Response {
    let response = if known.has(tag) { StatusCode::NOT_MODIFIED.into_response() } else { ok(body) };
    let mut response = tagged(response, tag);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=300"));
    response
}

/// A document that changes any moment (sessions, contract 13): nobody may keep it.
pub fn fresh(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Where a page of a list stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many results match in all.
    pub total: u64,
    /// Results per page.
    pub limit: u32,
    /// How many results were skipped.
    pub offset: u64,
    /// Whether there are results beyond this page.
    pub has_more: bool,
}

/// The body of a list: the documents as they are, in the envelope of the reference.
pub fn list<D: AsRef<[u8]>>(documents: &[D], page: Page) -> Bytes {
    let size: usize = documents.iter().map(|document| document.as_ref().len() + 1).sum();
    let mut body = Vec::with_capacity(size + 128);
    body.extend_from_slice(b"{\"data\":[");
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(document.as_ref());
    }
    let Page { total, limit, offset, has_more } = page;
    let end = format!(
        "],\"pagination\":{{\"total\":{total},\"limit\":{limit},\"offset\":{offset},\"hasMore\":{has_more}}}}}"
    );
    body.extend_from_slice(end.as_bytes());
    body.into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_envelope_is_valid_json() {
        let page = Page { total: 156, limit: 2, offset: 4, has_more: true };
        let body: Value = serde_json::from_slice(&list(&["{\"id\":1}", "{\"id\":2}"], page)).expect("JSON");
        let pagination = json!({"total": 156, "limit": 2, "offset": 4, "hasMore": true});
        assert_eq!(body, json!({"data": [{"id": 1}, {"id": 2}], "pagination": pagination}));
        assert!(serde_json::from_slice::<Value>(&list::<&str>(&[], page)).is_ok());
    }
}

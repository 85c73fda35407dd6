//! The `Idempotency-Key` of a request (contract 11, 51).

use aggregates::FieldError;
use axum::http::{HeaderMap, Method};
use sha2::{Digest, Sha256};

use super::ApiError;

/// The name of the header.
pub const HEADER: &str = "idempotency-key";

/// The header that marks a remembered answer.
pub const REPLAYED: &str = "idempotent-replayed";

/// A request that must take effect once, however often it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRequest {
    /// The key, without the quotes that it may have come in.
    pub key: String,
    /// SHA-256 of method, path and body: what makes it the same request.
    pub fingerprint: [u8; 32],
}

impl IdempotencyRequest {
    /// Reads the header of a POST; `None` when there is none, or with another method.
    ///
    /// # Errors
    /// 400 when the key is not 1 to 255 visible characters, bare or quoted, or is given twice.
    pub fn read(method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Result<Option<Self>, ApiError> {
        if method != Method::POST {
            return Ok(None);
        }
        let mut values = headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let key = value.to_str().ok().map(str::trim).map(unquote).filter(|key| (1..=255).contains(&key.len()));
        match (key, values.next()) {
            (Some(key), None) => {
                Ok(Some(Self { key: key.to_owned(), fingerprint: fingerprint(method.as_str(), path, body) }))
            }
            _ => Err(ApiError::invalid_request(
                "The Idempotency-Key header must hold one key of 1 to 255 characters.",
                vec![FieldError::new("Idempotency-Key", "invalid_format", "Must be 1 to 255 visible characters.")],
            )),
        }
    }
}

impl IdempotencyRequest {
    /// The same request with content that was not read when the header was: what a streamed body came to. Each part is
    /// taken as it is, with its length.
    #[must_use]
    pub fn covering(mut self, parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.fingerprint);
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        self.fingerprint = hash.finalize().into();
        self
    }
}

fn unquote(text: &str) -> &str {
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}

/// Lengths go in front of the parts, so that no two different requests yield the same bytes.
fn fingerprint(method: &str, path: &str, body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [method.as_bytes(), path.as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Option<IdempotencyRequest>, ApiError> {
        let headers = HeaderMap::from_iter([(HEADER.parse().expect("name"), value.parse().expect("value"))]);
        IdempotencyRequest::read(&Method::POST, "/v1/projects", &headers, b"{}")
    }

    #[test]
    fn a_bare_and_a_quoted_key_are_the_same() {
        assert_eq!(read("abc"), read("\"abc\""));
        assert_eq!(read("abc").expect("valid").expect("given").key, "abc");
    }

    #[test]
    fn lengths_are_checked_without_the_quotes() {
        assert!(read(&"k".repeat(255)).is_ok());
        assert!(read(&format!("\"{}\"", "k".repeat(255))).is_ok());
        assert!(read(&"k".repeat(256)).is_err());
        assert!(read("").is_err());
        assert!(read("\"\"").is_err());
    }

    #[test]
    fn streamed_content_makes_another_request() {
        let request = read("k").expect("valid").expect("given");
        let one = request.clone().covering(&["ab", "c"]);
        assert_eq!(one, request.clone().covering(&["ab", "c"]));
        for other in [request.clone(), request.clone().covering(&["a", "bc"]), request.covering(&["abc"])] {
            assert_ne!(other.fingerprint, one.fingerprint);
        }
    }

    #[test]
    fn method_path_and_body_make_the_fingerprint() {
        let one = fingerprint("POST", "/a", b"bc");
        assert_ne!(one, fingerprint("POST", "/ab", b"c"));
        assert_ne!(one, fingerprint("PUT", "/a", b"bc"));
    }
}

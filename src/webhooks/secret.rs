//! Secrets of endpoints, and what else is sealed under the organization's key.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use crate::trust::{keys::Key, seal};

const PREFIX: &str = "whsec_";

/// The secret of an endpoint: `whsec_` and 32 random bytes in base 64.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whsec_***")
    }
}

impl Secret {
    /// A new one from the operating system's generator.
    pub fn generate() -> Self {
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
        Self(Zeroizing::new(format!("{PREFIX}{}", BASE64_STANDARD.encode(*bytes))))
    }

    /// Reads one.
    pub fn from_text(text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(PREFIX)?;
        BASE64_STANDARD.decode(encoded).ok().map(|_| Self(Zeroizing::new(text.to_owned())))
    }

    /// As it is shown, this once.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bytes that Standard Webhooks sign with.
    pub(super) fn key(&self) -> Zeroizing<Vec<u8>> {
        // It was read or made as base 64, so there is nothing that could fail.
        Zeroizing::new(BASE64_STANDARD.decode(&self.0[PREFIX.len()..]).unwrap_or_default())
    }

    /// Seals it for its endpoint.
    pub fn seal(&self, key: &Key, webhook: &str) -> String {
        seal_text(key, webhook, "secret", self.0.as_bytes())
    }

    /// Opens a sealed one.
    pub fn open(key: &Key, webhook: &str, sealed: &str) -> Option<Self> {
        let text = open_text(key, webhook, "secret", sealed)?;
        Self::from_text(std::str::from_utf8(&text).ok()?)
    }
}

/// Seals headers for their endpoint.
pub fn seal_headers(key: &Key, webhook: &str, headers: &BTreeMap<String, String>) -> String {
    // Plain data: writing it as JSON cannot fail.
    seal_text(key, webhook, "headers", &serde_json::to_vec(headers).unwrap_or_default())
}

/// Opens sealed headers.
pub fn open_headers(key: &Key, webhook: &str, sealed: &str) -> Option<BTreeMap<String, String>> {
    serde_json::from_slice(&open_text(key, webhook, "headers", sealed)?).ok()
}

/// Seals what is kept of an attempt.
pub fn seal_attempt(key: &Key, attempt: &str, plain: &[u8]) -> Vec<u8> {
    seal::seal(key, context(attempt, "attempt").as_bytes(), plain)
}

/// Opens what is kept of an attempt.
pub fn open_attempt(key: &Key, attempt: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    seal::open(key, context(attempt, "attempt").as_bytes(), sealed)
}

fn context(place: &str, what: &str) -> String {
    format!("webhook/{place}/{what}")
}

fn seal_text(key: &Key, place: &str, what: &str, plain: &[u8]) -> String {
    BASE64_STANDARD.encode(seal::seal(key, context(place, what).as_bytes(), plain))
}

fn open_text(key: &Key, place: &str, what: &str, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
    let sealed = BASE64_STANDARD.decode(sealed).ok()?;
    seal::open(key, context(place, what).as_bytes(), &sealed).map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::keys::random_key;

    #[test]
    fn a_secret_opens_only_for_its_own_endpoint() {
        let (key, secret) = (random_key(), Secret::generate());
        let sealed = secret.seal(&key, "whk_1");
        assert_eq!(Secret::open(&key, "whk_1", &sealed).expect("opened").as_str(), secret.as_str());
        assert!(Secret::open(&key, "whk_2", &sealed).is_none());
        assert!(Secret::open(&random_key(), "whk_1", &sealed).is_none());
        assert!(open_headers(&key, "whk_1", &sealed).is_none(), "headers are sealed for another place");
        assert_eq!(secret.key().len(), 32);
        assert_eq!(format!("{secret:?}"), "whsec_***");
        for bad in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!"] {
            assert_eq!(Secret::from_text(bad).is_some(), bad == "whsec_", "{bad}");
        }
    }
}

//! Authenticated encryption of what may not stand in the database in clear (XChaCha20-Poly1305).

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use zeroize::Zeroizing;

use super::keys::Key;

const NONCE: usize = 24;

/// Seals `plaintext` for the place that `context` names; the answer is nonce and ciphertext.
pub fn seal(key: &Key, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE] = rand::random();
    #[allow(clippy::expect_used, reason = "fails only beyond 256 GiB")]
    let ciphertext = cipher(key)
        .encrypt(&XNonce::from(nonce), Payload { msg: plaintext, aad: context })
        .expect("below the cipher's size limit");
    [nonce.as_slice(), &ciphertext].concat()
}

/// Opens what [`seal`] made, or answers `None` when key, context or bytes are not the ones it was made with.
pub fn open(key: &Key, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE)?;
    let nonce: [u8; NONCE] = nonce.try_into().ok()?;
    cipher(key).decrypt(&XNonce::from(nonce), Payload { msg: ciphertext, aad: context }).ok()
}

/// Wraps a key under another one.
pub fn wrap(outer: &Key, context: &str, inner: &Key) -> Vec<u8> {
    seal(outer, context.as_bytes(), inner.as_slice())
}

/// Unwraps what [`wrap`] made.
pub fn unwrap(outer: &Key, context: &str, wrapped: &[u8]) -> Option<Key> {
    let bytes = Zeroizing::new(open(outer, context.as_bytes(), wrapped)?);
    Some(Zeroizing::new(bytes.as_slice().try_into().ok()?))
}

/// Seals one personal field of one event. The context binds the ciphertext to event and field, so that it cannot be
/// moved to another place in the log.
pub fn seal_field(key: &Key, event_id: &str, field: &str, plaintext: &[u8]) -> String {
    BASE64_STANDARD_NO_PAD.encode(seal(key, &field_context(event_id, field), plaintext))
}

/// Opens what [`seal_field`] made.
pub fn open_field(key: &Key, event_id: &str, field: &str, sealed: &str) -> Option<Vec<u8>> {
    open(key, &field_context(event_id, field), &BASE64_STANDARD_NO_PAD.decode(sealed).ok()?)
}

fn field_context(event_id: &str, field: &str) -> Vec<u8> {
    [event_id.as_bytes(), b"/", field.as_bytes()].concat()
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&(**key).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::keys::random_key;

    #[test]
    fn opens_only_with_the_same_key_event_field_and_bytes() {
        let (key, other) = (random_key(), random_key());
        let sealed = seal_field(&key, "evt_1", "email", b"ada@example.com");
        assert_eq!(open_field(&key, "evt_1", "email", &sealed).as_deref(), Some(b"ada@example.com".as_slice()));
        assert_eq!(open_field(&other, "evt_1", "email", &sealed), None);
        assert_eq!(open_field(&key, "evt_2", "email", &sealed), None);
        assert_eq!(open_field(&key, "evt_1", "name", &sealed), None);
        assert_eq!(open_field(&key, "evt_1", "email", &sealed[..sealed.len() - 2]), None);
        assert_eq!(open_field(&key, "evt_1", "email", "short"), None);
    }

    #[test]
    fn the_same_plaintext_never_seals_to_the_same_text() {
        let key = random_key();
        assert_ne!(seal_field(&key, "e", "f", b"x"), seal_field(&key, "e", "f", b"x"));
    }
}

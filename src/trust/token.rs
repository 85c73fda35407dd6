//! Invite tokens: the credential in a participant's link (contract 7).
//!
//! A token is derived, never stored: `inv_` and 43 characters that hold a 128-bit HMAC tag over invite and generation,
//! and the invite's id masked by a second HMAC over that tag. The server finds the invite by unmasking the id, which
//! needs no index over random hashes (those cost an embedded store more than everything else an invite writes), and
//! then checks the tag. Without the server key, a token cannot be made from an id, nor an id read from a token.

use aggregates::id::{Id, InviteId};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::Mac;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::keys::{Keys, hmac};

const PREFIX: &str = "inv_";

/// The token of an invite's link.
pub fn derive(keys: &Keys, invite: InviteId, generation: u32) -> String {
    let tag = tag(keys, invite, generation);
    let masked = mask(keys, &tag, invite.uuid().into_bytes());
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode([tag, masked].concat()))
}

/// Which invite a token speaks of. The caller must still [`verify`] it against the invite's generation.
pub fn locate(keys: &Keys, token: &str) -> Option<InviteId> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
    let (tag, masked) = bytes.split_at_checked(16)?;
    let id = mask(keys, tag.try_into().ok()?, masked.try_into().ok()?);
    Some(InviteId::from_uuid(Uuid::from_bytes(id)))
}

/// Whether a token is the one of this invite and generation, in constant time.
pub fn verify(keys: &Keys, token: &str, invite: InviteId, generation: u32) -> bool {
    derive(keys, invite, generation).as_bytes().ct_eq(token.as_bytes()).into()
}

fn tag(keys: &Keys, invite: InviteId, generation: u32) -> [u8; 16] {
    let mut mac = hmac(keys.tokens());
    mac.update(b"tag");
    mac.update(invite.uuid().as_bytes());
    mac.update(&generation.to_be_bytes());
    first_half(mac)
}

fn mask(keys: &Keys, tag: &[u8; 16], id: [u8; 16]) -> [u8; 16] {
    let mut mac = hmac(keys.tokens());
    mac.update(b"mask");
    mac.update(tag);
    let mask = first_half(mac);
    std::array::from_fn(|i| id[i] ^ mask[i])
}

fn first_half(mac: impl Mac<OutputSize = hmac::digest::consts::U32>) -> [u8; 16] {
    let full = mac.finalize().into_bytes();
    std::array::from_fn(|i| full[i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::keys::random_key;

    #[test]
    fn a_token_names_its_invite_and_no_other() {
        let keys = Keys::new(random_key());
        let invite = InviteId::from_uuid(Uuid::from_u128(0x0192_aaaa_bbbb_7ccc_8ddd_eeee_ffff_0001));
        let token = derive(&keys, invite, 1);
        assert!(token.starts_with("inv_"));
        assert!(!token.contains(&invite.to_string()[4..]));
        assert_eq!(locate(&keys, &token), Some(invite));
        assert!(verify(&keys, &token, invite, 1));
        assert!(!verify(&keys, &token, invite, 2), "another generation");
        let mut forged = token.clone().into_bytes();
        forged[10] ^= 1;
        let forged = String::from_utf8(forged).expect("ascii");
        assert!(!locate(&keys, &forged).is_some_and(|id| verify(&keys, &forged, id, 1)));
        assert_eq!(locate(&keys, "inv_"), None);
        assert_eq!(locate(&keys, &invite.to_string()), None, "an id is not a token");
    }

    #[test]
    fn another_installation_cannot_read_it() {
        let invite = InviteId::from_uuid(Uuid::from_u128(5));
        let token = derive(&Keys::new(random_key()), invite, 1);
        assert_ne!(locate(&Keys::new(random_key()), &token), Some(invite));
    }
}

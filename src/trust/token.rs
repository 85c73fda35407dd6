//! Tokens of links: the credential in a participant's link (contract 7), and in a member's invitation (contract 35).
//!
//! A token is derived, never stored: a prefix and 43 characters that hold a 128-bit HMAC tag over the id and a number (the
//! generation of an invite's token, which of a member's invitations), and the id masked by a second HMAC over that tag.
//! The server finds what it belongs to by unmasking the id, which needs no index over random hashes (those cost an embedded
//! store more than everything else an invite writes), and then checks the tag. Without the server key, a token cannot be
//! made from an id, nor an id read from a token.

use aggregates::id::{Id, InviteId, MemberId};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::Mac;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::keys::{Keys, hmac};

/// What a token can belong to.
pub trait Linked: Id {
    /// How its tokens begin.
    const PREFIX: &'static str;
    /// Keeps its tags apart from those of others.
    const TAG: &'static [u8];
    /// Keeps its masks apart from everything else.
    const MASK: &'static [u8];
}

// What goes into the HMACs is of a different length each, so nothing of the one can pass for the other.
impl Linked for InviteId {
    const PREFIX: &'static str = "inv_";
    const TAG: &'static [u8] = b"tag";
    const MASK: &'static [u8] = b"mask";
}

impl Linked for MemberId {
    const PREFIX: &'static str = "mbr_";
    const TAG: &'static [u8] = b"member tag";
    const MASK: &'static [u8] = b"member mask";
}

/// The token of a link.
pub fn derive<I: Linked>(keys: &Keys, id: I, number: u32) -> String {
    let tag = tag(keys, id, number);
    let masked = mask::<I>(keys, &tag, id.uuid().into_bytes());
    format!("{}{}", <I as Linked>::PREFIX, BASE64_URL_SAFE_NO_PAD.encode([tag, masked].concat()))
}

/// What a token speaks of. The caller must still [`verify`] it against the number that is valid.
pub fn locate<I: Linked>(keys: &Keys, token: &str) -> Option<I> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix(<I as Linked>::PREFIX)?).ok()?;
    let (tag, masked) = bytes.split_at_checked(16)?;
    let id = mask::<I>(keys, tag.try_into().ok()?, masked.try_into().ok()?);
    Some(I::from_uuid(Uuid::from_bytes(id)))
}

/// Whether a token is the one of this id and number, in constant time.
pub fn verify<I: Linked>(keys: &Keys, token: &str, id: I, number: u32) -> bool {
    derive(keys, id, number).as_bytes().ct_eq(token.as_bytes()).into()
}

fn tag<I: Linked>(keys: &Keys, id: I, number: u32) -> [u8; 16] {
    let mut mac = hmac(keys.tokens());
    mac.update(I::TAG);
    mac.update(id.uuid().as_bytes());
    mac.update(&number.to_be_bytes());
    first_half(mac)
}

fn mask<I: Linked>(keys: &Keys, tag: &[u8; 16], id: [u8; 16]) -> [u8; 16] {
    let mut mac = hmac(keys.tokens());
    mac.update(I::MASK);
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
        assert!(!locate::<InviteId>(&keys, &forged).is_some_and(|id| verify(&keys, &forged, id, 1)));
        assert_eq!(locate::<InviteId>(&keys, "inv_"), None);
        assert_eq!(locate::<InviteId>(&keys, &invite.to_string()), None, "an id is not a token");
    }

    #[test]
    fn a_token_of_one_kind_is_none_of_another() {
        let keys = Keys::new(random_key());
        let uuid = Uuid::from_u128(0x0192_aaaa_bbbb_7ccc_8ddd_eeee_ffff_0001);
        let member = derive(&keys, MemberId::from_uuid(uuid), 1);
        assert!(member.starts_with("mbr_"));
        assert_eq!(locate(&keys, &member), Some(MemberId::from_uuid(uuid)));
        assert_eq!(locate::<InviteId>(&keys, &member), None);
        let renamed = member.replace("mbr_", "inv_");
        assert!(!locate::<InviteId>(&keys, &renamed).is_some_and(|id| verify(&keys, &renamed, id, 1)));
        assert!(!verify(&keys, &renamed, InviteId::from_uuid(uuid), 1));
    }

    #[test]
    fn another_installation_cannot_read_it() {
        let invite = InviteId::from_uuid(Uuid::from_u128(5));
        let token = derive(&Keys::new(random_key()), invite, 1);
        assert_ne!(locate(&Keys::new(random_key()), &token), Some(invite));
    }
}

//! Tokens that say which of an invite's mails something is about: in its Message-ID, in the address that bounces go to, and in
//! the picture that tells of its opening.
//!
//! 48 lower-case letters and digits, so that they fit the local part of an address and survive a server that folds case:
//! the invite's id, the number of the mail, and a tag of 80 bits under a key of ours. They hold nothing about the person.
//! Each purpose has tags of its own: who reads a header cannot make the address of the picture from it.

use aggregates::id::{Id, InviteId};
use hmac::Mac;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::keys::{Keys, hmac};

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// The length of every token.
pub const LENGTH: usize = 48;
const BYTES: usize = 30;
const TAG: usize = 10;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To find the mail that a report is about.
    Report,
    /// To tell that the mail was opened.
    Open,
}

/// One of an invite's mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailRef {
    /// The invite.
    pub invite: InviteId,
    /// Which of its mails, from 1.
    pub mail: u32,
}

/// The token of a mail.
pub fn make(keys: &Keys, purpose: Purpose, mail: MailRef) -> String {
    let mut bytes = [0; BYTES];
    bytes[..16].copy_from_slice(mail.invite.uuid().as_bytes());
    bytes[16..20].copy_from_slice(&mail.mail.to_be_bytes());
    let tag = tag(keys, purpose, &bytes[..20]);
    bytes[20..].copy_from_slice(&tag);
    bytes.chunks(5).flat_map(encode).map(char::from).collect()
}

/// The mail that a token is about, if we made it for this purpose.
pub fn read(keys: &Keys, purpose: Purpose, token: &str) -> Option<MailRef> {
    if token.len() != LENGTH || !token.is_ascii() {
        return None;
    }
    let lower = token.to_ascii_lowercase();
    let mut bytes = Vec::with_capacity(BYTES);
    for group in lower.as_bytes().chunks(8) {
        bytes.extend(decode(group)?);
    }
    let (data, given) = bytes.split_at_checked(BYTES - TAG)?;
    if !bool::from(tag(keys, purpose, data).ct_eq(given)) {
        return None;
    }
    let (invite, mail) = data.split_at_checked(16)?;
    Some(MailRef {
        invite: InviteId::from_uuid(Uuid::from_slice(invite).ok()?),
        mail: u32::from_be_bytes(mail.try_into().ok()?),
    })
}

/// The mail that a text speaks of: the first token of ours in it. Message-IDs and addresses hold one among other things.
pub fn find(keys: &Keys, text: &str) -> Option<MailRef> {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_uppercase() || ('2'..='7').contains(&c);
    text.split(|c: char| !is_letter(c)).find_map(|word| read(keys, Purpose::Report, word))
}

fn tag(keys: &Keys, purpose: Purpose, data: &[u8]) -> [u8; TAG] {
    let mut mac = hmac(keys.mails());
    mac.update(match purpose {
        Purpose::Report => b"report",
        Purpose::Open => b"open",
    });
    mac.update(data);
    let full = mac.finalize().into_bytes();
    let mut tag = [0; TAG];
    tag.copy_from_slice(&full[..TAG]);
    tag
}

fn encode(group: &[u8]) -> [u8; 8] {
    let mut bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let mut text = [0; 8];
    for slot in text.iter_mut().rev() {
        *slot = ALPHABET[(bits & 31) as usize];
        bits >>= 5;
    }
    text
}

fn decode(group: &[u8]) -> Option<[u8; 5]> {
    let mut bits = 0_u64;
    for letter in group {
        let digit = ALPHABET.iter().position(|known| known == letter)?;
        bits = bits << 5 | digit as u64;
    }
    let [_, _, _, bytes @ ..] = bits.to_be_bytes();
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::trust::keys::random_key;

    proptest! {
        #[test]
        fn a_token_is_read_back_wherever_it_stands(invite: u128, mail: u32) {
            let keys = Keys::new(random_key());
            let reference = MailRef { invite: InviteId::from_uuid(Uuid::from_u128(invite)), mail };
            let token = make(&keys, Purpose::Report, reference);
            prop_assert_eq!(token.len(), LENGTH);
            prop_assert_eq!(read(&keys, Purpose::Report, &token), Some(reference));
            prop_assert_eq!(find(&keys, &format!("<evt_01abc.{token}@mail.example.com>")), Some(reference));
            prop_assert_eq!(find(&keys, &format!("bounces+{}@EXAMPLE.com", token.to_uppercase())), Some(reference));
            prop_assert_eq!(read(&keys, Purpose::Open, &token), None);
            prop_assert_eq!(read(&Keys::new(random_key()), Purpose::Report, &token), None);
        }

        #[test]
        fn a_changed_token_is_none(at in 0..LENGTH, letter in 0..32_usize) {
            let keys = Keys::new(random_key());
            let reference = MailRef { invite: InviteId::from_uuid(Uuid::from_u128(7)), mail: 1 };
            let token = make(&keys, Purpose::Open, reference);
            let mut changed = token.clone().into_bytes();
            changed[at] = ALPHABET[letter];
            let changed = String::from_utf8(changed).expect("ASCII");
            prop_assert_eq!(read(&keys, Purpose::Open, &changed).is_some(), changed == token);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,60}") {
            let keys = Keys::new(random_key());
            prop_assert_eq!(read(&keys, Purpose::Report, &text), None);
            prop_assert_eq!(find(&keys, &text), None);
        }
    }
}

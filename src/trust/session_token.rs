//! Session tokens: the credential of a participant whose interview is under way (contract 23).
//!
//! A token says which session it is for and until when, and is signed together with the invite token that it was issued
//! under, so that it is of no use under another link. It is checked without looking anything up, and stored nowhere.

use aggregates::id::{Id, OrganizationId, SessionId};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::Mac;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::keys::{Keys, hmac};

const PREFIX: &str = "st_";
const CLAIMS: usize = 40;
const TAG: usize = 16;

/// How long a token is valid. Opening the link again yields a new one.
pub const VALID_FOR: TimeDelta = TimeDelta::hours(24);

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The session that it is for.
    pub session: SessionId,
    /// The session's organization.
    pub organization: OrganizationId,
    /// The first instant at which it is not valid any more, in whole seconds.
    pub expires_at: DateTime<Utc>,
}

/// The token of a session under an invite token.
pub fn issue(keys: &Keys, claims: Claims, invite_token: &str) -> String {
    let mut bytes = Vec::with_capacity(CLAIMS + TAG);
    bytes.extend_from_slice(claims.session.uuid().as_bytes());
    bytes.extend_from_slice(claims.organization.uuid().as_bytes());
    bytes.extend_from_slice(&claims.expires_at.timestamp().to_be_bytes());
    let tag = tag(keys, &bytes, invite_token);
    bytes.extend_from_slice(&tag);
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// What a token says, if it was issued under this invite token and is still valid.
pub fn verify(keys: &Keys, token: &str, invite_token: &str, now: DateTime<Utc>) -> Option<Claims> {
    let bytes = decode(token)?;
    let (claims, given) = bytes.split_at_checked(CLAIMS)?;
    let genuine: bool = tag(keys, claims, invite_token).ct_eq(given).into();
    if !genuine {
        return None;
    }
    let uuid = |range| claims.get(range).and_then(|bytes| Uuid::from_slice(bytes).ok());
    let seconds = i64::from_be_bytes(claims.get(32..)?.try_into().ok()?);
    let claims = Claims {
        session: SessionId::from_uuid(uuid(0..16)?),
        organization: OrganizationId::from_uuid(uuid(16..32)?),
        expires_at: DateTime::from_timestamp(seconds, 0)?,
    };
    (now < claims.expires_at).then_some(claims)
}

/// Whether a text could be a session token at all.
pub fn is_well_formed(token: &str) -> bool {
    decode(token).is_some()
}

fn decode(token: &str) -> Option<Vec<u8>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
    (bytes.len() == CLAIMS + TAG).then_some(bytes)
}

fn tag(keys: &Keys, claims: &[u8], invite_token: &str) -> [u8; TAG] {
    let mut mac = hmac(keys.sessions());
    // The claims have a fixed length, so no two pairs yield the same bytes.
    mac.update(claims);
    mac.update(invite_token.as_bytes());
    let full = mac.finalize().into_bytes();
    std::array::from_fn(|i| full[i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::keys::random_key;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).expect("a time")
    }

    fn claims() -> Claims {
        Claims {
            session: SessionId::from_uuid(Uuid::from_u128(0x0192_aaaa_bbbb_7ccc_8ddd_eeee_ffff_0001)),
            organization: OrganizationId::from_uuid(Uuid::from_u128(7)),
            expires_at: at(1_000),
        }
    }

    #[test]
    fn a_token_holds_under_its_invite_until_it_expires() {
        let keys = Keys::new(random_key());
        let token = issue(&keys, claims(), "inv_a");
        assert!(token.starts_with("st_") && is_well_formed(&token));
        assert_eq!(verify(&keys, &token, "inv_a", at(999)), Some(claims()));
        assert_eq!(verify(&keys, &token, "inv_a", at(1_000)), None, "expired");
        assert_eq!(verify(&keys, &token, "inv_b", at(999)), None, "another link");
        assert_eq!(verify(&Keys::new(random_key()), &token, "inv_a", at(999)), None, "another installation");
    }

    #[test]
    fn no_part_of_a_token_can_be_changed() {
        let keys = Keys::new(random_key());
        let token = issue(&keys, claims(), "inv_a");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&token[3..]).expect("base 64");
        for i in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[i] ^= 1;
            let forged = format!("st_{}", BASE64_URL_SAFE_NO_PAD.encode(forged));
            assert_eq!(verify(&keys, &forged, "inv_a", at(0)), None, "byte {i}");
        }
        for wrong in ["", "st_", &token[3..], &token[..token.len() - 1], &format!("{token}0")] {
            assert!(!is_well_formed(wrong), "{wrong}");
            assert_eq!(verify(&keys, wrong, "inv_a", at(0)), None, "{wrong}");
        }
    }
}

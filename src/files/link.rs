//! Download links: short-lived, signed, and a credential by themselves.
//!
//! The token of a link holds the file's id, the second at which it ends, and an HMAC over both, in URL-safe base 64.
//! Nothing is stored, every node can check it, and deleting the file ends it early.

use aggregates::id::{FileId, Id};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::Mac;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::trust::keys::{Keys, hmac};

/// How long a link works that an API caller is given.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(15);

const ID: usize = 16;
const BODY: usize = ID + 8;

/// A link's token, and when it stops working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The token.
    pub token: String,
    /// The first second at which it no longer works.
    pub expires_at: DateTime<Utc>,
}

/// Makes a link to a file that works for `lifetime` from now on.
pub fn sign(keys: &Keys, file: FileId, now: DateTime<Utc>, lifetime: TimeDelta) -> Link {
    let end = (now + lifetime).timestamp();
    let mut bytes = Vec::with_capacity(BODY + 32);
    bytes.extend(file.uuid().as_bytes());
    bytes.extend(end.to_be_bytes());
    let tag = tag(keys, &bytes);
    bytes.extend(tag);
    let expires_at = DateTime::from_timestamp(end, 0).unwrap_or(now);
    Link { token: BASE64_URL_SAFE_NO_PAD.encode(bytes), expires_at }
}

/// The file that a token opens now; `None` when it is forged, damaged or has run out.
pub fn open(keys: &Keys, token: &str, now: DateTime<Utc>) -> Option<FileId> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
    let (body, given) = bytes.split_at_checked(BODY)?;
    let genuine: bool = tag(keys, body).ct_eq(given).into();
    let (id, end) = body.split_at(ID);
    let end = i64::from_be_bytes(end.try_into().ok()?);
    (genuine && now.timestamp() < end).then_some(())?;
    Some(FileId::from_uuid(Uuid::from_bytes(id.try_into().ok()?)))
}

fn tag(keys: &Keys, body: &[u8]) -> [u8; 32] {
    let mut mac = hmac(keys.file_links());
    mac.update(body);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::keys::random_key;

    #[test]
    fn a_link_opens_its_file_until_its_end_and_nothing_else_does() {
        let keys = Keys::new(random_key());
        let file = FileId::from_uuid(Uuid::from_u128(0x0192_aaaa_bbbb_7ccc_8ddd_eeee_ffff_0001));
        let now = DateTime::from_timestamp(1_780_000_000, 500_000_000).expect("in range");
        let link = sign(&keys, file, now, LIFETIME);
        assert_eq!(link.expires_at.timestamp(), 1_780_000_900);
        assert_eq!(open(&keys, &link.token, now), Some(file));
        assert_eq!(open(&keys, &link.token, link.expires_at - TimeDelta::milliseconds(1)), Some(file));
        assert_eq!(open(&keys, &link.token, link.expires_at), None);
        assert_eq!(open(&Keys::new(random_key()), &link.token, now), None);

        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&link.token).expect("base 64");
        for place in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[place] ^= 1;
            assert_eq!(open(&keys, &BASE64_URL_SAFE_NO_PAD.encode(forged), now), None, "byte {place}");
        }
        for length in 0..bytes.len() {
            assert_eq!(open(&keys, &BASE64_URL_SAFE_NO_PAD.encode(&bytes[..length]), now), None, "{length} bytes");
        }
        // The signature of one link does not fit another file or another end.
        let other = sign(&keys, FileId::from_uuid(Uuid::from_u128(7)), now, LIFETIME);
        let other = BASE64_URL_SAFE_NO_PAD.decode(other.token).expect("base 64");
        let swapped = [&bytes[..BODY], &other[BODY..]].concat();
        assert_eq!(open(&keys, &BASE64_URL_SAFE_NO_PAD.encode(swapped), now), None);
        for nonsense in ["", "====", "é", &link.token[1..]] {
            assert_eq!(open(&keys, nonsense, now), None, "{nonsense}");
        }
    }
}

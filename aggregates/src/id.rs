//! Identifiers: a prefix that names the kind, and a sortable UUIDv7 body in Crockford base 32 (TypeID style, contract 6).

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const BODY: usize = 26;

/// A text that is not an identifier of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {0}_…")]
pub struct InvalidId(pub &'static str);

/// What every identifier type shares, for code that is generic over aggregates.
pub trait Id: Copy + Eq + Ord + fmt::Display + fmt::Debug + Send + Sync + 'static {
    /// The prefix before the underscore.
    const PREFIX: &'static str;

    /// Makes the identifier from its UUIDv7 body.
    fn from_uuid(uuid: Uuid) -> Self;

    /// The UUIDv7 body.
    fn uuid(&self) -> Uuid;

    /// When it was made, to the millisecond: a UUIDv7 begins with that.
    fn instant(&self) -> DateTime<Utc> {
        let milliseconds = (self.uuid().as_u128() >> 80) as i64;
        DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
    }
}

/// Writes the 26 base-32 characters of a UUID.
pub fn encode(uuid: Uuid) -> [u8; BODY] {
    let mut bits = uuid.as_u128();
    let mut body = [0; BODY];
    for slot in body.iter_mut().rev() {
        *slot = ALPHABET[(bits & 31) as usize];
        bits >>= 5;
    }
    body
}

/// Reads 26 base-32 characters; lower case only, so that an id has exactly one spelling.
pub fn decode(body: &str) -> Option<Uuid> {
    let bytes = body.as_bytes();
    if bytes.len() != BODY || bytes[0] > b'7' {
        return None;
    }
    bytes
        .iter()
        .try_fold(0_u128, |bits, byte| {
            let digit = ALPHABET.iter().position(|letter| letter == byte)?;
            Some((bits << 5) | digit as u128)
        })
        .map(Uuid::from_u128)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl Id for $name {
            const PREFIX: &'static str = $prefix;

            fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            fn uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let body = encode(self.0);
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(std::str::from_utf8(&body).map_err(|_| fmt::Error)?)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or(InvalidId($prefix))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// An organization (`org_…`).
    OrganizationId = "org";
    /// An API key (`key_…`); not the secret.
    ApiKeyId = "key";
    /// A project (`prj_…`).
    ProjectId = "prj";
    /// A script (`scr_…`).
    ScriptId = "scr";
    /// A campaign (`cam_…`).
    CampaignId = "cam";
    /// An invite (`inv_…`); not the token of its link.
    InviteId = "inv";
    /// A session: one interview (`ses_…`).
    SessionId = "ses";
    /// A consent record (`con_…`).
    ConsentId = "con";
    /// A stored file (`fil_…`).
    FileId = "fil";
    /// A member of an organization (`mem_…`).
    MemberId = "mem";
    /// A webhook endpoint (`whk_…`).
    WebhookId = "whk";
    /// A delivery of an event to a webhook endpoint (`dlv_…`).
    DeliveryId = "dlv";
    /// A replay of past events to a webhook endpoint (`rpl_…`).
    ReplayId = "rpl";
    /// A mail template of an organization (`tpl_…`).
    EmailTemplateId = "tpl";
    /// An event in the log (`evt_…`).
    EventId = "evt";
    /// A data subject (`sub_…`): one normalized e-mail address within one organization (design, guarantee 9).
    SubjectId = "sub";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_and_back_is_the_same_id_and_sorts_alike(a: u128, b: u128) {
            let (a, b) = (CampaignId(Uuid::from_u128(a)), CampaignId(Uuid::from_u128(b)));
            prop_assert_eq!(a.to_string().parse::<CampaignId>(), Ok(a));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn a_text_is_refused_or_is_the_only_spelling(text in "cam_[0-9a-zA-Z]{24,28}") {
            if let Ok(id) = text.parse::<CampaignId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn the_instant_is_read_from_the_body() {
        let id = InviteId(Uuid::from_u128(1_705_314_600_123 << 80 | 0x7 << 76 | 12_345));
        assert_eq!(id.instant(), "2024-01-15T10:30:00.123Z".parse::<DateTime<Utc>>().expect("an instant"));
    }

    #[test]
    fn another_kind_is_refused() {
        let id = InviteId(Uuid::from_u128(7)).to_string();
        assert_eq!(id.parse::<CampaignId>(), Err(InvalidId("cam")));
    }
}

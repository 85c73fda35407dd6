//! The leaf hash that every stored event carries (design, guarantee 10).

use sha2::{Digest, Sha256};

/// What of an event row is hashed, in this order. Data and metadata are the stored bytes, so personal data enters as
/// ciphertext and the hash stays checkable after an erasure.
pub struct Leaf<'a> {
    /// Organization whose tree the leaf belongs to.
    pub organization: &'a str,
    /// Index in that tree, from 1.
    pub org_seq: i64,
    /// The event's id.
    pub event_id: &'a str,
    /// The aggregate's id.
    pub stream: &'a str,
    /// Version of the stream after this event.
    pub version: i64,
    /// The event's name.
    pub name: &'a str,
    /// Schema version of the payload.
    pub schema: i64,
    /// Microseconds since 1970.
    pub recorded_at: i64,
    /// The data subject, if any.
    pub subject: Option<&'a str>,
    /// Stored metadata.
    pub meta: &'a str,
    /// Stored payload.
    pub data: &'a str,
}

impl Leaf<'_> {
    /// SHA-256 over a zero byte (the leaf prefix of RFC 6962, section 2.1) and the fields, each text behind its length
    /// as a big-endian `u32`, each number as a big-endian `i64`.
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update([0]);
        let text = |hasher: &mut Sha256, text: &str| {
            hasher.update((text.len() as u32).to_be_bytes());
            hasher.update(text.as_bytes());
        };
        text(&mut hasher, "interview-relay/event/v1");
        text(&mut hasher, self.organization);
        hasher.update(self.org_seq.to_be_bytes());
        text(&mut hasher, self.event_id);
        text(&mut hasher, self.stream);
        hasher.update(self.version.to_be_bytes());
        text(&mut hasher, self.name);
        hasher.update(self.schema.to_be_bytes());
        hasher.update(self.recorded_at.to_be_bytes());
        text(&mut hasher, self.subject.unwrap_or_default());
        text(&mut hasher, self.meta);
        text(&mut hasher, self.data);
        hasher.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: &[u8]) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Computed with Python's hashlib and struct from the description above: what is stored must stay checkable for ever.
    #[test]
    fn the_hash_is_what_others_compute() {
        let leaf = Leaf {
            organization: "org_1",
            org_seq: 7,
            event_id: "evt_1",
            stream: "inv_1",
            version: 3,
            name: "invite.created",
            schema: 2,
            recorded_at: 1_700_000_000_000_001,
            subject: Some("sub_1"),
            meta: r#"{"actor":"key_1"}"#,
            data: r#"{"name":"é"}"#,
        };
        assert_eq!(hex(&leaf.hash()), "04bdf4f5b880e7d38cf2ce6882fcc76940f2b0f13a8d25059509300e9715b154");
        let leaf = Leaf {
            org_seq: 8,
            event_id: "evt_2",
            stream: "scr_1",
            version: 1,
            name: "script.created",
            schema: 1,
            recorded_at: 1_700_000_000_000_002,
            subject: None,
            meta: "{}",
            data: "{}",
            ..leaf
        };
        assert_eq!(hex(&leaf.hash()), "42de7a5ebf6cc8699f710a7de17a52885773ef88d1d0398ff9211b4129f653c3");
    }
}

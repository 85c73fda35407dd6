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

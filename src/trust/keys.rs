//! The master key and what is derived from it.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A 256-bit symmetric key, wiped from memory when it is dropped.
pub type Key = Zeroizing<[u8; 32]>;

/// Why a master key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("master key file {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file holds something else than 32 bytes in base 64 (contract 60).
    #[error("master key file {0}: must hold 32 bytes in base64 on one line")]
    Format(String),
}

/// The keys of one installation. Every node of it needs the same master key.
pub struct Keys {
    master: Key,
    organizations: Key,
    tokens: Key,
    replies: Key,
    subjects: Key,
    mails: Key,
    sessions: Key,
    file_links: Key,
    certificates: Key,
}

impl Keys {
    /// Derives the installation's keys (HKDF-SHA-256, RFC 5869, one label per purpose).
    pub fn new(master: Key) -> Self {
        Self {
            organizations: derive(&master, "interview-relay/organization-keys/v1"),
            tokens: derive(&master, "interview-relay/invite-tokens/v1"),
            replies: derive(&master, "interview-relay/stored-replies/v1"),
            subjects: derive(&master, "interview-relay/subject-lookup/v1"),
            mails: derive(&master, "interview-relay/mail-tokens/v1"),
            sessions: derive(&master, "interview-relay/session-tokens/v1"),
            file_links: derive(&master, "interview-relay/file-links/v1"),
            certificates: derive(&master, "interview-relay/certificates/v1"),
            master,
        }
    }

    /// Reads the master key, or makes one (mode 0600) where the file does not exist and `create` is set.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_file(path: &Path, create: bool) -> Result<Self, KeyError> {
        let name = || path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && create => return Self::generate(path),
            Err(source) => return Err(KeyError::File { path: name(), source }),
        };
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.trim()).map_err(|_| KeyError::Format(name()))?);
        let master: [u8; 32] = bytes.as_slice().try_into().map_err(|_| KeyError::Format(name()))?;
        Ok(Self::new(Zeroizing::new(master)))
    }

    fn generate(path: &Path) -> Result<Self, KeyError> {
        use std::{io::Write, os::unix::fs::OpenOptionsExt};
        let master = random_key();
        let text = Zeroizing::new(BASE64_STANDARD.encode(*master) + "\n");
        let failed = |source| KeyError::File { path: path.display().to_string(), source };
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(Self::new(master))
    }

    /// The key under which organizations' keys are wrapped.
    pub fn organizations(&self) -> &Key {
        &self.organizations
    }

    /// The key from which invite tokens are derived.
    pub fn tokens(&self) -> &Key {
        &self.tokens
    }

    /// The key from which the tokens in mails are derived.
    pub fn mails(&self) -> &Key {
        &self.mails
    }

    /// The key under which stored replies (idempotency records) are sealed.
    pub fn replies(&self) -> &Key {
        &self.replies
    }

    /// The key under which session tokens are signed.
    pub fn sessions(&self) -> &Key {
        &self.sessions
    }

    /// The key under which download links are signed.
    pub fn file_links(&self) -> &Key {
        &self.file_links
    }

    /// The key under which certificates' keys and the account that orders them are sealed.
    pub fn certificates(&self) -> &Key {
        &self.certificates
    }

    /// The name under which a data subject is found: HMAC-SHA-256 of organization and normalized address, cut to
    /// 128 bits, in base 64. The database does not tell who it is.
    pub fn subject_lookup(&self, organization: &str, normalized_email: &str) -> String {
        let mut mac = hmac(&self.subjects);
        mac.update(organization.as_bytes());
        mac.update(&[0]);
        mac.update(normalized_email.as_bytes());
        short_text(&mac.finalize().into_bytes())
    }

    /// A fingerprint by which two nodes can tell whether they hold the same master key.
    pub fn fingerprint(&self) -> String {
        short_text(derive(&self.master, "interview-relay/fingerprint/v1").as_slice())
    }
}

/// The first 128 bits in URL-safe base 64: 22 characters.
pub fn short_text(bytes: &[u8]) -> String {
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(&bytes[..16])
}

/// HMAC-SHA-256 under a key of ours.
pub fn hmac(key: &Key) -> Hmac<Sha256> {
    #[allow(clippy::expect_used, reason = "HMAC takes keys of any length")]
    <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_slice()).expect("any length")
}

/// A fresh random key from the operating system's generator.
pub fn random_key() -> Key {
    Zeroizing::new(rand::random())
}

fn derive(master: &Key, label: &str) -> Key {
    let mut key = Zeroizing::new([0; 32]);
    #[allow(clippy::expect_used, reason = "32 bytes are within HKDF's limit")]
    Hkdf::<Sha256>::new(None, master.as_slice()).expand(label.as_bytes(), key.as_mut_slice()).expect("32 bytes");
    key
}

//! A certificate with its key: how it is kept, when it is due, and from where connections take it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::RwLock;
use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use serde::{Deserialize, Serialize};

use super::Settings;

/// What is kept, in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    /// The directory that it comes from.
    pub directory: String,
    /// The names that it is for.
    pub domains: Vec<String>,
    /// The chain, in PEM.
    pub chain: String,
    /// The key, in PEM.
    pub key: String,
}

/// What is kept, read.
pub(super) struct Usable {
    pub certified: Arc<CertifiedKey>,
    /// When the next one should be ordered.
    pub renew_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
}

impl Stored {
    /// Whether it is what the settings ask for.
    pub fn fits(&self, settings: &Settings) -> bool {
        self.directory == settings.directory && self.domains == settings.domains
    }

    /// Reads it for use.
    pub fn usable(&self) -> Result<Usable, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let chain = CertificateDer::pem_slice_iter(self.chain.as_bytes()).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| text(&error))?;
        let first = chain.first().ok_or("the chain is empty")?;
        let (_, read) = x509_parser::parse_x509_certificate(first).map_err(|error| text(&error))?;
        let validity = read.validity();
        let time = |seconds: i64| DateTime::from_timestamp(seconds, 0).ok_or("a time out of range");
        let (begins_at, ends_at) = (time(validity.not_before.timestamp())?, time(validity.not_after.timestamp())?);
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(|error| text(&error))?;
        let certified = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| text(&error))?;
        let use_for = chrono::TimeDelta::seconds((ends_at - begins_at).num_seconds() * 2 / 3);
        Ok(Usable { certified: Arc::new(certified), renew_at: begins_at + use_for, ends_at })
    }
}

/// Where connections take the certificate from. Empty at first: then handshakes fail.
#[derive(Debug, Default)]
pub struct Shelf(RwLock<Option<Arc<CertifiedKey>>>);

impl Shelf {
    /// From the next handshake on, this one is used.
    pub(super) fn put(&self, certified: Arc<CertifiedKey>) {
        *self.0.write() = Some(certified);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.read().is_none()
    }
}

impl ResolvesServerCert for Shelf {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.read().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(domain: &str) -> Stored {
        let mut parameters = rcgen::CertificateParams::new(vec![domain.to_owned()]).expect("a name");
        parameters.not_before = rcgen::date_time_ymd(2024, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2024, 3, 31);
        let key = rcgen::KeyPair::generate().expect("a key");
        let chain = parameters.self_signed(&key).expect("a certificate").pem();
        let (directory, domains) = ("https://acme.test/".to_owned(), vec![domain.to_owned()]);
        Stored { directory, domains, chain, key: key.serialize_pem() }
    }

    #[test]
    fn two_thirds_of_its_life_are_for_use() {
        let usable = made("a.test").usable().expect("usable");
        assert_eq!(usable.renew_at.to_rfc3339(), "2024-03-01T00:00:00+00:00");
        assert_eq!(usable.ends_at.to_rfc3339(), "2024-03-31T00:00:00+00:00");
    }

    #[test]
    fn a_key_of_another_certificate_is_no_use() {
        let (good, other) = (made("a.test"), made("a.test"));
        for bad in [
            Stored { key: other.key, ..good.clone() },
            Stored { chain: String::new(), ..good.clone() },
            Stored { chain: "x".to_owned(), ..good.clone() },
            Stored { key: String::new(), ..good },
        ] {
            assert!(bad.usable().is_err());
        }
    }

    #[test]
    fn other_names_and_another_authority_need_another_certificate() {
        let stored = made("a.test");
        let fits = |directory: &str, domain: &str| {
            stored.fits(&Settings { domains: vec![domain.to_owned()], directory: directory.to_owned(), ca_file: None })
        };
        assert!(fits("https://acme.test/", "a.test"));
        assert!(!fits("https://acme.test/", "b.test") && !fits("https://other.test/", "a.test"));
    }
}

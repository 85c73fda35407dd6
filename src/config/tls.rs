//! How HTTPS is served, and under which name everything is reached.

use std::{net::SocketAddr, path::PathBuf};

use super::{ConfigError, Source, Values};
use crate::acme;

/// How HTTPS is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Where certificates come from.
    pub certificates: Certificates,
    /// Address for HTTPS.
    pub listen: SocketAddr,
}

/// Where certificates come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificates {
    /// From files.
    Files {
        /// The certificate chain.
        chain: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// From an authority.
    Acme(acme::Settings),
}

impl Values<'_> {
    pub(super) fn tls(&self) -> Result<Option<Tls>, ConfigError> {
        let names =
            self.optional("acme-domain", "a list of names such as relay.example.com, without wildcards", names)?;
        let files = match (self.given("tls-cert"), self.given("tls-key")) {
            (None, None) => None,
            (Some(chain), Some(key)) => Some(Certificates::Files { chain: chain.into(), key: key.into() }),
            (Some(_), None) => return Err(ConfigError("tls-cert needs tls-key as well".to_owned())),
            (None, Some(_)) => return Err(ConfigError("tls-key needs tls-cert as well".to_owned())),
        };
        let certificates = match (files, names) {
            (Some(_), Some(_)) => {
                let why =
                    "acme-domain and tls-cert exclude each other: certificates come from an authority or from files";
                return Err(ConfigError(why.to_owned()));
            }
            (Some(files), None) => files,
            (None, Some(domains)) => Certificates::Acme(self.acme(domains)?),
            (None, None) => {
                let lonely = ["acme-directory", "acme-ca-file"].into_iter().find(|name| self.is_set(name));
                return match lonely {
                    Some(name) => Err(ConfigError(format!("{name} needs acme-domain as well"))),
                    None => Ok(None),
                };
            }
        };
        let listen = self.parse("tls-listen", "an address such as 0.0.0.0:8443", |value| value.parse().ok())?;
        Ok(Some(Tls { certificates, listen }))
    }

    fn acme(&self, domains: Vec<String>) -> Result<acme::Settings, ConfigError> {
        let directory = self.parse("acme-directory", "a URL that starts with https://", |value| {
            let url = reqwest::Url::parse(value).ok()?;
            (url.scheme() == "https").then(|| value.to_owned())
        })?;
        Ok(acme::Settings { domains, directory, ca_file: self.given("acme-ca-file").map(PathBuf::from) })
    }

    fn is_set(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|(_, source)| *source != Source::Default)
    }

    pub(super) fn public_url(&self, listen: SocketAddr, tls: Option<&Tls>) -> Result<String, ConfigError> {
        if let Some(url) = self.url("public-url", &["http://", "https://"])? {
            // Paths are appended to it.
            if url.contains(['?', '#', '@']) || url.contains(char::is_whitespace) {
                return Err(self.bad("public-url", "a URL without user, query and fragment"));
            }
            return Ok(url.trim_end_matches('/').to_owned());
        }
        Ok(match tls {
            Some(Tls { certificates: Certificates::Acme(acme), listen }) => match (&acme.domains[0], listen.port()) {
                (domain, 443) => format!("https://{domain}"),
                (domain, port) => format!("https://{domain}:{port}"),
            },
            Some(tls) => format!("https://{}", reachable(tls.listen)),
            None => format!("http://{}", reachable(listen)),
        })
    }
}

/// An address that listens everywhere is reached as `localhost`, until somebody says under which name.
fn reachable(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() }
}

/// One or more names, as certificates have them.
fn names(text: &str) -> Option<Vec<String>> {
    let label = |label: &str| {
        let sane = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && sane && !label.starts_with('-') && !label.ends_with('-')
    };
    let name = |name: &str| {
        let name = name.to_ascii_lowercase();
        let is_address = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        (name.len() <= 253 && name.split('.').all(label) && !is_address).then_some(name)
    };
    let names: Vec<_> = text.split([',', ' ']).filter(|part| !part.is_empty()).map(name).collect::<Option<_>>()?;
    (!names.is_empty()).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{load, message};
    use super::*;

    #[test]
    fn certificates_come_from_files_or_from_an_authority() {
        let domain = ("acme-domain", "Relay.example.com, www.example.com");
        let config = load(&[domain], &[("RELAY_ACME_DIRECTORY", "https://acme.test/dir")], "").expect("valid");
        let tls = config.tls.expect("HTTPS");
        let Certificates::Acme(settings) = tls.certificates else { panic!("from an authority") };
        assert_eq!(settings.domains, ["relay.example.com", "www.example.com"]);
        assert_eq!(settings.directory, "https://acme.test/dir");
        assert_eq!(config.public_url, "https://relay.example.com:8443");
        let config = load(&[domain, ("tls-listen", "0.0.0.0:443")], &[], "").expect("valid");
        assert_eq!(config.public_url, "https://relay.example.com");

        let both = [domain, ("tls-cert", "c"), ("tls-key", "k")];
        assert!(message(load(&both, &[], "")).starts_with("acme-domain and tls-cert exclude each other"));
        for lonely in ["acme-directory", "acme-ca-file"] {
            let refused = message(load(&[(lonely, "https://acme.test/dir")], &[], ""));
            assert_eq!(refused, format!("{lonely} needs acme-domain as well"));
        }
        let plain = [domain, ("acme-directory", "http://acme.test/dir")];
        assert!(message(load(&plain, &[], "")).starts_with("acme-directory"));
    }

    #[test]
    fn names_are_names_of_hosts() {
        for bad in
            ["*.example.com", "https://a.example", "a..example", "-a.example", "a_b.example", "192.0.2.1", ",", "é.fr"]
        {
            assert!(message(load(&[("acme-domain", bad)], &[], "")).starts_with("acme-domain"), "{bad}");
        }
    }
}

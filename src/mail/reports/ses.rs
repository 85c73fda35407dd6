//! Amazon SES, by way of an SNS topic: signed envelopes around a JSON document.
//!
//! The key is in a certificate whose address stands in the envelope, so that address must be one of SNS's own, reached by
//! HTTPS without following a redirect. Anybody can have Amazon sign messages of a topic of theirs: only the topic that
//! the operator named is listened to, and only to it does a confirmation of the subscription go.

use std::{sync::Arc, time::Duration};

use aggregates::invite::MailFate;
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use ring::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, alg_id, pem::PemObject,
};
use serde::Deserialize;
use tokio::sync::Semaphore;
use webpki::EndEntityCert;

use super::{Refused, Report, Request, code, is_fresh};
use crate::{
    mail::draft::HEADER,
    trust::{
        keys::Keys,
        mail_token::{self, MailRef, Purpose},
    },
};

/// Certificates that are remembered. Amazon has one per region, and exchanges it about once a year.
const REMEMBERED: usize = 32;
/// Bytes that a certificate may have.
const MAX_CERTIFICATE: usize = 64 * 1024;
/// Certificates fetched at once; whoever comes while so many are is told to come again, as SNS does.
const FETCHES: usize = 4;
/// An address that was asked in vain is asked again after this time.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// How long Amazon may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked of Amazon's servers. The addresses have been checked.
pub trait Amazon: Send + Sync {
    /// The content of an address; at most 64 KiB of it.
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>>;
}

/// Asks them over the network.
pub struct Network(reqwest::Client);

impl Network {
    /// Prepares to ask.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new() -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build();
        client.map(Self).map_err(|error| error.to_string())
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        let text = |error: reqwest::Error| error.to_string();
        let mut answer = self.0.get(url).send().await.map_err(text)?.error_for_status().map_err(text)?;
        let mut content = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(text)? {
            content.extend_from_slice(&chunk);
            if content.len() > MAX_CERTIFICATE {
                return Err("too long an answer".to_owned());
            }
        }
        Ok(content)
    }
}

impl Amazon for Network {
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        Box::pin(self.fetch(url))
    }
}

/// Reads SES's reports.
pub struct Ses {
    amazon: Arc<dyn Amazon>,
    certificates: quick_cache::sync::Cache<String, Arc<Vec<u8>>>,
    /// When an address was last asked in vain.
    failures: quick_cache::sync::Cache<String, DateTime<Utc>>,
    fetches: Semaphore,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    #[serde(rename = "Type")]
    kind: String,
    message_id: String,
    topic_arn: String,
    subject: Option<String>,
    message: String,
    timestamp: String,
    signature_version: String,
    signature: String,
    #[serde(rename = "SigningCertURL")]
    certificate: String,
    #[serde(rename = "SubscribeURL")]
    subscribe: Option<String>,
    token: Option<String>,
}

impl Envelope {
    /// What is signed: names and values of these members, a line each, in the order of their names.
    fn signed(&self) -> String {
        let notification = self.kind == "Notification";
        let members = [
            ("Message", Some(self.message.as_str())),
            ("MessageId", Some(self.message_id.as_str())),
            ("Subject", self.subject.as_deref().filter(|_| notification)),
            ("SubscribeURL", self.subscribe.as_deref().filter(|_| !notification)),
            ("Timestamp", Some(self.timestamp.as_str())),
            ("Token", self.token.as_deref().filter(|_| !notification)),
            ("TopicArn", Some(self.topic_arn.as_str())),
            ("Type", Some(self.kind.as_str())),
        ];
        members.into_iter().filter_map(|(name, value)| Some(format!("{name}\n{}\n", value?))).collect()
    }
}

impl Ses {
    pub(super) fn new(amazon: Arc<dyn Amazon>) -> Self {
        Self {
            amazon,
            certificates: quick_cache::sync::Cache::new(REMEMBERED),
            failures: quick_cache::sync::Cache::new(REMEMBERED),
            fetches: Semaphore::new(FETCHES),
        }
    }

    pub(super) async fn read(&self, keys: &Keys, topic: &str, request: &Request<'_>) -> Result<Vec<Report>, Refused> {
        let envelope: Envelope =
            serde_json::from_slice(request.body).map_err(|_| Refused::Unproved("The body is not an SNS message."))?;
        // Cheap checks first: nothing is fetched for a stranger.
        if envelope.topic_arn != topic {
            return Err(Refused::Unproved("The topic is not the one of the settings."));
        }
        let at: Option<DateTime<Utc>> = envelope.timestamp.parse().ok();
        if !at.is_some_and(|at| is_fresh(at, request.now)) {
            return Err(Refused::Unproved("The message is too old."));
        }
        if !is_certificate(&envelope.certificate) {
            return Err(Refused::Unproved("The certificate is not at an address of SNS."));
        }
        let certificate = self.certificate(&envelope.certificate, request.now).await?;
        verify(&certificate, &envelope)?;
        match envelope.kind.as_str() {
            "Notification" => Ok(notification(keys, &envelope.message).into_iter().collect()),
            "SubscriptionConfirmation" => {
                self.confirm(&envelope).await?;
                Ok(Vec::new())
            }
            _ => Ok(Vec::new()),
        }
    }

    async fn certificate(&self, url: &str, now: DateTime<Utc>) -> Result<Arc<Vec<u8>>, Refused> {
        if let Some(known) = self.certificates.get(url) {
            return Ok(known);
        }
        if self.failures.get(url).is_some_and(|at| now - at < PAUSE) {
            return Err(Refused::Unavailable);
        }
        // Whoever knows the topic can name addresses that have not been asked yet.
        let _fetch = self.fetches.try_acquire().map_err(|_| Refused::Unavailable)?;
        let pem = self.amazon.get(url).await.map_err(|error| {
            tracing::warn!(error, "the certificate of SNS cannot be fetched");
            self.failures.insert(url.to_owned(), now);
            Refused::Unavailable
        })?;
        let der = CertificateDer::from_pem_slice(&pem).map_err(|_| {
            self.failures.insert(url.to_owned(), now);
            Refused::Unproved("The certificate is none.")
        })?;
        let der = Arc::new(der.to_vec());
        self.certificates.insert(url.to_owned(), der.clone());
        Ok(der)
    }

    /// Tells SNS that the subscription is wanted, as it is for the topic of the settings.
    async fn confirm(&self, envelope: &Envelope) -> Result<(), Refused> {
        let url = envelope.subscribe.as_deref().unwrap_or_default();
        if !is_of_sns(url) {
            return Err(Refused::Unproved("The confirmation does not go to an address of SNS."));
        }
        self.amazon.get(url).await.map_err(|error| {
            tracing::warn!(error, "the subscription cannot be confirmed");
            Refused::Unavailable
        })?;
        tracing::info!(topic = envelope.topic_arn, "the subscription to SES's reports is confirmed");
        Ok(())
    }
}

/// Whether an address belongs to SNS: `https://sns.<region>.amazonaws.com/…`.
fn is_of_sns(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let plain =
        url.scheme() == "https" && url.port().is_none() && url.username().is_empty() && url.password().is_none();
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let region = host.strip_prefix("sns.").and_then(|host| host.strip_suffix(".amazonaws.com"));
    let is_region = |region: &str| {
        !region.is_empty()
            && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    plain && region.is_some_and(is_region)
}

/// Whether an address is one at which SNS keeps a certificate: `…/SimpleNotificationService-<hex>.pem`.
fn is_certificate(url: &str) -> bool {
    let of = |url: reqwest::Url| {
        let name = url.path().strip_prefix("/SimpleNotificationService-")?.strip_suffix(".pem")?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let plain = url.query().is_none() && url.fragment().is_none();
        (plain && !name.is_empty() && name.bytes().all(is_hex)).then_some(())
    };
    is_of_sns(url) && reqwest::Url::parse(url).ok().and_then(of).is_some()
}

fn verify(certificate: &[u8], envelope: &Envelope) -> Result<(), Refused> {
    let algorithm: &dyn SignatureVerificationAlgorithm = match envelope.signature_version.as_str() {
        "2" => &Rsa::Sha256,
        // What topics still use unless they are told otherwise.
        "1" => &Rsa::Sha1,
        _ => return Err(Refused::Unproved("The version of the signature is unknown.")),
    };
    let wrong = |_| Refused::Unproved("The signature is wrong.");
    let signature =
        BASE64_STANDARD.decode(&envelope.signature).map_err(|_| Refused::Unproved("There is no signature."))?;
    let der = CertificateDer::from(certificate);
    let certificate = EndEntityCert::try_from(&der).map_err(wrong)?;
    certificate.verify_signature(algorithm, envelope.signed().as_bytes(), &signature).map_err(wrong)
}

/// SNS's two kinds of signature.
#[derive(Debug)]
enum Rsa {
    Sha256,
    Sha1,
}

impl SignatureVerificationAlgorithm for Rsa {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let result = match self {
            Self::Sha256 => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(message, signature),
            Self::Sha1 => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, key).verify(message, signature)
            }
        };
        result.map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        // Only for signatures on certificates, which are none of our business.
        alg_id::RSA_PKCS1_SHA256
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    /// The name of the member in notifications of an identity.
    notification_type: Option<String>,
    /// The name of the member in events of a configuration set.
    event_type: Option<String>,
    mail: Mail,
    bounce: Option<Bounce>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    source: Option<String>,
    #[serde(default)]
    headers: Vec<Header>,
    #[serde(default)]
    common_headers: CommonHeaders,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommonHeaders {
    message_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    #[serde(default)]
    bounced_recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
struct Recipient {
    status: Option<String>,
}

fn notification(keys: &Keys, message: &str) -> Option<Report> {
    // The topic may be used for more than SES, and SES says hello to a new one.
    let notification: Notification = serde_json::from_str(message).ok()?;
    let kind = notification.event_type.as_deref().or(notification.notification_type.as_deref());
    let fate = match (kind, &notification.bounce) {
        (Some("Delivery"), _) => MailFate::Delivered,
        (Some("Open"), _) => MailFate::Opened,
        (Some("Bounce"), Some(bounce)) => {
            let status = bounce.bounced_recipients.first().and_then(|recipient| recipient.status.as_deref());
            MailFate::Bounced { code: code(status, Some(&bounce.bounce_type)) }
        }
        _ => return None,
    };
    correlate(keys, &notification.mail).map(|mail| Report { mail, fate })
}

/// SES puts a Message-ID of its own in the place of ours; our header, the original id and the sender's address are kept.
fn correlate(keys: &Keys, mail: &Mail) -> Option<MailRef> {
    let header = |name: &str| {
        mail.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_str())
    };
    let named = header(HEADER).and_then(|token| mail_token::read(keys, Purpose::Report, token.trim()));
    let ids = [header("Message-ID"), mail.common_headers.message_id.as_deref(), mail.source.as_deref()];
    named.or_else(|| ids.into_iter().flatten().find_map(|text| mail_token::find(keys, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_have_addresses_of_one_form() {
        let host = "https://sns.eu-central-1.amazonaws.com";
        assert!(is_certificate(&format!("{host}/SimpleNotificationService-0f9a.pem")));
        for bad in [
            "/a.pem",
            "/SimpleNotificationService-.pem",
            "/SimpleNotificationService-0g.pem",
            "/SimpleNotificationService-0.pem?n=1",
            "/SimpleNotificationService-0.pem?",
            "/SimpleNotificationService-0.pem#.pem",
            "/x/SimpleNotificationService-0.pem",
            "/SimpleNotificationService-0.pem/../b.pem",
        ] {
            assert!(!is_certificate(&format!("{host}{bad}")), "{bad}");
        }
        assert!(!is_certificate("https://s3.amazonaws.com/SimpleNotificationService-0.pem"));
    }

    #[test]
    fn only_addresses_of_sns_are_asked() {
        for good in [
            "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0.pem",
            "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0.pem",
        ] {
            assert!(is_of_sns(good), "{good}");
        }
        for bad in [
            "http://sns.eu-central-1.amazonaws.com/a.pem",
            "https://sns.eu-central-1.amazonaws.com:8443/a.pem",
            "https://x@sns.eu-central-1.amazonaws.com/a.pem",
            "https://sns.eu-central-1.amazonaws.com.evil.example/a.pem",
            "https://sns.evil.example/sns.eu-central-1.amazonaws.com/a.pem",
            "https://sns.a.b.amazonaws.com/a.pem",
            "https://sns..amazonaws.com/a.pem",
            "https://s3.amazonaws.com/a.pem",
            "https://evilsns.eu-central-1.amazonaws.com/a.pem",
            "https://127.0.0.1/a.pem",
            "file:///etc/passwd",
            "",
        ] {
            assert!(!is_of_sns(bad), "{bad}");
        }
    }
}

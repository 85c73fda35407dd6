//! How deliveries are signed (contract 43, 56).

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::secret::Secret;
use crate::trust::secret_key::hex;

/// The vendor's time header: milliseconds since 1970.
pub const VENDOR_TIMESTAMP: &str = "x-interviewrelay-timestamp";
/// The vendor's signature header.
pub const VENDOR_SIGNATURE: &str = "x-interviewrelay-signature";
/// The vendor's signature by the secret before, while both are valid: that header holds one signature only.
pub const VENDOR_PREVIOUS: &str = "x-interviewrelay-signature-previous";

/// The headers that sign a body, for each secret that is valid, the present one first. `at` is in µs since 1970.
pub fn headers(secrets: &[&Secret], id: &str, at: i64, body: &[u8]) -> Vec<(&'static str, String)> {
    let (seconds, milliseconds) = ((at / 1_000_000).to_string(), (at / 1_000).to_string());
    let standard: Vec<String> = secrets
        .iter()
        .map(|secret| {
            let mac = authenticate(&secret.key(), &[id.as_bytes(), b".", seconds.as_bytes(), b".", body]);
            format!("v1,{}", BASE64_STANDARD.encode(mac))
        })
        .collect();
    let vendor =
        |secret: &Secret| hex(&authenticate(secret.as_str().as_bytes(), &[milliseconds.as_bytes(), b".", body]));
    let mut headers = vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.clone()),
        ("webhook-signature", standard.join(" ")),
        (VENDOR_TIMESTAMP, milliseconds.clone()),
    ];
    let names = [VENDOR_SIGNATURE, VENDOR_PREVIOUS];
    headers.extend(names.into_iter().zip(secrets).map(|(name, secret)| (name, vendor(secret))));
    headers
}

fn authenticate(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    #[allow(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard() {
        // From the test suites of the Standard Webhooks libraries.
        let secret = Secret::from_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let body = br#"{"test": 2432232314}"#;
        let headers = headers(&[&secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330_000_000, body);
        assert_eq!(headers[1], ("webhook-timestamp", "1614265330".to_owned()));
        assert_eq!(headers[2].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(headers[3], (VENDOR_TIMESTAMP, "1614265330000".to_owned()));
        assert_eq!(headers.len(), 5);
    }

    #[test]
    fn while_two_secrets_are_valid_both_sign() {
        let (new, old) = (Secret::generate(), Secret::generate());
        let both = headers(&[&new, &old], "evt_1", 7_000_000, b"{}");
        let (one, other) = (headers(&[&new], "evt_1", 7_000_000, b"{}"), headers(&[&old], "evt_1", 7_000_000, b"{}"));
        assert_eq!(both[2].1, format!("{} {}", one[2].1, other[2].1));
        assert_eq!(both[4], one[4]);
        assert_eq!(both[5], (VENDOR_PREVIOUS, other[4].1.clone()));
    }
}

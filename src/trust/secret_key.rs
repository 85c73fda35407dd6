//! API keys (contract 36): `ir_live_`, 30 random base-62 characters, and a CRC-32 of them in 6 more.

use rand::Rng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const PREFIX: &str = "ir_live_";
const RANDOM: usize = 30;
const CHECK: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A fresh key: 178 bits from the operating system's generator.
pub fn generate() -> Zeroizing<String> {
    let mut generator = rand::rng();
    let random: String = (0..RANDOM).map(|_| char::from(ALPHABET[generator.random_range(0..ALPHABET.len())])).collect();
    let check = checksum(&random);
    Zeroizing::new(format!("{PREFIX}{random}{check}"))
}

/// Whether a text can be a key at all, so that typing errors and scanners cost no database work.
pub fn is_well_formed(key: &str) -> bool {
    key.strip_prefix(PREFIX).is_some_and(|body| {
        body.len() == RANDOM + CHECK
            && body.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && checksum(&body[..RANDOM]) == body[RANDOM..]
    })
}

/// What is stored of a key: its SHA-256 in lower-case hex. The key is random, so a slow hash would add nothing.
pub fn hash(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes()))
}

/// The last four characters, by which its owner can tell it from others.
pub fn last_four(key: &str) -> String {
    key.chars().skip(key.chars().count().saturating_sub(4)).collect()
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn checksum(random: &str) -> String {
    let mut rest = crc32fast::hash(random.as_bytes());
    let mut digits = [b'0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_form_and_one_wrong_character_breaks_it() {
        let key = generate();
        assert_eq!(key.len(), 8 + 36);
        assert!(is_well_formed(&key));
        for position in 8..key.len() {
            let mut bytes = key.as_bytes().to_vec();
            bytes[position] = if bytes[position] == b'a' { b'b' } else { b'a' };
            assert!(!is_well_formed(&String::from_utf8(bytes).expect("ascii")), "position {position}");
        }
    }

    #[test]
    fn hostile_texts_are_not_keys() {
        for text in ["", "ir_live_", "ir_live_äöü", &"ir_live_é".repeat(18), &format!("ir_live_{}", "é".repeat(18))]
        {
            assert!(!is_well_formed(text));
        }
    }
}

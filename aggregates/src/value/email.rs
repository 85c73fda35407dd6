//! E-mail addresses.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An e-mail address: as it was given, for writing to, and normalized, for telling people apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    given: String,
    normalized: String,
}

/// A text that is no usable e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address such as ada@example.com")]
pub struct InvalidEmail;

impl Email {
    /// The longest address that mail servers accept (RFC 5321).
    pub const MAX: usize = 254;
    const MAX_LOCAL: usize = 64;

    /// Checks an address. Space around it is not part of it.
    ///
    /// The rules are those of addresses that people have, not those of RFC 5322: no quoted local parts, no comments,
    /// no address literals, and a domain with a dot in it.
    ///
    /// # Errors
    /// [`InvalidEmail`], whatever is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let given = text.trim();
        let (local, domain) = given.split_once('@').ok_or(InvalidEmail)?;
        let fits = given.len() <= Self::MAX && local.len() <= Self::MAX_LOCAL;
        if fits && is_local_part(local) && is_domain(domain) { Ok(Self::trusted(given)) } else { Err(InvalidEmail) }
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// Trimmed and in lower case: the key of the person within an organization.
    pub fn normalized(&self) -> &str {
        &self.normalized
    }

    /// How any text would be normalized, for searching.
    pub fn normalize(text: &str) -> String {
        text.trim().to_lowercase()
    }

    fn trusted(given: &str) -> Self {
        Self { given: given.to_owned(), normalized: Self::normalize(given) }
    }
}

fn is_local_part(local: &str) -> bool {
    local.split('.').all(|atom| {
        !atom.is_empty()
            && atom.chars().all(|c| !c.is_whitespace() && !c.is_control() && !r#"()<>[]:;@\,""#.contains(c))
    })
}

fn is_domain(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c == '-' || c.is_alphanumeric())
    };
    // A last label of digits only would make the domain look like an IPv4 address.
    labels.len() >= 2
        && labels.iter().all(is_label)
        && labels.last().is_some_and(|tld| tld.chars().any(char::is_alphabetic))
}

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.given)
    }
}

impl<'de> Deserialize<'de> for Email {
    /// Reads a stored address. It was checked when it was given, and a stricter rule must not make old events unreadable.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::trusted(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_addresses() {
        for text in ["ada@example.com", "a.b+c@sub.example.co", "o'neil@example.org", "ü@bücher.example", " x@y.zz "]
        {
            assert_eq!(Email::parse(text).map(|email| email.as_str().to_owned()), Ok(text.trim().to_owned()), "{text}");
        }
        assert_eq!(Email::parse(" Ada@Example.COM ").expect("good").normalized(), "ada@example.com");
    }

    #[test]
    fn bad_addresses() {
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}example.com", "abcdefgh.".repeat(30));
        for text in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "a b@example.com",
            "a@b@example.com",
            "a@example..com",
            ".a@example.com",
            "a.@example.com",
            "a@-example.com",
            "a@example-.com",
            "a@1.2.3.4",
            "a@[1.2.3.4]",
            "a\u{0}@example.com",
            "a\n@example.com",
            "a@exa mple.com",
            "<a@example.com>",
            "a,b@example.com",
            &long,
            &longer,
        ] {
            assert_eq!(Email::parse(text), Err(InvalidEmail), "{text}");
        }
    }
}

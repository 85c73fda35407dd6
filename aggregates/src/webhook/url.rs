//! Which URLs an endpoint may have (contract 45, 56).

use std::net::IpAddr;

use url::{Host, Url};

use super::address::forbidden_in;

/// The longest URL that is taken.
const MAX: usize = 2_048;

/// Why a URL is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It cannot be read as an absolute URL.
    #[error("must be an absolute URL")]
    Malformed,
    /// Too long.
    #[error("must be at most {MAX} characters")]
    TooLong,
    /// Another scheme than `https`, or `http` where that is allowed.
    #[error("must start with https://")]
    Scheme,
    /// A user name or password.
    #[error("must not hold credentials; use a header instead")]
    Credentials,
    /// A fragment, which is never sent.
    #[error("must not have a fragment")]
    Fragment,
    /// An address that nothing may be sent to.
    #[error("must not point at {0} ({1})")]
    ForbiddenAddress(IpAddr, &'static str),
    /// A name that means this machine.
    #[error("must not point at this machine")]
    ForbiddenName,
}

impl UrlError {
    /// The stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "invalid_format",
            Self::TooLong => "too_long",
            Self::Scheme => "invalid_scheme",
            Self::Credentials => "credentials",
            Self::Fragment => "fragment",
            Self::ForbiddenAddress(..) | Self::ForbiddenName => "blocked_address",
        }
    }
}

/// Checks a URL as far as that can be done without resolving a name. The parser is the one that browsers agree on, so
/// `0x7f.1`, `2130706433` and `0177.0.0.1` are all read as the address that they mean.
///
/// # Errors
/// See [`UrlError`].
pub fn check_url(text: &str, development: bool) -> Result<Url, UrlError> {
    let text = text.trim();
    if text.len() > MAX {
        return Err(UrlError::TooLong);
    }
    let url = Url::parse(text).map_err(|_| UrlError::Malformed)?;
    let local = match url.host().ok_or(UrlError::Malformed)? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => is_local_name(name),
    };
    match url.scheme() {
        "https" => {}
        "http" if development && local => {}
        _ => return Err(UrlError::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Credentials);
    }
    if url.fragment().is_some() {
        return Err(UrlError::Fragment);
    }
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    };
    if let Some(address) = literal
        && let Some(purpose) = forbidden_in(development, address)
    {
        return Err(UrlError::ForbiddenAddress(address, purpose));
    }
    if literal.is_none() && local && !development {
        return Err(UrlError::ForbiddenName);
    }
    Ok(url)
}

/// Names that RFC 6761 reserves for the machine itself.
pub(crate) fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

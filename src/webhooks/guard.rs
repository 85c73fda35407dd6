//! No webhook reaches the inside of a network (contract 45).
//!
//! Names are resolved by us, at the moment of connecting. If any address of the answer is a special-purpose one, the
//! whole answer is refused, and otherwise the connection goes to the very addresses that were checked; a name that
//! changes its mind between check and connection has no chance. Addresses that stand in a URL never reach a resolver,
//! so they are checked before every attempt.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use aggregates::webhook::{address::forbidden_in, check_url};
use futures_util::future::BoxFuture;
use reqwest::{
    Url,
    dns::{Name, Resolve, Resolving},
};

/// Finds the addresses of a name.
pub trait Resolver: Send + Sync {
    /// The addresses, in the order in which they are to be tried.
    fn addresses(&self, name: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn addresses(&self, name: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// An address that nothing is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The address.
    pub address: IpAddr,
    /// What it is for.
    pub purpose: &'static str,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is a forbidden address ({})", self.address, self.purpose)
    }
}

impl std::error::Error for Blocked {}

/// A name that has no addresses, or none that could be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved(pub String);

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name {} cannot be resolved", self.0)
    }
}

impl std::error::Error for Unresolved {}

/// Stands between deliveries and the network.
#[derive(Clone)]
pub struct Guard {
    resolver: Arc<dyn Resolver>,
    development: bool,
}

impl Guard {
    /// In development mode, loopback is allowed.
    pub fn new(resolver: Arc<dyn Resolver>, development: bool) -> Self {
        Self { resolver, development }
    }

    /// Checks a URL as it is when it is used: scheme, credentials, literal addresses.
    pub fn allows(&self, url: &str) -> Result<Url, &'static str> {
        check_url(url, self.development).map_err(|error| match error.code() {
            "blocked_address" => "blocked_address",
            _ => "invalid_url",
        })
    }

    /// Refuses an answer if one of its addresses is forbidden.
    ///
    /// # Errors
    /// The first forbidden address.
    pub fn check(&self, name: &str, addresses: &[IpAddr]) -> Result<(), Blocked> {
        // A name for this machine was let through with plain HTTP, so it must not lead anywhere else.
        let local = name.trim_end_matches('.').rsplit('.').next().is_some_and(|last| last == "localhost");
        for address in addresses {
            if let Some(purpose) = forbidden_in(self.development, *address) {
                return Err(Blocked { address: *address, purpose });
            }
            if local && !address.is_loopback() {
                return Err(Blocked { address: *address, purpose: "not this machine" });
            }
        }
        Ok(())
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let name = name.as_str();
            let found = guard.resolver.addresses(name).await;
            let addresses = found.ok().filter(|found| !found.is_empty()).ok_or_else(|| Unresolved(name.to_owned()))?;
            guard.check(name, &addresses)?;
            let addresses: Vec<SocketAddr> = addresses.into_iter().map(|address| (address, 0).into()).collect();
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(development: bool, name: &str, addresses: &[&str]) -> bool {
        let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().expect("an address")).collect();
        Guard::new(Arc::new(SystemResolver), development).check(name, &addresses).is_ok()
    }

    #[test]
    fn one_forbidden_address_spoils_the_answer() {
        assert!(check(false, "example.com", &["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]));
        for mixed in [
            ["93.184.215.14", "127.0.0.1"],
            ["10.0.0.1", "93.184.215.14"],
            ["93.184.215.14", "::1"],
            ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "fd00::1"],
            ["93.184.215.14", "64:ff9b::7f00:1"],
            ["93.184.215.14", "::ffff:93.184.215.14"],
        ] {
            assert!(!check(false, "example.com", &mixed), "{mixed:?}");
        }
    }

    #[test]
    fn in_development_loopback_is_allowed_and_nothing_else() {
        assert!(check(true, "example.com", &["127.0.0.1", "::1"]));
        assert!(check(true, "localhost", &["127.0.0.1"]));
        assert!(!check(true, "example.com", &["127.0.0.1", "10.0.0.1"]));
        assert!(!check(true, "localhost", &["93.184.215.14"]), "plain HTTP must not leave the machine");
        assert!(!check(false, "localhost", &["127.0.0.1"]));
    }
}

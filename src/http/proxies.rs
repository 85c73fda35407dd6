//! Whose word is taken for where a request came from (`--trusted-proxies`).
//!
//! Each proxy adds the address that it was called from to the end of `X-Forwarded-For`, so the list is read from its end,
//! as far as those who wrote it are trusted. What stands before that may be made up.

use std::{net::IpAddr, sync::Arc};

use axum::http::HeaderMap;

/// Proxies that are believed; nobody by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[Network]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: u128,
    mask: u128,
}

/// The client's own address, as far as it is known; goes with the request.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub IpAddr);

const FORWARDED_FOR: &str = "x-forwarded-for";

impl TrustedProxies {
    /// Reads a list of addresses and networks, separated by commas or spaces.
    pub fn parse(text: &str) -> Option<Self> {
        text.split([',', ' ']).filter(|part| !part.is_empty()).map(Network::parse).collect::<Option<_>>().map(Self)
    }

    /// Where a request came from that `peer` has handed over. A list that says something else than addresses is believed
    /// as far as it makes sense.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        // A header may be given on several lines, which are one list.
        let lines = headers.get_all(FORWARDED_FOR).iter().collect::<Vec<_>>();
        let mut hops = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        while self.trust(client) {
            match hops.next().and_then(hop) {
                Some(address) => client = address,
                None => break,
            }
        }
        client
    }

    fn trust(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        self.0.iter().any(|network| bits & network.mask == network.address)
    }
}

impl Network {
    /// An address, or one with the length of its prefix and nothing behind that.
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let length = if address.is_ipv4() { 32 } else { 128 };
        let prefix: u32 = prefix.map_or(Some(length), |prefix| prefix.parse().ok())?;
        let open = length.checked_sub(prefix)?;
        let mask = u128::MAX.checked_shl(open).unwrap_or(0);
        let address = bits(address);
        (address & !mask == 0 || open == 0).then_some(Self { address, mask })
    }
}

/// An address as IPv6 has it, so that one comparison serves both.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// One entry of the list. Some proxies add the port.
fn hop(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?.trim();
    let address = text.parse::<IpAddr>().ok().or_else(|| {
        let with_port = text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
        with_port.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
    })?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, lines: &[&str]) -> String {
        let headers = lines.iter().map(|line| (FORWARDED_FOR.parse().expect("name"), line.parse().expect("value")));
        let trusted = TrustedProxies::parse(trusted).expect("a list");
        trusted.client(peer.parse().expect("address"), &HeaderMap::from_iter(headers)).to_string()
    }

    #[test]
    fn the_client_is_the_last_address_that_nobody_vouches_for() {
        const OURS: &str = "10.0.0.0/8, 192.0.2.1 2001:db8:1::/48,fe80::1";
        for (peer, lines, expected) in [
            // Strangers are not believed.
            ("203.0.113.5", &["198.51.100.1"][..], "203.0.113.5"),
            ("192.0.2.2", &["198.51.100.1"], "192.0.2.2"),
            ("2001:db8:2::1", &["198.51.100.1"], "2001:db8:2::1"),
            // Ours are, and one after the other.
            ("10.1.2.3", &["198.51.100.1"], "198.51.100.1"),
            ("10.255.255.255", &["6.6.6.6, 198.51.100.1, 192.0.2.1"], "198.51.100.1"),
            ("192.0.2.1", &["6.6.6.6", "198.51.100.1", "10.0.0.1, 2001:db8:1:ffff::1"], "198.51.100.1"),
            ("fe80::1", &["2001:db8:2::7,10.0.0.9"], "2001:db8:2::7"),
            // The same address in other clothes.
            ("::ffff:10.1.2.3", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("10.1.2.3", &["198.51.100.1:4711"], "198.51.100.1"),
            ("10.1.2.3", &["[2001:db8:2::1]:4711"], "2001:db8:2::1"),
            ("10.1.2.3", &["[2001:db8:2::1]"], "2001:db8:2::1"),
            // All of them are ours: the first one is the client.
            ("10.1.2.3", &["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
            // Nothing, and nonsense: as far as it makes sense.
            ("10.1.2.3", &[], "10.1.2.3"),
            ("10.1.2.3", &[""], "10.1.2.3"),
            ("10.1.2.3", &["unknown"], "10.1.2.3"),
            ("10.1.2.3", &["198.51.100.1, unknown"], "10.1.2.3"),
            ("10.1.2.3", &["198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.1.2.3", &["198.51.100.1,"], "10.1.2.3"),
            ("10.1.2.3", &["198.51.100.1;10.0.0.1"], "10.1.2.3"),
            ("10.1.2.3", &["198.51.100.256"], "10.1.2.3"),
            ("10.1.2.3", &["example.com"], "10.1.2.3"),
        ] {
            assert_eq!(client(OURS, peer, lines), expected, "{peer} {lines:?}");
        }
        assert_eq!(client("", "10.1.2.3", &["198.51.100.1"]), "10.1.2.3", "nobody is trusted by default");
        assert_eq!(client("0.0.0.0/0", "8.8.8.8", &["6.6.6.6, 7.7.7.7"]), "6.6.6.6");
        assert_eq!(client("0.0.0.0/0", "2001:db8::1", &["6.6.6.6"]), "2001:db8::1", "that means IPv4 only");
    }

    #[test]
    fn bytes_that_are_no_text_are_ignored() {
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, axum::http::HeaderValue::from_bytes(b"198.51.100.1, \xff").expect("value"));
        let trusted = TrustedProxies::parse("10.0.0.1").expect("a list");
        let peer = "10.0.0.1".parse().expect("address");
        assert_eq!(trusted.client(peer, &headers), peer);
    }

    #[test]
    fn only_addresses_and_networks_are_trusted() {
        for good in ["", "10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32", "0.0.0.0/0", "::/0", "10.0.0.1/32"] {
            assert!(TrustedProxies::parse(good).is_some(), "{good}");
        }
        for bad in ["proxy", "10.0.0.0/33", "10.0.0.1/8", "10.0.0", "::/129", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0-9"] {
            assert!(TrustedProxies::parse(bad).is_none(), "{bad}");
        }
    }
}

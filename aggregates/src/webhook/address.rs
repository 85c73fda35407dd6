//! Addresses that no webhook may be sent to: every special-purpose range of IANA's registries (contract 45).
//!
//! A range that the registries call globally reachable (AS112, AMT) is refused all the same: no receiver of webhooks
//! lives there. Of IPv6 only the space that is given out at all, `2000::/3`, is let through.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses with the reason why it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range<A> {
    /// The first address.
    pub network: A,
    /// How many leading bits all of its addresses share.
    pub prefix: u32,
    /// What it is for.
    pub purpose: &'static str,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u32, purpose: &'static str) -> Range<Ipv4Addr> {
    Range { network: Ipv4Addr::new(a, b, c, d), prefix, purpose }
}

const fn v6(segments: [u16; 8], prefix: u32, purpose: &'static str) -> Range<Ipv6Addr> {
    let [a, b, c, d, e, f, g, h] = segments;
    Range { network: Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix, purpose }
}

/// The IPv4 special-purpose registry, multicast and the reserved end.
pub const V4: &[Range<Ipv4Addr>] = &[
    v4(0, 0, 0, 0, 8, "this network"),
    v4(10, 0, 0, 0, 8, "private use"),
    v4(100, 64, 0, 0, 10, "shared address space"),
    v4(127, 0, 0, 0, 8, "loopback"),
    v4(169, 254, 0, 0, 16, "link local"),
    v4(172, 16, 0, 0, 12, "private use"),
    v4(192, 0, 0, 0, 24, "IETF protocol assignments"),
    v4(192, 0, 2, 0, 24, "documentation"),
    v4(192, 31, 196, 0, 24, "AS112"),
    v4(192, 52, 193, 0, 24, "AMT"),
    v4(192, 88, 99, 0, 24, "6to4 relay anycast"),
    v4(192, 168, 0, 0, 16, "private use"),
    v4(192, 175, 48, 0, 24, "AS112"),
    v4(198, 18, 0, 0, 15, "benchmarking"),
    v4(198, 51, 100, 0, 24, "documentation"),
    v4(203, 0, 113, 0, 24, "documentation"),
    v4(224, 0, 0, 0, 4, "multicast"),
    v4(240, 0, 0, 0, 4, "reserved and broadcast"),
];

/// The IPv6 special-purpose registry, deprecated forms that carry an IPv4 address, site-local and multicast.
pub const V6: &[Range<Ipv6Addr>] = &[
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified"),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96, "IPv4-compatible"),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, "IPv4-mapped"),
    v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "IPv4-translated"),
    v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "NAT64"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "local-use NAT64"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discard only"),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "dummy prefix"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "Teredo"),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "benchmarking"),
    v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, "ORCHID"),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, "ORCHIDv2"),
    v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28, "remote ID"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "IETF protocol assignments"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4"),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "AS112"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment routing"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link local"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site local"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast"),
];

impl Range<Ipv4Addr> {
    /// Whether the address lies in it.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        (u32::from(address) ^ u32::from(self.network)).leading_zeros() >= self.prefix
    }
}

impl Range<Ipv6Addr> {
    /// Whether the address lies in it.
    pub fn contains(&self, address: Ipv6Addr) -> bool {
        (u128::from(address) ^ u128::from(self.network)).leading_zeros() >= self.prefix
    }
}

/// Why nothing may be sent to the address; `None` when it may.
pub fn forbidden(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => V4.iter().find(|range| range.contains(address)).map(|range| range.purpose),
        IpAddr::V6(address) => match V6.iter().find(|range| range.contains(address)) {
            Some(range) => Some(range.purpose),
            None if address.segments()[0] & 0xe000 != 0x2000 => Some("not global unicast"),
            None => None,
        },
    }
}

/// The same in development mode, where a receiver on the same machine is welcome.
pub fn forbidden_in(development: bool, address: IpAddr) -> Option<&'static str> {
    if development && address.is_loopback() { None } else { forbidden(address) }
}

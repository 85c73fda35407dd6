//! Counting requests in aligned one-minute windows (contract 12).

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
};

use aggregates::id::{ApiKeyId, SessionId};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

mod redis;

pub use self::redis::Shared;

/// The length of a window in seconds.
pub const WINDOW: u64 = 60;

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// An API key.
    Key(ApiKeyId),
    /// A client without a valid key.
    Address(IpAddr),
    /// A client on the participant's routes, without a valid session token.
    Participant(IpAddr),
    /// A client on the routes that handle mails.
    Mail(IpAddr),
    /// The holder of a session's token: many participants may share an address, but none a session.
    Session(SessionId),
}

impl Bucket {
    /// The bucket of a client without a key. An IPv6 client owns a whole /64, so that is what is counted.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(network(address))
    }

    /// The bucket of a participant.
    pub fn participant(address: IpAddr) -> Self {
        Self::Participant(network(address))
    }
}

impl Bucket {
    /// The bucket of whoever handles mails.
    pub fn mail(address: IpAddr) -> Self {
        Self::Mail(network(address))
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

/// Counts requests per bucket and window.
pub trait RateLimiter: Send + Sync {
    /// Adds `cost` (0 or 1) to the bucket in the window that starts at `window` (epoch seconds, a multiple of
    /// [`WINDOW`]) and returns the sum.
    fn count(&self, bucket: Bucket, window: u64, cost: u32) -> BoxFuture<'_, u32>;
}

/// Counts nothing (`--rate-limit off`).
#[derive(Debug)]
pub struct Unlimited;

impl RateLimiter for Unlimited {
    fn count(&self, _: Bucket, _: u64, _: u32) -> BoxFuture<'_, u32> {
        Box::pin(std::future::ready(0))
    }
}

const SHARDS: usize = 16;
const ADDRESSES_PER_SHARD: usize = 8_192;

/// Counts within this process.
#[derive(Debug, Default)]
pub struct InProcess {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Shard {
    window: u64,
    counts: HashMap<Bucket, u32>,
    /// Shared by the addresses that came after the shard was full.
    overflow: u32,
}

impl InProcess {
    /// See [`RateLimiter::count`].
    pub fn add(&self, bucket: Bucket, window: u64, cost: u32) -> u32 {
        let index = usize::try_from(self.hasher.hash_one(bucket) % SHARDS as u64).unwrap_or_default();
        let mut shard = self.shards[index].lock();
        if window > shard.window {
            *shard = Shard { window, ..Shard::default() };
        }
        // Keys and sessions are as many as were issued; addresses are as many as an attacker likes, so only those are
        // bounded.
        let bounded = !matches!(bucket, Bucket::Key(_) | Bucket::Session(_));
        let full = bounded && shard.counts.len() >= ADDRESSES_PER_SHARD && !shard.counts.contains_key(&bucket);
        let Shard { counts, overflow, .. } = &mut *shard;
        let count = if full {
            overflow
        } else if cost == 0 {
            return counts.get(&bucket).copied().unwrap_or(0);
        } else {
            counts.entry(bucket).or_default()
        };
        *count = count.saturating_add(cost);
        *count
    }
}

impl RateLimiter for InProcess {
    fn count(&self, bucket: Bucket, window: u64, cost: u32) -> BoxFuture<'_, u32> {
        Box::pin(std::future::ready(self.add(bucket, window, cost)))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const ME: Bucket = Bucket::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));

    #[test]
    fn windows_start_afresh() {
        let limiter = InProcess::default();
        assert_eq!((limiter.add(ME, 60, 1), limiter.add(ME, 60, 1), limiter.add(ME, 60, 0)), (1, 2, 2));
        assert_eq!(limiter.add(ME, 120, 1), 1);
        assert_eq!(limiter.add(ME, 60, 1), 2, "a request that was late counts in the current window");
    }

    #[test]
    fn buckets_are_separate() {
        let limiter = InProcess::default();
        limiter.add(ME, 60, 1);
        assert_eq!(limiter.add(Bucket::participant(Ipv4Addr::LOCALHOST.into()), 60, 1), 1);
        assert_eq!(limiter.add(Bucket::Key(ApiKeyId::default()), 60, 1), 1);
        assert_eq!(limiter.add(Bucket::Session(SessionId::default()), 60, 1), 1);
    }

    #[test]
    fn an_ipv6_client_cannot_hop_within_its_network() {
        let one: Ipv6Addr = "2001:db8::1".parse().expect("address");
        let two: Ipv6Addr = "2001:db8::2".parse().expect("address");
        assert_eq!(Bucket::address(one.into()), Bucket::address(two.into()));
    }

    #[test]
    fn memory_is_bounded_and_keys_still_count() {
        let limiter = InProcess::default();
        for number in 0..400_000_u32 {
            limiter.add(Bucket::address(Ipv4Addr::from(number).into()), 60, 1);
        }
        let buckets: usize = limiter.shards.iter().map(|shard| shard.lock().counts.len()).sum();
        assert_eq!(buckets, SHARDS * ADDRESSES_PER_SHARD);
        assert_eq!(limiter.add(Bucket::Key(ApiKeyId::default()), 60, 1), 1);
    }
}

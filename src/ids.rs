//! New identifiers: UUIDv7, in the order of their making.

use aggregates::id::Id;
use parking_lot::Mutex;
use uuid::{Builder, Uuid};

use crate::clock::Clock;

/// Makes identifiers whose order is the order of their making within this process (RFC 9562, section 6.2, method 2),
/// and whose time is the clock's.
pub struct Ids {
    clock: Clock,
    /// Millisecond of the last id, and the 42 bits behind it, which count up within a millisecond.
    last: Mutex<(u64, u64)>,
}

const COUNTER_BITS: u32 = 42;

impl Ids {
    /// Starts with the present.
    pub fn new(clock: Clock) -> Self {
        Self { clock, last: Mutex::new((0, 0)) }
    }

    /// The next identifier.
    pub fn next<I: Id>(&self) -> I {
        I::from_uuid(self.next_uuid())
    }

    fn next_uuid(&self) -> Uuid {
        let now = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0);
        let random: u64 = rand::random();
        let (millis, counter) = {
            let mut last = self.last.lock();
            // Starting below a quarter of the range leaves room to count; stepping at random keeps ids unguessable.
            *last = if now > last.0 {
                (now, random >> (64 - COUNTER_BITS + 2))
            } else {
                let next = last.1 + 1 + (random & 0xff_ffff);
                if next >> COUNTER_BITS == 0 { (last.0, next) } else { (last.0 + 1, next & 0xff_ffff) }
            };
            *last
        };
        // After the milliseconds come 12 bits, 2 bits that Builder overwrites, and 62 bits.
        let high = (counter >> 30) as u16;
        let low = (counter & 0x3fff_ffff) << 32 | u64::from(rand::random::<u32>());
        let mut bytes = [0; 10];
        bytes[..2].copy_from_slice(&high.to_be_bytes());
        bytes[2..].copy_from_slice(&low.to_be_bytes());
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aggregates::id::EventId;

    use super::*;

    #[test]
    fn ids_ascend_and_never_repeat() {
        let ids = Ids::new(Clock::system());
        let made: Vec<EventId> = (0..20_000).map(|_| ids.next()).collect();
        assert!(made.is_sorted());
        assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), made.len());
        assert!(made.iter().all(|id| id.uuid().get_version_num() == 7));
    }
}

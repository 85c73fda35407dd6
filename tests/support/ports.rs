//! Ports for servers that must keep theirs through restarts, or that are told theirs before they start.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

/// The kernel hands out what lies above to outgoing connections and to whoever asks for any port, and `scripts/lib` takes
/// what lies between: a server that is down for a moment would find its port taken.
const RANGE: std::ops::Range<u16> = 10_000..20_000;

/// A port of the loopback address that nobody has, and that no other test will get.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Another run of the tests on this machine begins elsewhere.
    static START: std::sync::LazyLock<u16> = std::sync::LazyLock::new(rand::random);
    for _ in RANGE {
        let number = START.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = RANGE.start + number % (RANGE.end - RANGE.start);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port between {RANGE:?} is free")
}

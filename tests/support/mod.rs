//! What tests of several modules share.

pub mod certificates;
pub mod engines;
pub mod model;
pub mod participant;
pub mod pebble;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod product;
pub mod rabbitmq;
pub mod redis;
pub mod s3;
pub mod smtp;
pub mod voices;

/// The master key of every installation here, so that stores in this process and servers beside it can share a database.
pub const MASTER_KEY: [u8; 32] = [b'A'; 32];

/// Makes ring the cryptography of this process's HTTP clients: they are built without one.
pub fn ring() {
    // Another test may have been faster, with the same provider.
    _ = rustls::crypto::ring::default_provider().install_default();
}

/// The interpreter that has the packages which tests check us against.
pub fn python() -> String {
    std::env::var("RELAY_TEST_PYTHON").expect("RELAY_TEST_PYTHON is not set: run the tests with ./scripts/test")
}

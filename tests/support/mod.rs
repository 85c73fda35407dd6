//! What tests of several modules share.

pub mod engines;
pub mod postgres;
pub mod process;
pub mod product;
pub mod smtp;

//! Keys, sealing, hashes and tokens: what makes the log private and its history provable.

pub mod keys;
pub mod leaf;
pub mod mail_token;
pub mod seal;
pub mod secret_key;
pub mod session_token;
pub mod token;

//! What the store guarantees (design, section 3), each on both engines.

mod contention;
mod crashes;
mod follow;
mod idempotency;
mod limits;
mod order;
mod pages;
mod personal;
mod reconnects;
mod submissions;
mod subscribers;
mod versions;

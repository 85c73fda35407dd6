//! What the store guarantees (design, section 3), each on both engines.

mod order;
mod submissions;
mod versions;

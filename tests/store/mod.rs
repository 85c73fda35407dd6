//! Mirrors `src/store`.

mod contract;
mod schema;

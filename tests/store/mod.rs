//! Mirrors `src/store`.

mod contract;
mod replay;
mod schema;

//! Mirrors `src/http`.

mod platform;
mod server;
mod support;

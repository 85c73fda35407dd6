//! Mirrors `src/http`.

mod openapi;
mod platform;
mod server;
mod support;

//! Mirrors `src/http`.

mod openapi;
mod platform;
mod ratchet;
mod reference;
mod server;
mod support;

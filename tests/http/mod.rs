//! Mirrors `src/http`.

mod campaigns;
mod idempotency;
mod interview;
mod invites;
mod openapi;
mod platform;
mod ratchet;
mod reference;
mod server;
mod support;

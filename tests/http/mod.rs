//! Mirrors `src/http`.

mod api_keys;
mod campaigns;
mod events;
mod events_stream;
mod idempotency;
mod interview;
mod invites;
mod limits;
mod openapi;
mod platform;
mod projects;
mod ratchet;
mod reference;
mod scripts;
mod server;
mod support;
mod webhooks;

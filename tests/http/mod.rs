//! Mirrors `src/http`.

mod api_keys;
mod campaigns;
mod documents;
mod events;
mod events_stream;
mod files;
mod idempotency;
mod interview;
mod interviewers;
mod invites;
mod limits;
mod model;
mod openapi;
mod participants;
mod platform;
mod projects;
mod proxies;
mod ratchet;
mod reference;
mod scripts;
mod server;
mod session_timers;
mod sessions;
pub mod support;
mod webhooks;

//! The HTTP platform: one route table, one error table, and the path of every request through them.
//!
//! A request passes [`server`] (connections, TLS) → [`observe`] (request id, log, metrics, the shape of errors) →
//! [`gate`] (API key, rate limit, scope, body; in that order, contract 4) → one handler.

pub mod answer;
pub mod api_keys;
pub mod auth;
pub mod campaigns;
pub mod docs;
pub mod email_templates;
pub mod error;
pub mod events;
pub mod extract;
pub mod files;
pub mod gate;
pub mod health;
pub mod idempotency;
pub mod interview;
pub mod invites;
pub mod json;
pub mod key_auth;
pub mod list;
pub mod mail;
pub mod observe;
pub mod openapi;
pub mod operation;
pub mod projects;
pub mod proxies;
pub mod query;
pub mod rate_limit;
pub mod routes;
pub mod scripts;
pub mod server;
pub mod sessions;
pub mod webhooks;

pub use answer::Page;
pub use auth::{Authenticated, Authenticator, Participant};
pub use error::ApiError;
pub use extract::{Body, Call, Guest, Id, Ids, IfMatch, IfNoneMatch, NoBody, Token, Turn};
pub use gate::{Limits, Platform};
pub use idempotency::IdempotencyRequest;
pub use operation::{Access, Intake, Operation};
pub use proxies::TrustedProxies;
pub use query::{ListQuery, Query};

//! Webhook endpoints: where events are sent, which ones, and signed with what (contract 41–45, 56).
//!
//! Secrets and header values arrive here sealed under the organization's key; the domain never sees them in clear.

pub mod address;
mod aggregate;
mod command;
mod error;
pub mod event;
mod headers;
mod input;
mod subscription;
mod url;

pub use aggregate::{FormerSecret, Webhook, WebhookStatus};
pub use command::WebhookCommand;
pub use error::WebhookError;
pub use event::*;
pub use headers::{MAX_HEADERS, check_headers};
pub use input::{NewWebhook, NewWebhookInput, Rules, WebhookPatch, WebhookPatchInput};
pub use subscription::{EVERYTHING, is_subscribed};
pub use url::{UrlError, check_url};

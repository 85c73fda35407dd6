//! Value types that several aggregates share, and the machinery that reads and checks what callers send.
//!
//! A request body goes through two steps. [`Input::from_json`] reads it and finds every missing field and every wrong
//! JSON type (contract 2: `INVALID_REQUEST`). The input's own `validate` then checks the rules with a [`Validator`]
//! and finds every broken one (`VALIDATION_ERROR`). Neither stops at the first finding.

mod change;
mod document;
mod email;
mod expiry;
mod metadata;
mod reader;
pub mod settings;
mod validator;

pub use change::Change;
pub use document::{Document, document_size, merge_patch, without_nulls};
pub use email::{Email, InvalidEmail};
pub use expiry::{DEFAULT_EXPIRY, ExpiryError, MAX_EXPIRY, MIN_EXPIRY, parse_expiry, parse_instant, whole_second};
pub use metadata::Metadata;
pub use reader::{FromJson, Input, Reader};
pub use validator::{Lines, Validator, with_field_errors};

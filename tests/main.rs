//! The integration tests, one binary so that they link once.

mod http;
mod mail;
mod process;
mod store;
mod support;

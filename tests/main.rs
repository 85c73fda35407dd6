//! The integration tests, one binary so that they link once.

mod broker;
mod http;
mod process;
mod store;
mod support;
mod webhooks;

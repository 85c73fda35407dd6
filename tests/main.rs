//! The integration tests, one binary so that they link once.

mod acme;
mod analysis;
mod broker;
mod browser;
mod http;
mod mail;
mod process;
mod sessions;
mod store;
mod support;
mod webhooks;

//! The integration tests, one binary so that they link once.

mod http;
mod store;
mod support;

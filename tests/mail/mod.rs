//! Mail: what is sent, and what comes back, with other people's servers and parsers.

mod files;
mod members;
mod reports;
mod sending;
mod templates;

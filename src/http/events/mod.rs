//! The catch-up feed and the catalogue of public events.

pub mod list;
pub mod schema;
mod stream;
pub mod types;

pub use stream::Streams;

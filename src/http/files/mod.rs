//! Files: uploads that are read as they arrive, lists, and downloads by signed links (contract 30, 55).

pub mod download;
pub mod form;
pub mod intake;
pub mod list;
pub mod media;
mod range;
pub mod schema;
pub mod upload;

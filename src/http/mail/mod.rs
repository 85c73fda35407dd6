//! What mails lead back to: the picture that tells of their opening, reports on them, and the page that shows them to
//! developers.

pub mod dev;
pub mod open;
pub mod report;

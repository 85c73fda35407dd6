//! Mail: what is sent, and what comes back, with other people's servers and parsers.

use interview_relay::{mail::Mailer, reactors::Pass};

mod files;
mod members;
mod reports;
mod sending;
mod templates;

/// Runs passes until there is nothing left to do now.
pub async fn drain(mailer: &mut Mailer) {
    while mailer.pass().await.expect("a pass") == Pass::More {}
}

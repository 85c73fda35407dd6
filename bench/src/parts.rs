//! The parts of the bench, each on its own server or database.

pub mod commands;
pub mod crash;
pub mod events;
pub mod idle;
pub mod interviews;
pub mod invites;
pub mod limits;
pub mod lists;
pub mod mail;
pub mod nodes;
pub mod peer;
pub mod transcripts;
pub mod webhooks;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use crate::report::Report;
use crate::settings::{Part, Settings};

/// How long a part may take: something is stuck then, and the others shall have their turn.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Runs a part. Whatever becomes of it, what was measured before stays in the report.
pub async fn run(part: Part, settings: &Settings, report: &mut Report) {
    let mut running: Pin<Box<dyn Future<Output = ()> + '_>> = match part {
        Part::Limits => Box::pin(limits::run(settings, report)),
        Part::Peer => Box::pin(peer::run(settings, report)),
        Part::Commands => Box::pin(commands::run(settings, report)),
        Part::Invites => Box::pin(invites::run(settings, report)),
        Part::Nodes => Box::pin(nodes::run(settings, report)),
        Part::Lists => Box::pin(lists::run(settings, report)),
        Part::Interviews => Box::pin(interviews::run(settings, report)),
        Part::Idle => Box::pin(idle::run(settings, report)),
        Part::Transcripts => Box::pin(transcripts::run(settings, report)),
        Part::Webhooks => Box::pin(webhooks::run(settings, report)),
        Part::Events => Box::pin(events::run(settings, report)),
        Part::Mail => Box::pin(mail::run(settings, report)),
        Part::Crash => Box::pin(crash::run(settings, report)),
    };
    let guarded =
        std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => Poll::Ready(None),
            Err(_) => Poll::Ready(Some("it panicked (see above)".to_owned())),
        });
    let ended = tokio::time::timeout(LIMIT, guarded).await;
    let failure = ended.unwrap_or_else(|_| Some(format!("not through after {LIMIT:?}")));
    drop(running);
    if let Some(failure) = failure {
        report.fail(&format!("{part:?}"), failure);
    }
}

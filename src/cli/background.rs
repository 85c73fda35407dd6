//! What runs beside the server for as long as it runs.

use std::collections::HashMap;

use tokio::{
    sync::watch,
    task::{Id, JoinSet},
};

/// Tasks that end when they are told to stop, and not before: a server that only seems to do all of its work is worse than
/// one that is started again.
#[derive(Default)]
pub struct Background {
    tasks: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Background {
    /// Starts a task.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits for the signal, or until a task ends by itself; then has everything stopped, by way of `halt`, and waits for it.
    ///
    /// # Errors
    /// When a task ended before it was told to; the message names it.
    pub async fn watch(mut self, mut signal: watch::Receiver<bool>, halt: watch::Sender<bool>) -> Result<(), String> {
        let ended = tokio::select! {
            // Whoever could give the signal is gone: that is one, too.
            _ = signal.wait_for(|stop| *stop) => None,
            Some(ended) = self.tasks.join_next_with_id() => Some(match ended {
                Ok((id, ())) => (id, "has ended".to_owned()),
                Err(error) => (error.id(), format!("has failed: {error}")),
            }),
        };
        halt.send_replace(true);
        // A task that panics now has said so in the log.
        while self.tasks.join_next().await.is_some() {}
        match ended {
            None => Ok(()),
            Some((id, how)) => {
                let name = self.names.get(&id).copied().unwrap_or("a task");
                tracing::error!(task = name, how, "stopped, since a part of the server is missing");
                Err(format!("{name} {how}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends when it is told to, as it should.
    async fn dutiful(mut stop: watch::Receiver<bool>) {
        _ = stop.wait_for(|stop| *stop).await;
    }

    async fn watched(with: impl FnOnce(&mut Background)) -> Result<(), String> {
        let (halt, stop) = watch::channel(false);
        let (_signal, signalled) = watch::channel(false);
        let mut background = Background::default();
        background.spawn("the dutiful one", dutiful(stop));
        with(&mut background);
        background.watch(signalled, halt).await
    }

    #[tokio::test]
    async fn a_task_that_ends_by_itself_stops_everything_and_is_named() {
        let ended = watched(|background| background.spawn("the lazy one", async {})).await;
        assert_eq!(ended, Err("the lazy one has ended".to_owned()));
        let failed = watched(|background| background.spawn("the broken one", async { panic!("a defect") })).await;
        let failed = failed.expect_err("it failed");
        assert!(failed.starts_with("the broken one has failed: ") && failed.contains("panicked"), "{failed}");
    }

    #[tokio::test]
    async fn the_signal_stops_everything() {
        let (halt, stop) = watch::channel(false);
        let (signal, signalled) = watch::channel(false);
        let mut background = Background::default();
        background.spawn("the dutiful one", dutiful(stop));
        signal.send_replace(true);
        assert_eq!(background.watch(signalled, halt).await, Ok(()));
    }
}

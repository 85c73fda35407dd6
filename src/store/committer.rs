//! Group commit: submissions that arrive while a batch is being written form the next one (design, guarantee 5).

use std::{borrow::Cow, sync::Arc};

use tokio::sync::{mpsc, oneshot, watch};

use super::{
    Error, batch,
    checkpoints::Checkpoints,
    connection::Connection,
    dialect::Engine,
    endpoints,
    opener::Opener,
    submission::{Outcome, Submission},
    subscriptions::{self, Effects},
    value::{Row, Value},
};
use crate::clock::Clock;

/// Submissions waiting to be written, at most; beyond that the answer is "overloaded" (design, guarantee 12).
const QUEUE: usize = 4096;
/// Submissions in one transaction, at most.
const BATCH: usize = 512;
/// Events after which a batch takes no more submissions.
const BATCH_EVENTS: usize = 4096;

type Answer<T> = oneshot::Sender<Result<T, Error>>;

/// What the writer can be asked for.
enum Waiting {
    Commit(Submission, Answer<Outcome>),
    Apply(Effects, Answer<()>),
    Statement(Cow<'static, str>, Vec<Value>, Answer<Vec<Row>>),
    Deliveries(endpoints::Batch, Answer<endpoints::Written>),
}

impl Waiting {
    fn events(&self) -> usize {
        if let Self::Commit(submission, _) = self { submission.events.len() } else { 0 }
    }
}

/// The only writer of events on this node.
#[derive(Clone)]
pub struct Committer {
    queue: mpsc::Sender<Waiting>,
    head: watch::Receiver<i64>,
}

impl Committer {
    /// Starts the writer on a connection of its own.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn start(opener: Arc<Opener>, clock: Clock) -> Result<Self, Error> {
        let connection = opener.committer().await?;
        let (queue, mut waiting) = mpsc::channel(QUEUE);
        let (head_sender, head) = watch::channel(0);
        let sqlite = connection.engine() == Engine::Sqlite;
        let checkpoints = opener.checkpoints()?;
        let mut writer = Writer {
            connection: Some(connection),
            opener,
            clock,
            head: head_sender,
            memory: batch::Memory::default(),
            checkpoints,
        };
        if sqlite {
            // The engine is synchronous: a thread of its own keeps its waits for the disk off the runtime.
            let (ready, is_ready) = mpsc::channel(1);
            let (batches, mut next) = mpsc::channel(1);
            tokio::spawn(feed(waiting, is_ready, batches));
            let run = move || {
                while ready.blocking_send(()).is_ok() {
                    let Some(batch) = next.blocking_recv() else { break };
                    futures_executor::block_on(writer.write(batch));
                }
            };
            std::thread::Builder::new()
                .name("sqlite-writer".into())
                .spawn(run)
                .map_err(|error| Error::Unavailable(error.to_string()))?;
        } else {
            tokio::spawn(async move {
                let mut last = 0;
                while let Some(batch) = gather(&mut waiting, &mut last).await {
                    writer.write(batch).await;
                }
            });
        }
        Ok(Self { queue, head })
    }

    /// Commits a submission together with whatever else is waiting.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when too much is waiting; [`Error::Database`] and [`Error::Unavailable`] when the outcome
    /// is not known to be durable. A caller that goes away does not stop its submission.
    pub async fn commit(&self, submission: Submission) -> Result<Outcome, Error> {
        self.ask(|answer| Waiting::Commit(submission, answer)).await
    }

    /// Commits what a subscriber wrote, in a transaction of its own.
    ///
    /// # Errors
    /// As [`Self::commit`], and [`Error::LeaseLost`].
    pub async fn apply(&self, effects: Effects) -> Result<(), Error> {
        self.ask(|answer| Waiting::Apply(effects, answer)).await
    }

    /// Runs one statement that writes.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub async fn statement(
        &self,
        sql: impl Into<Cow<'static, str>>,
        parameters: Vec<Value>,
    ) -> Result<Vec<Row>, Error> {
        let sql = sql.into();
        self.ask(|answer| Waiting::Statement(sql, parameters, answer)).await
    }

    /// Commits what a node did for webhook endpoints, in a transaction of its own, or in several if the database refuses
    /// a part of it; see [`endpoints::apply`].
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub async fn deliveries(&self, batch: endpoints::Batch) -> Result<endpoints::Written, Error> {
        self.ask(|answer| Waiting::Deliveries(batch, answer)).await
    }

    async fn ask<T>(&self, question: impl FnOnce(Answer<T>) -> Waiting) -> Result<T, Error> {
        let (sender, answer) = oneshot::channel();
        self.queue.try_send(question(sender)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Error::Unavailable("the writer has stopped".into()),
        })?;
        answer.await.map_err(|_| Error::Unavailable("the writer has stopped".into()))?
    }

    /// Follows the position of the last event that this node has written.
    pub fn head(&self) -> watch::Receiver<i64> {
        self.head.clone()
    }
}

/// Hands the writer's thread a batch each time that it is ready for one, gathered as late as possible.
async fn feed(
    mut waiting: mpsc::Receiver<Waiting>,
    mut is_ready: mpsc::Receiver<()>,
    batches: mpsc::Sender<Vec<Waiting>>,
) {
    let mut last = 0;
    while is_ready.recv().await.is_some() {
        let Some(batch) = gather(&mut waiting, &mut last).await else { return };
        if batches.send(batch).await.is_err() {
            return;
        }
    }
}

/// The next batch. A lone submission leaves at once. Otherwise the other tasks get turns until half as many wait as were
/// written last, or a turn brings none: so clients that ask one thing after the other fall into two groups, and one
/// prepares its commands while the other's are being written.
async fn gather(waiting: &mut mpsc::Receiver<Waiting>, last: &mut usize) -> Option<Vec<Waiting>> {
    let mut batch = Vec::new();
    let first = waiting.recv().await?;
    let mut events = first.events();
    batch.push(first);
    let mut before = 0;
    loop {
        while batch.len() < BATCH && events < BATCH_EVENTS {
            let Ok(next) = waiting.try_recv() else { break };
            events += next.events();
            batch.push(next);
        }
        if batch.len() * 2 >= *last || batch.len() == before {
            *last = batch.len();
            return Some(batch);
        }
        before = batch.len();
        tokio::task::yield_now().await;
    }
}

struct Writer {
    connection: Option<Connection>,
    opener: Arc<Opener>,
    clock: Clock,
    head: watch::Sender<i64>,
    memory: batch::Memory,
    /// On SQLite.
    checkpoints: Option<Checkpoints>,
}

impl Writer {
    async fn write(&mut self, batch: Vec<Waiting>) {
        let (mut submissions, mut senders) = (Vec::new(), Vec::new());
        let mut others = Vec::new();
        for waiting in batch {
            match waiting {
                Waiting::Commit(submission, sender) => {
                    submissions.push(submission);
                    senders.push(sender);
                }
                other => others.push(other),
            }
        }
        if !submissions.is_empty() {
            self.commit(&submissions, senders).await;
        }
        for other in others {
            // A caller that went away does not need the answer.
            match other {
                Waiting::Apply(effects, sender) => {
                    let result = self.with_connection(async |c| subscriptions::apply(c, &effects).await).await;
                    _ = sender.send(result);
                }
                Waiting::Statement(sql, parameters, sender) => {
                    let result = self.with_connection(async |c| c.query(&sql, parameters).await).await;
                    _ = sender.send(result);
                }
                Waiting::Deliveries(batch, sender) => {
                    _ = sender.send(self.deliveries(batch).await);
                }
                Waiting::Commit(..) => {}
            }
        }
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.committed();
        }
    }

    /// Commits submissions as one batch. If the database refuses it, the halves are tried alone, so that one submission
    /// that it does not take (a text with a NUL in PostgreSQL, say) fails alone.
    async fn commit(&mut self, submissions: &[Submission], senders: Vec<Answer<Outcome>>) {
        let mut senders = senders.into_iter();
        let mut todo = vec![submissions];
        while let Some(part) = todo.pop() {
            let now = self.clock.now().timestamp_micros();
            let mut memory = std::mem::take(&mut self.memory);
            let mut result = self.with_connection(async |c| batch::commit(c, part, now, &mut memory).await).await;
            if matches!(result, Err(Error::Database(_) | Error::Unavailable(_))) {
                // A restart of PostgreSQL ends every connection, also of a node that had nothing to do with it.
                let again = self.with_connection(async |c| batch::repeat(c, part, now, &mut memory).await).await;
                if let Ok(Some(outcomes)) = again {
                    result = Ok(outcomes);
                }
            }
            // After a failure nobody knows what is true: it is forgotten then.
            if result.is_ok() {
                self.memory = memory;
            }
            if matches!(result, Err(Error::Refused(_))) && part.len() > 1 {
                let (first, second) = part.split_at(part.len() / 2);
                todo.extend([second, first]);
                continue;
            }
            self.answer(senders.by_ref().take(part.len()).collect(), result);
        }
    }

    /// Writes a batch; if the database refuses it, its halves, so that one endpoint's results fail alone.
    async fn deliveries(&mut self, batch: endpoints::Batch) -> Result<endpoints::Written, Error> {
        let mut written = endpoints::Written::default();
        let mut todo = vec![batch];
        while let Some(mut part) = todo.pop() {
            match self.with_connection(async |c| endpoints::apply(c, &part).await).await {
                Ok(accepted) => written.accepted.extend(accepted),
                Err(Error::Refused(_)) if part.updates.len() > 1 => {
                    let updates = part.updates.split_off(part.updates.len() / 2);
                    todo.extend([endpoints::Batch { updates, ..part.clone() }, part]);
                }
                Err(Error::Refused(error)) => {
                    tracing::error!(error, "results of deliveries were refused");
                    written.refused.extend(part.updates.into_iter().map(|update| update.webhook));
                }
                // The halves that were written before are written again, to the same effect.
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    fn answer(&self, senders: Vec<Answer<Outcome>>, result: Result<Vec<Outcome>, Error>) {
        match result {
            Ok(outcomes) => {
                let heads = outcomes.iter().filter_map(|outcome| match outcome {
                    Outcome::Committed { head } => Some(*head),
                    _ => None,
                });
                if let Some(head) = heads.max() {
                    self.head.send_if_modified(|last| {
                        let moved = head > *last;
                        *last = head.max(*last);
                        moved
                    });
                }
                for (sender, outcome) in senders.into_iter().zip(outcomes) {
                    _ = sender.send(Ok(outcome));
                }
            }
            Err(error) => {
                tracing::error!(%error, submissions = senders.len(), "a batch was not committed");
                for sender in senders {
                    _ = sender.send(Err(error.clone()));
                }
            }
        }
    }

    /// After a failure nobody knows in which state the connection is: the next batch gets a new one.
    async fn with_connection<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.opener.committer().await?,
        };
        let result = work(&mut connection).await;
        if matches!(result, Ok(_) | Err(Error::LeaseLost(_))) {
            self.connection = Some(connection);
        }
        result
    }
}

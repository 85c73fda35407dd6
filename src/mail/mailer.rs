//! The durable subscriber that sends mails; see [the module](super) for what it guarantees.

use std::{sync::Arc, time::Duration};

use aggregates::{id::EventId, invite::SendFailure};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use tokio::sync::watch;

use super::{
    End, KINDS, Kind, MailSettings, Undrafted,
    invite::file_name,
    transport::{CONNECTIONS, Failure, Transport},
};
use crate::{
    command::Commands,
    reactors::Pass,
    store::{self, Effects, Lease, MailRate, Parked, QueuedMail, Store},
};

/// The name under which the checkpoint is kept, never changed.
const NAME: &str = "mail";
/// For how long a node may be silent before another takes over. Longer than any attempt, so that a node which is still
/// sending also still holds the lease.
const LEASE: TimeDelta = TimeDelta::seconds(120);
/// What must be left of the lease when attempts begin: more than they can take.
const NEEDED: TimeDelta = TimeDelta::seconds(60);
/// When a mail is tried again whose attempt ended with nobody knowing how. Longer than the lease.
const CUT_OFF: TimeDelta = TimeDelta::seconds(180);
/// The pause when there is nothing to do and nobody commits anything.
const PAUSE: TimeDelta = TimeDelta::seconds(1);
/// A commit wakes the mailer, but not sooner than this after its last pass.
const PACE: Duration = Duration::from_millis(250);
/// Events read at once.
const STEP: i64 = 500;
/// Mails that are queued as rows. Beyond that, the log is the queue: the checkpoint waits.
const QUEUE: i64 = 10_000;
/// Minutes to wait after each attempt that failed for now; after the last one it has failed for good, two days later.
const RETRIES: [i64; 12] = [1, 2, 5, 10, 20, 40, 80, 160, 300, 480, 720, 960];
/// What is not due any more because the rate is used up waits for the next minute.
const MINUTE: i64 = 60;

/// Sends mails, on one node at a time.
pub struct Mailer {
    commands: Arc<Commands>,
    settings: Arc<MailSettings>,
    transport: Transport,
    owner: String,
    lease: Option<(Lease, DateTime<Utc>)>,
    /// Ends that could not be written down yet. As long as this process lives, it need not guess.
    unsettled: Vec<(QueuedMail, End)>,
}

/// What became of an attempt.
enum Attempt {
    Settled,
    Unsettled(QueuedMail, End),
    Again(QueuedMail),
}

impl Mailer {
    /// Prepares to send. `owner` must differ between nodes and between starts.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(commands: Arc<Commands>, settings: Arc<MailSettings>, owner: String) -> Result<Self, String> {
        let transport = Transport::new(&settings.outlet)?;
        Ok(Self { commands, settings, transport, owner, lease: None, unsettled: Vec::new() })
    }

    /// Runs until told to stop, then lets go of the lease.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut follower = self.store().follow();
        while !*stop.borrow() {
            let ours = match self.pass().await {
                Ok(Pass::More) => continue,
                Ok(pass) => pass == Pass::Done,
                Err(error) => {
                    tracing::warn!(subscriber = NAME, %error, "a pass failed and will be tried again");
                    self.lease = None;
                    false
                }
            };
            let woken = async {
                tokio::time::sleep(PACE).await;
                follower.changed().await;
            };
            tokio::select! {
                // Other nodes would only ask for the lease each time, which costs the writer a statement.
                () = woken, if ours => {}
                () = self.commands.clock.sleep(PAUSE) => {}
                _ = stop.changed() => {}
            }
        }
        self.settle_rest().await;
        if let Some((lease, _)) = self.lease.take() {
            // It runs out by itself when this fails.
            _ = self.store().release(&lease).await;
        }
    }

    /// Does one step of what there is to do.
    ///
    /// # Errors
    /// When the store fails or the lease was lost; then no attempt was begun.
    pub async fn pass(&mut self) -> Result<Pass, store::Error> {
        self.settle_rest().await;
        let now = self.commands.now();
        let Some(lease) = self.lease(now).await? else { return Ok(Pass::NotOurs) };
        let read = self.follow(&lease, now).await?;
        let sent = self.send_due(now).await?;
        Ok(if read || sent { Pass::More } else { Pass::Done })
    }

    fn store(&self) -> &Store {
        &self.commands.store
    }

    /// The lease, with enough time left.
    async fn lease(&mut self, now: DateTime<Utc>) -> Result<Option<Lease>, store::Error> {
        if let Some((lease, until)) = &self.lease
            && now + NEEDED < *until
        {
            return Ok(Some(lease.clone()));
        }
        let until = now + LEASE;
        let lease = self.store().lease(NAME, &self.owner, now.timestamp_micros(), until.timestamp_micros()).await?;
        self.lease = lease.clone().map(|lease| (lease, until));
        Ok(lease)
    }

    /// Queues what the log asks for; whether there is more to read.
    async fn follow(&mut self, lease: &Lease, now: DateTime<Utc>) -> Result<bool, store::Error> {
        let records = self.store().events_after(lease.position, STEP).await?;
        let Some(last) = records.last() else { return Ok(false) };
        if self.store().queued_mails(QUEUE).await? >= QUEUE {
            return Ok(false);
        }
        let mut effects = Effects::new(lease, last.position);
        for record in &records {
            for kind in KINDS {
                match kind.is_asked_for(record) {
                    Ok(false) => {}
                    Ok(true) => effects.queue_mail(QueuedMail {
                        id: record.event_id.clone(),
                        kind: kind.name().to_owned(),
                        organization: record.organization.clone(),
                        stream: record.stream.clone(),
                        attempts: 0,
                        due_at: record.recorded_at,
                    }),
                    Err(error) => {
                        tracing::error!(subscriber = NAME, position = record.position, error, "an event was put aside");
                        let id = self.commands.new_id::<EventId>().to_string();
                        effects.park(Parked { id, position: record.position, error }, now.timestamp_micros());
                    }
                }
            }
        }
        let position = effects.position;
        self.store().apply(effects).await?;
        if let Some((lease, _)) = &mut self.lease {
            lease.position = position;
        }
        Ok(records.len() == STEP as usize)
    }

    /// Sends what is due, as far as the rate allows; whether there may be more.
    async fn send_due(&mut self, now: DateTime<Utc>) -> Result<bool, store::Error> {
        let Some((lease, _)) = self.lease.clone() else { return Ok(false) };
        let parallel = i64::from(CONNECTIONS);
        let due = self.store().due_mails(now.timestamp_micros(), parallel).await?;
        if due.is_empty() {
            return Ok(false);
        }
        let minute = now.timestamp().div_euclid(MINUTE);
        let begun = Some(self.store().mail_rate().await?).filter(|rate| rate.minute == minute).map_or(0, |rate| rate.n);
        let allowed = usize::try_from(i64::from(self.settings.rate) - begun).unwrap_or(0);
        let unsettled = |mail: &QueuedMail| self.unsettled.iter().any(|(known, _)| known.id == mail.id);
        let mails: Vec<QueuedMail> =
            due.into_iter().filter(|mail| !unsettled(mail)).take(allowed).map(begin(now)).collect();
        if mails.is_empty() {
            return Ok(false);
        }
        // A node that has lost the lease meanwhile fails here, before it sends anything.
        let mut effects = Effects::new(&lease, lease.position);
        effects.note_mail_rate(MailRate { minute, n: begun + i64::try_from(mails.len()).unwrap_or(i64::MAX) });
        for mail in &mails {
            effects.reschedule_mail(mail.clone());
        }
        self.store().apply(effects).await?;

        let full = mails.len() == parallel as usize;
        let attempts = join_all(mails.into_iter().map(|mail| self.attempt(mail, now))).await;
        let mut effects = Effects::new(&lease, lease.position);
        let mut failed = false;
        for attempt in attempts {
            match attempt {
                Attempt::Settled => {}
                Attempt::Unsettled(mail, end) => self.unsettled.push((mail, end)),
                Attempt::Again(mail) => {
                    failed = true;
                    effects.reschedule_mail(mail);
                }
            }
        }
        if failed {
            self.store().apply(effects).await?;
        }
        Ok(full)
    }

    async fn attempt(&self, mail: QueuedMail, now: DateTime<Utc>) -> Attempt {
        let Some(kind) = KINDS.into_iter().find(|kind| kind.name() == mail.kind) else {
            // Queued by a newer version, which will send it.
            return Attempt::Again(mail);
        };
        let started = usize::try_from(mail.attempts - 1).unwrap_or(0);
        let outcome = match started > RETRIES.len() {
            // Attempts of which nobody ever heard the end count too, so that no mail can bring us down for ever.
            true => Ok(End::NotSent { reason: SendFailure::GaveUp, code: Some("cut_off".to_owned()) }),
            false => self.send(kind, &mail, now).await,
        };
        let end = match outcome {
            Ok(end) => end,
            Err(code) => match RETRIES.get(started) {
                Some(minutes) => {
                    tracing::warn!(mail = mail.id, code, attempt = mail.attempts, "a mail will be tried again");
                    let due_at = (now + TimeDelta::minutes(*minutes)).timestamp_micros();
                    return Attempt::Again(QueuedMail { due_at, ..mail });
                }
                None => End::NotSent { reason: SendFailure::GaveUp, code: Some(code) },
            },
        };
        if let End::NotSent { reason, code } = &end {
            tracing::info!(mail = mail.id, reason = reason.as_str(), code, "a mail is not sent");
        }
        match kind.settle(&self.commands, &mail, &end).await {
            Ok(()) => Attempt::Settled,
            Err(error) => {
                tracing::warn!(mail = mail.id, %error, "what became of a mail will be written down later");
                Attempt::Unsettled(mail, end)
            }
        }
    }

    /// One attempt: how it ended, or the code of what stood in its way for now.
    async fn send(&self, kind: &dyn Kind, mail: &QueuedMail, now: DateTime<Utc>) -> Result<End, String> {
        let draft = match kind.draft(&self.commands, &self.settings, mail).await {
            Ok(draft) => draft,
            Err(Undrafted::ForGood(why)) => return Ok(End::NotSent { reason: why.reason, code: why.code }),
            Err(Undrafted::ForNow(error)) => {
                tracing::warn!(mail = mail.id, error, "a mail cannot be written now");
                return Err("store".to_owned());
            }
        };
        let letter = match draft.write(&self.settings, now) {
            Ok(letter) => letter,
            Err(why) => return Ok(End::NotSent { reason: why.reason, code: why.code }),
        };
        match self.transport.send(letter, &file_name(mail)).await {
            Ok(()) => Ok(End::Sent),
            Err(Failure::ForNow { code }) => Err(code),
            Err(Failure::ForGood { reason, code }) => Ok(End::NotSent { reason, code: Some(code) }),
        }
    }

    /// Writes down the ends that could not be written down before.
    async fn settle_rest(&mut self) {
        for (mail, end) in std::mem::take(&mut self.unsettled) {
            let Some(kind) = KINDS.into_iter().find(|kind| kind.name() == mail.kind) else { continue };
            if kind.settle(&self.commands, &mail, &end).await.is_err() {
                self.unsettled.push((mail, end));
            }
        }
    }
}

/// The mail once its attempt has begun: counted, and due again in case that nobody ever hears how it ended.
fn begin(now: DateTime<Utc>) -> impl Fn(QueuedMail) -> QueuedMail {
    let due_at = (now + CUT_OFF).timestamp_micros();
    move |mail| QueuedMail { attempts: mail.attempts + 1, due_at, ..mail }
}

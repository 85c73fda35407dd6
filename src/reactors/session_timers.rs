//! What happens to sessions by itself when its time has come (contract 24): a silent one is paused, a paused one and one
//! that was never started are given up, and one that has used up its time is completed.

use aggregates::{
    Event,
    session::{Session, SessionEvent, SessionResumed, SessionStarted, SessionStatus},
};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt, stream};

use super::{Fired, Subscriber};
use crate::{
    command::{
        self, Caller, Commands,
        sessions::{Due, EndInTime},
    },
    config::Timeouts,
    interview::heartbeats,
    store::{Effects, StoredRecord, Timer},
};

/// Not started while its invite is valid.
const UNSTARTED: &str = "session.unstarted";
/// Not heard of for a while.
const SILENT: &str = "session.silent";
/// Longer than it may be.
const OVERTIME: &str = "session.overtime";
/// Paused for too long.
const RESTING: &str = "session.resting";

/// Heartbeats that other nodes have noted may take so long to be seen here.
const GRACE: TimeDelta = TimeDelta::seconds(2 * heartbeats::EVERY.num_seconds());
/// Sessions dealt with at once. Their commands are committed together.
const AT_ONCE: usize = 64;

/// Keeps the timers of sessions.
pub struct SessionTimers {
    timeouts: Timeouts,
    /// When this node began to listen. That nothing was heard before says nothing about the participants.
    since: DateTime<Utc>,
}

impl SessionTimers {
    /// Starts to listen now.
    pub fn new(timeouts: Timeouts, now: DateTime<Utc>) -> Self {
        Self { timeouts, since: now }
    }

    /// The first instant at which a session that was last heard of at `seen` counts as lost.
    fn lost_at(&self, seen: DateTime<Utc>) -> DateTime<Utc> {
        seen.max(self.since) + self.timeouts.heartbeat + GRACE
    }

    /// What is to be done with a session, and when to look again.
    async fn look(
        &self,
        commands: &Commands,
        timer: &Timer,
        seen: Option<DateTime<Utc>>,
    ) -> Result<(Option<Due>, Option<DateTime<Utc>>), command::Error> {
        let now = commands.now();
        if timer.kind == SILENT {
            return Ok(match seen {
                // It is over.
                None => (None, None),
                Some(seen) if now < self.lost_at(seen) => (None, Some(self.lost_at(seen))),
                Some(last_seen) => (Some(Due::HeartbeatLost { last_seen }), None),
            });
        }
        let Ok(id) = timer.stream.parse() else { return Ok((None, None)) };
        let due = |session: &Session| match timer.kind.as_str() {
            OVERTIME => session.time_limit(self.timeouts.answer),
            RESTING => session.paused_since().map(|since| since + self.timeouts.pause),
            _ => (session.status == SessionStatus::Created).then_some(session.start_by),
        };
        // All of them only ever move to later times, so what is remembered is good enough as long as it is not due.
        let session = commands.state(id, |session| due(session).is_some_and(|at| now < at)).await?;
        Ok(match session.and_then(|session| due(&session)) {
            None => (None, None),
            Some(at) if now < at => (None, Some(at)),
            Some(_) => match timer.kind.as_str() {
                OVERTIME => (Some(Due::TimeLimit { grace: self.timeouts.answer }), None),
                RESTING => (Some(Due::PauseTimeout(self.timeouts.pause)), None),
                _ => (Some(Due::NeverStarted), None),
            },
        })
    }

    async fn act(
        &self,
        commands: &Commands,
        caller: &Caller,
        timer: &Timer,
        seen: Option<DateTime<Utc>>,
    ) -> Result<Option<DateTime<Utc>>, command::Error> {
        let (due, again) = self.look(commands, timer, seen).await?;
        if let (Some(due), Ok(id)) = (due, timer.stream.parse()) {
            let outcomes = commands.run(caller, None, &EndInTime { due: vec![(id, due)] }).await?;
            if let Err(refusal) = outcomes.result {
                tracing::warn!(session = timer.stream, kind = timer.kind, %refusal, "a timeout had no effect");
            }
        }
        Ok(again)
    }
}

impl Subscriber for SessionTimers {
    const NAME: &'static str = "session-timers";
    const TIMERS: &'static [&'static str] = &[SILENT, OVERTIME, RESTING, UNSTARTED];

    fn observe(&self, record: &StoredRecord, effects: &mut Effects) -> Result<(), String> {
        if !record.stream.starts_with("ses_") || !record.name.starts_with("session.") {
            return Ok(());
        }
        let event =
            SessionEvent::decode(&record.name, record.schema, &record.data).map_err(|error| error.to_string())?;
        let stream = record.stream.as_str();
        let timer = |kind: &str, due_at: DateTime<Utc>| Timer {
            due_at: due_at.timestamp_micros(),
            kind: kind.to_owned(),
            organization: record.organization.clone(),
            stream: stream.to_owned(),
        };
        match event {
            SessionEvent::Created(created) => effects.set_timer(timer(UNSTARTED, created.start_by)),
            SessionEvent::Started(SessionStarted { at }) | SessionEvent::Resumed(SessionResumed { at, .. }) => {
                effects.clear_timer(UNSTARTED, stream);
                effects.clear_timer(RESTING, stream);
                effects.open_heartbeat(stream, at.timestamp_micros());
                effects.set_timer(timer(SILENT, self.lost_at(at)));
                // How much time is left stands in no event: the timer asks the session, and is set anew.
                effects.set_timer(timer(OVERTIME, at));
            }
            SessionEvent::Paused(paused) => {
                effects.clear_timer(SILENT, stream);
                effects.clear_timer(OVERTIME, stream);
                effects.set_timer(timer(RESTING, paused.at + self.timeouts.pause));
            }
            SessionEvent::Completed(_) | SessionEvent::Abandoned(_) => {
                for kind in Self::TIMERS {
                    effects.clear_timer(kind, stream);
                }
                effects.close_heartbeat(stream);
            }
            _ => {}
        }
        Ok(())
    }

    async fn fire(&self, commands: &Commands, organization: &str, timers: &[Timer]) -> Result<Fired, command::Error> {
        let Ok(organization) = organization.parse() else { return Ok(Fired::all(timers)) };
        let silent = timers.iter().filter(|timer| timer.kind == SILENT).map(|timer| timer.stream.clone());
        let silent: Vec<String> = silent.collect();
        let seen = if silent.is_empty() { Default::default() } else { commands.store.heartbeats(silent).await? };
        let mut fired = Fired::default();
        let acts = timers.iter().cloned().map(|timer| {
            let seen = seen.get(&timer.stream).and_then(|seen| DateTime::from_timestamp_micros(*seen));
            let caller =
                Caller { organization, actor: Self::NAME.to_owned(), request_id: format!("timer_{}", timer.due_at) };
            async move {
                let result = self.act(commands, &caller, &timer, seen).await;
                (timer, result)
            }
        });
        let acts: Vec<_> = acts.collect();
        let mut acts = stream::iter(acts).buffer_unordered(AT_ONCE);
        while let Some((timer, result)) = acts.next().await {
            match result {
                Ok(again) => {
                    fired.set.extend(again.map(|at| Timer { due_at: at.timestamp_micros(), ..timer.clone() }));
                    fired.done.push(timer);
                }
                Err(error) => fired.failed.push((timer, error)),
            }
        }
        Ok(fired)
    }
}

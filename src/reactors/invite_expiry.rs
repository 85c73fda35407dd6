//! Writes the expiry of invites into the log within seconds of their time (contract 17, 54).

use aggregates::{
    Event,
    invite::{Invite, InviteCommand, InviteEvent},
};

use super::{Fired, Subscriber};
use crate::{
    command::{self, Answer, Caller, Command, Commands, Stop, Work},
    store::{Effects, StoredRecord, Timer},
};

const KIND: &str = "invite.expire";

/// Sets a timer for each new invite, and expires those that are still pending when it is due.
pub struct InviteExpiry;

impl Subscriber for InviteExpiry {
    const NAME: &'static str = "invite-expiry";
    const TIMERS: &'static [&'static str] = &[KIND];

    fn observe(&self, record: &StoredRecord, effects: &mut Effects) -> Result<(), String> {
        if record.name != "invite.created" {
            return Ok(());
        }
        let event =
            InviteEvent::decode(&record.name, record.schema, &record.data).map_err(|error| error.to_string())?;
        if let InviteEvent::Created(created) = event {
            effects.set_timer(Timer {
                due_at: created.expires_at.timestamp_micros(),
                kind: KIND.to_owned(),
                organization: record.organization.clone(),
                stream: record.stream.clone(),
            });
        }
        Ok(())
    }

    async fn fire(&self, commands: &Commands, organization: &str, timers: &[Timer]) -> Result<Fired, command::Error> {
        let Ok(organization) = organization.parse() else { return Ok(Fired::all(timers)) };
        let caller =
            Caller { organization, actor: Self::NAME.to_owned(), request_id: format!("timer_{}", timers[0].due_at) };
        let expire = Expire { invites: timers.iter().filter_map(|timer| timer.stream.parse().ok()).collect() };
        // An invite that was answered or cancelled in time refuses nothing: there is no event then.
        commands.run(&caller, None, &expire).await?;
        Ok(Fired::all(timers))
    }
}

struct Expire {
    invites: Vec<aggregates::id::InviteId>,
}

impl Command for Expire {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let now = work.now();
        for id in &self.invites {
            work.load::<Invite>(*id).await?;
            work.execute::<Invite>(*id, InviteCommand::Expire { now })?;
        }
        Ok(Answer::no_content())
    }
}

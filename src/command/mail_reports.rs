//! Writing down what became of mails.

use aggregates::{
    Code, Refusal,
    id::InviteId,
    invite::{Invite, InviteCommand, MailReport},
};

use super::{Answer, Command, Stop, Work};
use crate::store::finished_mail;

/// Records what became of one of an invite's mails. What is known already, or no longer matters, changes nothing.
pub struct ReportMail {
    /// The invite.
    pub invite: InviteId,
    /// What is reported.
    pub report: MailReport,
    /// The queued mail that this settles; it leaves the queue in the same transaction.
    pub settles: Option<String>,
}

impl Command for ReportMail {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        match self.record(work).await {
            Ok(()) => {}
            // A report about what is not there: nothing to write, and nothing to keep in the queue.
            Err(Stop::Refused(Refusal { code: Code::NotFound, .. })) => {}
            Err(stop) => return Err(stop),
        }
        if let Some(id) = &self.settles {
            work.write(finished_mail(id));
        }
        Ok(Answer::no_content())
    }
}

impl ReportMail {
    async fn record(&self, work: &mut Work<'_>) -> Result<(), Stop> {
        work.load::<Invite>(self.invite).await?;
        work.execute::<Invite>(self.invite, InviteCommand::Report(self.report.clone()))
    }
}

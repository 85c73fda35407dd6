//! What is reported about an invite's mails, in every order (contract 21).

use aggregates::{
    Entity,
    invite::{
        Invite, InviteBounced, InviteCommand, InviteCreated, InviteDelivered, InviteError, InviteEvent, InviteOpened,
        InviteResent, InviteSendFailed, InviteSent, MailFate, MailReport, MailStage, SendFailure,
    },
    value::{Email, Metadata},
};

use crate::common::{at, given, id};

fn created(send_email: bool) -> InviteEvent {
    InviteEvent::Created(InviteCreated {
        invite_id: id(4),
        organization_id: id(1),
        campaign_id: id(3),
        email: Email::parse("ada@example.com").expect("good").into(),
        name: None.into(),
        metadata: Metadata::default().into(),
        expires_at: at(3_600),
        send_email,
        email_template: None,
        token_generation: 1,
        unique: false,
    })
}

fn report(mail: u32, fate: MailFate) -> InviteCommand {
    InviteCommand::Report(MailReport { mail, fate })
}

fn bounced() -> MailFate {
    MailFate::Bounced { code: Some("5.1.1".into()) }
}

fn rejected() -> MailFate {
    MailFate::NotSent { reason: SendFailure::Rejected, code: Some("550 5.1.1".into()) }
}

fn sent(mail: u32) -> InviteEvent {
    InviteEvent::Sent(InviteSent { mail })
}

fn delivered(mail: u32) -> InviteEvent {
    InviteEvent::Delivered(InviteDelivered { mail })
}

fn opened(mail: u32) -> InviteEvent {
    InviteEvent::Opened(InviteOpened { mail })
}

#[test]
fn the_usual_course() {
    let mut history = vec![created(true)];
    for (fate, event) in [(MailFate::Sent, sent(1)), (MailFate::Delivered, delivered(1)), (MailFate::Opened, opened(1))]
    {
        given::<Invite>(&history).when(report(1, fate.clone())).then_expect_events(vec![event.clone()]);
        history.push(event);
        given::<Invite>(&history).when(report(1, fate)).then_expect_events(vec![]);
    }
    let late = [MailFate::Sent, MailFate::Delivered, bounced(), rejected()];
    for fate in late {
        given::<Invite>(&history).when(report(1, fate)).then_expect_events(vec![]);
    }
}

#[test]
fn it_may_fail_or_come_back() {
    let failed = InviteEvent::SendFailed(InviteSendFailed {
        mail: 1,
        reason: SendFailure::Rejected,
        code: Some("550 5.1.1".into()),
    });
    let back = InviteEvent::Bounced(InviteBounced { mail: 1, code: Some("5.1.1".into()) });
    given::<Invite>(&[created(true)]).when(report(1, rejected())).then_expect_events(vec![failed.clone()]);
    given::<Invite>(&[created(true), sent(1)]).when(report(1, rejected())).then_expect_events(vec![]);
    for before in [vec![created(true), sent(1)], vec![created(true), sent(1), delivered(1)]] {
        given::<Invite>(&before).when(report(1, bounced())).then_expect_events(vec![back.clone()]);
    }
    // What a reader has seen was delivered, however late the bounce of some gateway comes, and whatever it says before.
    let read = [created(true), sent(1), back.clone()];
    given::<Invite>(&read).when(report(1, MailFate::Opened)).then_expect_events(vec![opened(1)]);
    given::<Invite>(&read).when(report(1, MailFate::Delivered)).then_expect_events(vec![]);
    given::<Invite>(&[created(true), failed.clone()])
        .when(report(1, MailFate::Delivered))
        .then_expect_events(vec![delivered(1)]);
    given::<Invite>(&[created(true), failed]).when(report(1, bounced())).then_expect_events(vec![]);
}

#[test]
fn a_report_that_overtakes_the_note_of_sending_implies_it() {
    for (fate, event) in [
        (MailFate::Delivered, delivered(1)),
        (MailFate::Opened, opened(1)),
        (bounced(), InviteEvent::Bounced(InviteBounced { mail: 1, code: Some("5.1.1".into()) })),
    ] {
        given::<Invite>(&[created(true)]).when(report(1, fate)).then_expect_events(vec![sent(1), event.clone()]);
        given::<Invite>(&[created(true), sent(1), event]).when(report(1, MailFate::Sent)).then_expect_events(vec![]);
    }
}

#[test]
fn a_resend_makes_what_was_before_it_matter_no_more() {
    let resent = || InviteEvent::Resent(InviteResent { resent_at: at(90) });
    let history = [created(true), sent(1), resent()];
    for fate in [MailFate::Delivered, MailFate::Opened, bounced(), rejected()] {
        given::<Invite>(&history).when(report(1, fate)).then_expect_events(vec![]);
    }
    given::<Invite>(&history).when(report(2, MailFate::Sent)).then_expect_events(vec![sent(2)]);
    given::<Invite>(&history).when(report(3, MailFate::Sent)).then_expect_error(InviteError::NoSuchMail);
    given::<Invite>(&history).when(report(0, MailFate::Sent)).then_expect_error(InviteError::NoSuchMail);
    // Without a first mail, the resend's is the first.
    given::<Invite>(&[created(false), resent()]).when(report(1, MailFate::Sent)).then_expect_events(vec![sent(1)]);
    given::<Invite>(&[created(false)]).when(report(1, MailFate::Opened)).then_expect_error(InviteError::NoSuchMail);
    given::<Invite>(&[]).when(report(1, MailFate::Opened)).then_expect_error(InviteError::NotFound);
}

#[test]
fn a_mail_that_is_not_needed_any_more_counts_as_not_asked_for() {
    let obsolete = InviteEvent::SendFailed(InviteSendFailed {
        mail: 1,
        reason: SendFailure::Obsolete,
        code: Some("cancelled".into()),
    });
    let invite = Invite::replay([created(true), obsolete]);
    assert_eq!((invite.mails, invite.mail), (1, MailStage::None));
}

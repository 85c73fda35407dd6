use aggregates::{
    Code, Entity, Event, Personal,
    id::{InviteId, SessionId},
    invite::{
        BulkInput, Invite, InviteCancelled, InviteCommand, InviteCompleted, InviteCreated, InviteError, InviteEvent,
        InviteExpired, InviteResent, InviteSessionOpened, InviteStarted, InviteStatus, InviteTerms, NewInvite,
        NewInviteInput,
    },
    value::{Email, Metadata},
};
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use crate::common::{at, fields, given, id, invalid, malformed, object, read, refusal, t0};

pub fn terms() -> InviteTerms {
    InviteTerms { now: t0(), expires_in: None, email_template: None }
}

fn new_invite(send_email: bool) -> NewInvite {
    let body = json!({"email": "Ada@Example.com", "name": "Ada", "metadata": {"k": "v"}, "sendEmail": send_email});
    read::<NewInviteInput>(body).validate(&terms()).expect("good")
}

pub fn create(send_email: bool) -> InviteCommand {
    InviteCommand::Create {
        invite_id: id(4),
        organization_id: id(1),
        campaign_id: id(3),
        invite: new_invite(send_email),
        unique: true,
    }
}

fn created(send_email: bool) -> InviteEvent {
    InviteEvent::Created(InviteCreated {
        invite_id: id(4),
        organization_id: id(1),
        campaign_id: id(3),
        email: Email::parse("Ada@Example.com").expect("good").into(),
        name: Personal::Clear(Some("Ada".into())),
        metadata: Metadata::try_from(object(json!({"k": "v"}))).expect("good").into(),
        expires_at: t0() + Duration::days(7),
        send_email,
        email_template: None,
        token_generation: 1,
        unique: true,
    })
}

fn resent(now: DateTime<Utc>) -> InviteEvent {
    InviteEvent::Resent(InviteResent { resent_at: now })
}

fn cancelled() -> InviteEvent {
    InviteEvent::Cancelled(InviteCancelled {})
}

fn expired() -> InviteEvent {
    InviteEvent::Expired(InviteExpired {})
}

const WEEK: i64 = 7 * 86_400;

#[test]
fn it_is_created_once_and_names_its_subject() {
    given::<Invite>(&[]).when(create(true)).then_expect_events(vec![created(true)]);
    given::<Invite>(&[created(true)]).when(create(true)).then_expect_error(InviteError::AlreadyExists);
    assert_eq!(created(true).subject(), Some("ada@example.com"));
    assert_eq!(resent(t0()).subject(), None);
}

#[test]
fn the_state_says_nothing_about_the_person() {
    let text = serde_json::to_string(&Invite::replay([created(true), resent(at(90))])).expect("writable");
    assert!(!text.to_lowercase().contains("ada") && !text.contains("example"), "{text}");
}

#[test]
fn a_mail_is_resent_at_most_once_a_minute() {
    let resend = |seconds| InviteCommand::Resend { now: at(seconds) };
    given::<Invite>(&[created(false)]).when(resend(0)).then_expect_events(vec![resent(at(0))]);
    given::<Invite>(&[created(true)]).when(resend(1)).then_expect_events(vec![resent(at(1))]);
    let history = [created(false), resent(at(100))];
    given::<Invite>(&history).when(resend(159)).then_expect_error(InviteError::TooSoon { retry_after: 1 });
    given::<Invite>(&history).when(resend(160)).then_expect_events(vec![resent(at(160))]);
    let almost = InviteCommand::Resend { now: at(160) - Duration::microseconds(1) };
    let refusal = refusal::<Invite>(&history, almost);
    assert_eq!((refusal.code, refusal.retry_after), (Code::RateLimited, Some(1)));
    given::<Invite>(&history).when(resend(-500)).then_expect_error(InviteError::TooSoon { retry_after: 60 });
}

#[test]
fn only_a_pending_invite_is_resent_or_cancelled() {
    let commands = |now| [InviteCommand::Resend { now }, InviteCommand::Cancel { now }];
    for command in commands(at(100)) {
        given::<Invite>(&[]).when(command.clone()).then_expect_error(InviteError::NotFound);
        given::<Invite>(&[created(true), cancelled()])
            .when(command.clone())
            .then_expect_error(InviteError::NotPending(InviteStatus::Cancelled));
        assert_eq!(refusal::<Invite>(&[created(true), cancelled()], command.clone()).code, Code::InviteNotPending);
        assert_eq!(refusal::<Invite>(&[created(true), expired()], command).code, Code::InviteExpired);
    }
    given::<Invite>(&[created(true)])
        .when(InviteCommand::Cancel { now: at(WEEK - 1) })
        .then_expect_events(vec![cancelled()]);
}

#[test]
fn expiry_holds_from_the_very_second_even_when_it_is_not_recorded() {
    let invite = Invite::replay([created(true)]);
    assert_eq!(invite.status_at(at(WEEK) - Duration::microseconds(1)), InviteStatus::Pending);
    assert_eq!(invite.status_at(at(WEEK)), InviteStatus::Expired);
    for command in [InviteCommand::Resend { now: at(WEEK) }, InviteCommand::Cancel { now: at(WEEK) }] {
        given::<Invite>(&[created(true)]).when(command).then_expect_error(InviteError::Expired);
    }
    let cancelled = Invite::replay([created(true), cancelled()]);
    assert_eq!(cancelled.status_at(at(WEEK)), InviteStatus::Cancelled);
}

#[test]
fn the_expiry_is_recorded_once_and_not_early() {
    let expire = |seconds| InviteCommand::Expire { now: at(seconds) };
    given::<Invite>(&[created(true)]).when(expire(WEEK - 1)).then_expect_error(InviteError::NotDue);
    given::<Invite>(&[created(true)]).when(expire(WEEK)).then_expect_events(vec![expired()]);
    for done in [cancelled(), expired()] {
        given::<Invite>(&[created(true), done]).when(expire(WEEK)).then_expect_events(vec![]);
    }
    given::<Invite>(&[]).when(expire(WEEK)).then_expect_error(InviteError::NotFound);
}

fn expiry(body: Value, terms: &InviteTerms) -> Result<i64, Vec<(String, String)>> {
    let mut body = body;
    body["email"] = json!("a@example.com");
    match read::<NewInviteInput>(body).check(terms) {
        Ok(invite) => Ok((invite.expires_at - t0()).num_minutes()),
        Err(errors) => Err(errors.into_iter().map(|error| (error.field, error.code)).collect()),
    }
}

#[test]
fn the_nearest_word_on_expiry_counts() {
    let default = InviteTerms { expires_in: Some(Duration::hours(2)), ..terms() };
    assert_eq!(expiry(json!({}), &terms()), Ok(7 * 1440));
    assert_eq!(expiry(json!({}), &default), Ok(120));
    assert_eq!(expiry(json!({"expiresIn": "5m"}), &default), Ok(5));
    assert_eq!(expiry(json!({"expiresIn": "365d"}), &default), Ok(365 * 1440));
    assert_eq!(expiry(json!({"expiresIn": "5m", "expiresAt": "2024-01-15T10:40:00Z"}), &default), Ok(10));
    assert_eq!(expiry(json!({"expiresAt": "2024-01-15T12:31:00+02:00"}), &default), Ok(1));
    let error = |field: &str, code: &str| Err(vec![(field.to_owned(), code.to_owned())]);
    assert_eq!(expiry(json!({"expiresIn": "4m"}), &default), error("expiresIn", "out_of_range"));
    assert_eq!(expiry(json!({"expiresIn": "366d"}), &default), error("expiresIn", "out_of_range"));
    assert_eq!(expiry(json!({"expiresIn": "soon"}), &default), error("expiresIn", "invalid_format"));
    assert_eq!(expiry(json!({"expiresAt": "2024-01-15T10:30:00Z"}), &default), error("expiresAt", "in_the_past"));
    assert_eq!(expiry(json!({"expiresAt": "2025-01-15T10:30:00Z"}), &default), error("expiresAt", "out_of_range"));
    assert_eq!(expiry(json!({"expiresAt": "soon"}), &default), error("expiresAt", "invalid_format"));
    let late = InviteTerms { now: t0() + Duration::milliseconds(999), ..default };
    let invite = read::<NewInviteInput>(json!({"email": "a@example.com"})).check(&late).expect("good");
    assert_eq!(invite.expires_at, t0() + Duration::hours(2), "what is shown is what holds");
}

#[test]
fn fields_are_checked_all_at_once() {
    let bad = json!({
        "email": "ada", "name": "x".repeat(101), "metadata": {"a": {}}, "emailTemplate": "a\u{0}b", "expiresIn": "x",
    });
    let refusal = invalid(read::<NewInviteInput>(bad).validate(&terms()));
    assert_eq!(
        fields(&refusal),
        [
            ("email", "invalid_format"),
            ("emailTemplate", "invalid_format"),
            ("name", "too_long"),
            ("metadata.a", "invalid_value"),
            ("expiresIn", "invalid_format"),
        ]
    );
    let refusal = malformed::<NewInviteInput>(json!({"sendEmail": "yes", "metadata": []}));
    assert_eq!(fields(&refusal), [("email", "required"), ("sendEmail", "invalid_type"), ("metadata", "invalid_type")]);
    let warm = InviteTerms { email_template: Some("warm".into()), ..terms() };
    let template = |body| read::<NewInviteInput>(body).check(&warm).expect("good").email_template;
    assert_eq!(template(json!({"email": "a@example.com"})).as_deref(), Some("warm"));
    assert_eq!(template(json!({"email": "a@example.com", "emailTemplate": "cool"})).as_deref(), Some("cool"));
}

#[test]
fn a_bad_item_does_not_sink_the_others() {
    let input = read::<BulkInput>(json!({
        "sendEmail": false, "expiresIn": "1h",
        "invites": [
            {"email": "a@example.com"},
            {"email": "b@example.com", "sendEmail": true, "expiresAt": "2024-01-15T10:40:00Z"},
            {"name": "nobody"},
            {"email": 5},
            {"email": "bad", "metadata": {"x": null}},
        ],
    }));
    let items = input.validate(&terms()).expect("read");
    let good: Vec<_> = items.iter().filter_map(|item| item.result.as_ref().ok()).collect();
    assert_eq!(good.len(), 2);
    assert_eq!((good[0].send_email, good[0].expires_at), (false, t0() + Duration::hours(1)));
    assert_eq!((good[1].send_email, good[1].expires_at), (true, t0() + Duration::minutes(10)));
    assert_eq!(items[4].email.as_deref(), Some("bad"));
    let errors = BulkInput::errors(&items);
    let errors: Vec<_> = errors.iter().map(|error| (error.field.as_str(), error.code.as_str())).collect();
    assert_eq!(
        errors,
        [
            ("invites[2].email", "required"),
            ("invites[3].email", "invalid_type"),
            ("invites[4].email", "invalid_format"),
            ("invites[4].metadata.x", "invalid_value"),
        ]
    );
}

#[test]
fn a_bulk_request_is_bounded_and_made_of_objects() {
    let many = |n: usize| -> Value { (0..n).map(|i| json!({"email": format!("p{i}@example.com")})).collect() };
    let validate = |body| read::<BulkInput>(body).validate(&terms());
    assert_eq!(validate(json!({"invites": many(500)})).expect("good").len(), 500);
    assert_eq!(fields(&invalid(validate(json!({"invites": many(501)})))), [("invites", "too_many")]);
    let refusal = invalid(validate(json!({"invites": [], "expiresIn": "1m"})));
    assert_eq!(fields(&refusal), [("invites", "too_few"), ("expiresIn", "out_of_range")]);
    let refusal = malformed::<BulkInput>(json!({"invites": [{}, "ada@example.com"]}));
    assert_eq!(fields(&refusal), [("invites[1]", "invalid_type")]);
    assert_eq!(fields(&malformed::<BulkInput>(json!({}))), [("invites", "required")]);
}

#[test]
fn the_id_carries_the_instant() {
    assert_eq!(aggregates::id::Id::instant(&id::<InviteId>(4)), t0());
}

#[test]
fn an_invite_has_one_live_session_and_is_started_by_its_start() {
    let (first, second, other) = (id::<SessionId>(20), id::<SessionId>(21), id::<SessionId>(22));
    let open = |session_id, replaces, now| InviteCommand::OpenSession { session_id, replaces, now };
    let start = |session_id, now| InviteCommand::Start { session_id, now };
    let opened = |session_id| InviteEvent::SessionOpened(InviteSessionOpened { session_id });
    let week = t0() + Duration::days(7);
    given::<Invite>(&[created(true)]).when(open(first, None, at(1))).then_expect_events(vec![opened(first)]);
    assert_eq!(refusal::<Invite>(&[created(true)], open(first, None, week)).code, Code::InviteExpired);
    assert_eq!(refusal::<Invite>(&[created(true), cancelled()], open(first, None, at(1))).code, Code::InviteCancelled);
    assert_eq!(refusal::<Invite>(&[], open(first, None, at(1))).code, Code::NotFound);

    // Only whoever knows the session that is over may put another in its place.
    let one = [created(true), opened(first)];
    assert_eq!(refusal::<Invite>(&one, open(second, None, at(2))).code, Code::Conflict);
    assert_eq!(refusal::<Invite>(&one, open(second, Some(other), at(2))).code, Code::Conflict);
    given::<Invite>(&one).when(open(second, Some(first), at(2))).then_expect_events(vec![opened(second)]);

    // It waits until the start: it can be cancelled, and it expires.
    given::<Invite>(&one).when(InviteCommand::Cancel { now: at(2) }).then_expect_events(vec![cancelled()]);
    given::<Invite>(&one).when(InviteCommand::Expire { now: week }).then_expect_events(vec![expired()]);
    assert_eq!(refusal::<Invite>(&one, start(first, week)).code, Code::InviteExpired);
    assert_eq!(refusal::<Invite>(&one, start(other, at(2))).code, Code::Conflict);
    let begun = InviteEvent::Started(InviteStarted { session_id: first });
    given::<Invite>(&one).when(start(first, at(2))).then_expect_events(vec![begun.clone()]);

    // From then on neither its expiry nor anybody else touches it.
    let running = [created(true), opened(first), begun];
    given::<Invite>(&running).when(InviteCommand::Expire { now: week }).then_expect_events(vec![]);
    assert_eq!(refusal::<Invite>(&running, InviteCommand::Cancel { now: at(3) }).code, Code::InviteNotPending);
    assert_eq!(refusal::<Invite>(&running, start(first, at(3))).code, Code::SessionNotActive);
    assert_eq!(refusal::<Invite>(&running, open(second, Some(first), at(3))).code, Code::SessionNotActive);
    assert_eq!(refusal::<Invite>(&running, InviteCommand::Complete { session_id: other }).code, Code::Conflict);
    let done = InviteEvent::Completed(InviteCompleted { session_id: first });
    let complete = InviteCommand::Complete { session_id: first };
    given::<Invite>(&running).when(complete.clone()).then_expect_events(vec![done.clone()]);
    assert_eq!(refusal::<Invite>(&one, complete.clone()).code, Code::InviteNotPending);
    let over = [running.as_slice(), &[done]].concat();
    assert_eq!(refusal::<Invite>(&over, complete).code, Code::InviteNotPending);
    assert_eq!(Invite::replay(over).status, InviteStatus::Completed);
}

use aggregates::{
    Code, Entity, Event,
    member::{
        Member, MemberAccepted, MemberCommand, MemberError, MemberEvent, MemberInvited, MemberPatch, MemberPatchInput,
        MemberReinvited, MemberRemoved, MemberRenamed, MemberRole, MemberRoleChanged, NewMember, NewMemberInput,
    },
    value::{Change, Email},
};
use serde_json::json;

use crate::common::{at, fields, given, id, invalid, malformed, read, refusal, t0};

const WEEK: i64 = 7 * 86_400;

pub fn person(role: MemberRole) -> NewMember {
    NewMember { email: Email::parse("Ada@example.com").expect("good"), name: Some("Ada".into()), role }
}

pub fn invite(role: MemberRole, seconds: i64) -> MemberCommand {
    MemberCommand::Invite { member_id: id(8), organization_id: id(1), member: person(role), now: at(seconds) }
}

fn invited(role: MemberRole) -> MemberEvent {
    MemberEvent::Invited(MemberInvited {
        member_id: id(8),
        organization_id: id(1),
        email: Email::parse("Ada@example.com").expect("good").into(),
        name: Some("Ada".to_owned()).into(),
        role,
        invited_at: t0(),
        expires_at: at(WEEK),
    })
}

fn reinvited(role: MemberRole, seconds: i64) -> MemberEvent {
    MemberEvent::Reinvited(MemberReinvited {
        name: Some("Ada".to_owned()).into(),
        role,
        invited_at: at(seconds),
        expires_at: at(seconds + WEEK),
    })
}

fn accepted() -> MemberEvent {
    MemberEvent::Accepted(MemberAccepted {})
}

fn removed() -> MemberEvent {
    MemberEvent::Removed(MemberRemoved {})
}

fn accept(invitation: u32, seconds: i64) -> MemberCommand {
    MemberCommand::Accept { invitation, now: at(seconds) }
}

fn reinvite(role: MemberRole, seconds: i64) -> MemberCommand {
    MemberCommand::Reinvite { member: NewMember { name: None, ..person(role) }, now: at(seconds) }
}

fn role(role: MemberRole, owners: i64) -> MemberCommand {
    MemberCommand::Update { patch: MemberPatch { role: Some(role), ..MemberPatch::default() }, owners }
}

#[test]
fn a_person_is_invited_and_accepts_within_seven_days() {
    given::<Member>(&[]).when(invite(MemberRole::Admin, 0)).then_expect_events(vec![invited(MemberRole::Admin)]);
    let history = [invited(MemberRole::Admin)];
    given::<Member>(&history).when(accept(1, WEEK - 1)).then_expect_events(vec![accepted()]);
    given::<Member>(&history).when(accept(1, WEEK)).then_expect_error(MemberError::Expired);
    given::<Member>(&history).when(accept(2, 1)).then_expect_error(MemberError::Replaced);
    given::<Member>(&history).when(invite(MemberRole::Admin, 0)).then_expect_error(MemberError::AlreadyExists);
    let history = [invited(MemberRole::Admin), accepted()];
    given::<Member>(&history).when(accept(1, 2)).then_expect_error(MemberError::AlreadyAccepted);
    given::<Member>(&history).when(accept(1, WEEK)).then_expect_error(MemberError::AlreadyAccepted);
    given::<Member>(&[]).when(accept(1, 0)).then_expect_error(MemberError::NotFound);
}

#[test]
fn another_invitation_replaces_the_one_before() {
    let history = [invited(MemberRole::Admin)];
    for (seconds, wait) in [(0, 60), (59, 1)] {
        let refusal = refusal::<Member>(&history, reinvite(MemberRole::Owner, seconds));
        assert_eq!((refusal.code, refusal.retry_after), (Code::RateLimited, Some(wait)));
    }
    given::<Member>(&history)
        .when(reinvite(MemberRole::Owner, 60))
        .then_expect_events(vec![reinvited(MemberRole::Owner, 60)]);
    // Also when the first one has expired.
    let again = || reinvited(MemberRole::Viewer, WEEK + 5);
    given::<Member>(&history).when(reinvite(MemberRole::Viewer, WEEK + 5)).then_expect_events(vec![again()]);
    let history = [invited(MemberRole::Admin), again()];
    given::<Member>(&history).when(accept(1, WEEK + 6)).then_expect_error(MemberError::Replaced);
    given::<Member>(&history).when(accept(2, WEEK + 6)).then_expect_events(vec![accepted()]);
    let history = [invited(MemberRole::Admin), accepted()];
    given::<Member>(&history).when(reinvite(MemberRole::Viewer, 900)).then_expect_error(MemberError::AlreadyActive);
    given::<Member>(&[]).when(reinvite(MemberRole::Viewer, 0)).then_expect_error(MemberError::NotFound);
}

#[test]
fn the_last_active_owner_stays() {
    let owner = [invited(MemberRole::Owner), accepted()];
    for owners in [0, 1] {
        for command in [MemberCommand::Remove { owners }, role(MemberRole::Admin, owners)] {
            assert_eq!(refusal::<Member>(&owner, command).code, Code::LastOwner);
        }
        given::<Member>(&owner).when(role(MemberRole::Owner, owners)).then_expect_events(vec![]);
    }
    let changed = MemberEvent::RoleChanged(MemberRoleChanged { role: MemberRole::Admin });
    given::<Member>(&owner).when(MemberCommand::Remove { owners: 2 }).then_expect_events(vec![removed()]);
    given::<Member>(&owner).when(role(MemberRole::Admin, 2)).then_expect_events(vec![changed.clone()]);
    // Who has not accepted yet is no owner, and whoever is something else does not matter to that.
    for other in [vec![invited(MemberRole::Owner)], vec![invited(MemberRole::Member), accepted()]] {
        given::<Member>(&other).when(MemberCommand::Remove { owners: 1 }).then_expect_events(vec![removed()]);
        given::<Member>(&other).when(role(MemberRole::Admin, 1)).then_expect_events(vec![changed.clone()]);
    }
}

#[test]
fn nothing_comes_after_removal() {
    let history = [invited(MemberRole::Owner), accepted(), removed()];
    for command in [
        MemberCommand::Remove { owners: 2 },
        role(MemberRole::Admin, 2),
        accept(1, 1),
        reinvite(MemberRole::Admin, 900),
    ] {
        assert_eq!(refusal::<Member>(&history, command).code, Code::NotFound);
    }
    assert_eq!(refusal::<Member>(&history, invite(MemberRole::Admin, 0)).code, Code::Conflict);
    assert_eq!(Member::replay(history).organization_id(), None);
}

#[test]
fn a_name_can_change_as_long_as_the_person_is_known() {
    let rename = |name| MemberCommand::Update { patch: MemberPatch { name, role: None }, owners: 0 };
    let history = [invited(MemberRole::Viewer)];
    let renamed = |name: Option<&str>| MemberEvent::Renamed(MemberRenamed { name: name.map(str::to_owned).into() });
    given::<Member>(&history).when(rename(Change::Clear)).then_expect_events(vec![renamed(None)]);
    given::<Member>(&history).when(rename(Change::Set("Bo".into()))).then_expect_events(vec![renamed(Some("Bo"))]);
    given::<Member>(&history).when(rename(Change::Set("Ada".into()))).then_expect_events(vec![]);
    let MemberEvent::Invited(event) = invited(MemberRole::Viewer) else { panic!("it was") };
    let erased = [MemberEvent::Invited(MemberInvited {
        email: aggregates::Personal::Erased,
        name: aggregates::Personal::Erased,
        ..event
    })];
    given::<Member>(&erased).when(rename(Change::Set("Bo".into()))).then_expect_error(MemberError::Erased);
    given::<Member>(&erased).when(MemberCommand::Remove { owners: 0 }).then_expect_events(vec![removed()]);
}

#[test]
fn address_and_names_are_sealed_under_the_person() {
    assert_eq!(invited(MemberRole::Owner).subject(), Some("ada@example.com"));
    assert_eq!(Member::replay([invited(MemberRole::Owner)]).subject(), Some("ada@example.com"));
    for event in [invited(MemberRole::Owner), reinvited(MemberRole::Owner, 60)] {
        assert!(event.encode().is_err(), "in the clear it cannot be written at all");
    }
}

#[test]
fn fields_are_checked() {
    let bad =
        invalid(read::<NewMemberInput>(json!({"email": "ada", "name": "x".repeat(101), "role": "king"})).validate());
    assert_eq!(fields(&bad), [("email", "invalid_format"), ("name", "too_long"), ("role", "invalid_enum")]);
    let bad = malformed::<NewMemberInput>(json!({"name": 1, "role": []}));
    assert_eq!(fields(&bad), [("email", "required"), ("name", "invalid_type"), ("role", "invalid_type")]);
    let plain = read::<NewMemberInput>(json!({"email": " Ada@example.com ", "name": " "})).validate().expect("good");
    assert_eq!(plain, NewMember { name: None, ..person(MemberRole::Member) });
    let bad = invalid(read::<MemberPatchInput>(json!({"role": null, "name": "a\nb"})).validate());
    assert_eq!(fields(&bad), [("role", "required"), ("name", "invalid_format")]);
}

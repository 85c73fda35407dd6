use aggregates::{
    Code,
    member::{Member, MemberCommand, MemberPatch, MemberRole},
};
use proptest::{prelude::*, sample::select};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use crate::{
    common::{Live, at},
    members,
    models::{Outcome, run},
};

const WEEK: i64 = 7 * 86_400;
const SEATS: usize = 3;

/// What one of the people is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Seat {
    #[default]
    Free,
    Invited {
        at: i64,
        times: u32,
        role: MemberRole,
    },
    Active(MemberRole),
    Gone,
}

/// An organization of a few people, which is never left without an owner once it has one.
#[derive(Clone, Debug)]
struct Model {
    now: i64,
    seats: [Seat; SEATS],
    had_owner: bool,
    /// Of the move before: what came of it, and how many owners there were.
    outcome: Outcome,
    owners_before: i64,
}

#[derive(Clone, Debug)]
enum Move {
    Wait(i64),
    Invite(usize, MemberRole),
    Reinvite(usize, MemberRole),
    Accept(usize, u32),
    Role(usize, MemberRole),
    Remove(usize),
}

impl Model {
    fn owners(&self) -> i64 {
        self.seats.iter().map(|seat| i64::from(*seat == Seat::Active(MemberRole::Owner))).sum()
    }

    fn decide(&mut self, mv: &Move) -> Outcome {
        let (now, last) = (self.now, self.owners() == 1);
        let is_last = |seat: Seat| last && seat == Seat::Active(MemberRole::Owner);
        match *mv {
            Move::Wait(seconds) => {
                self.now += seconds;
                return Ok(0);
            }
            Move::Invite(n, role) => match self.seats[n] {
                Seat::Free => self.seats[n] = Seat::Invited { at: now, times: 1, role },
                _ => return Err(Code::Conflict),
            },
            Move::Reinvite(n, role) => match self.seats[n] {
                Seat::Invited { at, .. } if now < at + 60 => return Err(Code::RateLimited),
                Seat::Invited { times, .. } => self.seats[n] = Seat::Invited { at: now, times: times + 1, role },
                Seat::Active(_) => return Err(Code::Conflict),
                Seat::Free | Seat::Gone => return Err(Code::NotFound),
            },
            Move::Accept(n, invitation) => match self.seats[n] {
                Seat::Invited { times, .. } if invitation != times => return Err(Code::NotFound),
                Seat::Invited { at, .. } if now >= at + WEEK => return Err(Code::InviteExpired),
                Seat::Invited { role, .. } => self.seats[n] = Seat::Active(role),
                // Which invitation it was is not remembered here, so the test only tries what cannot be it.
                Seat::Active(_) | Seat::Free | Seat::Gone => return Err(Code::NotFound),
            },
            Move::Role(n, role) => match self.seats[n] {
                Seat::Active(old) if old == role => return Ok(0),
                seat @ Seat::Active(_) if is_last(seat) => return Err(Code::LastOwner),
                Seat::Active(_) => self.seats[n] = Seat::Active(role),
                Seat::Invited { role: old, .. } if old == role => return Ok(0),
                Seat::Invited { at, times, .. } => self.seats[n] = Seat::Invited { at, times, role },
                Seat::Free | Seat::Gone => return Err(Code::NotFound),
            },
            Move::Remove(n) => match self.seats[n] {
                seat if is_last(seat) => return Err(Code::LastOwner),
                Seat::Invited { .. } | Seat::Active(_) => self.seats[n] = Seat::Gone,
                Seat::Free | Seat::Gone => return Err(Code::NotFound),
            },
        }
        Ok(1)
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Move;

    fn init_state() -> BoxedStrategy<Self> {
        let seats = [Seat::Free; SEATS];
        Just(Self { now: 0, seats, had_owner: false, outcome: Ok(0), owners_before: 0 }).boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Move> {
        let seat = || 0..SEATS;
        let role = || select(vec![MemberRole::Owner, MemberRole::Owner, MemberRole::Admin]);
        let seats = model.seats;
        let accept = (seat(), 0..4_u32).prop_map(move |(n, other)| match seats[n] {
            Seat::Invited { times, .. } if other > 0 => Move::Accept(n, times),
            _ => Move::Accept(n, 99),
        });
        prop_oneof![
            2 => (0..70_i64).prop_map(Move::Wait),
            1 => (WEEK - 100..WEEK + 100).prop_map(Move::Wait),
            4 => (seat(), role()).prop_map(|(n, role)| Move::Invite(n, role)),
            2 => (seat(), role()).prop_map(|(n, role)| Move::Reinvite(n, role)),
            5 => accept,
            4 => (seat(), role()).prop_map(|(n, role)| Move::Role(n, role)),
            3 => seat().prop_map(Move::Remove),
        ]
        .boxed()
    }

    fn apply(mut model: Self, mv: &Move) -> Self {
        model.owners_before = model.owners();
        model.outcome = model.decide(mv);
        model.had_owner |= model.owners() > 0;
        model
    }
}

struct Test;

impl StateMachineTest for Test {
    type SystemUnderTest = [Live<Member>; SEATS];
    type Reference = Model;

    fn init_test(_: &Model) -> Self::SystemUnderTest {
        std::array::from_fn(|_| Live::default())
    }

    fn apply(mut live: Self::SystemUnderTest, model: &Model, mv: Move) -> Self::SystemUnderTest {
        let (now, owners) = (at(model.now), model.owners_before);
        let (n, command) = match mv {
            Move::Wait(_) => return live,
            Move::Invite(n, role) => (n, members::invite(role, model.now)),
            Move::Reinvite(n, role) => (n, MemberCommand::Reinvite { member: members::person(role), now }),
            Move::Accept(n, invitation) => (n, MemberCommand::Accept { invitation, now }),
            Move::Role(n, role) => {
                let patch = MemberPatch { role: Some(role), ..MemberPatch::default() };
                (n, MemberCommand::Update { patch, owners })
            }
            Move::Remove(n) => (n, MemberCommand::Remove { owners }),
        };
        assert_eq!(run(&mut live[n], command), model.outcome);
        live
    }

    fn check_invariants(live: &Self::SystemUnderTest, model: &Model) {
        for (live, seat) in live.iter().zip(&model.seats) {
            live.check();
            let is = &live.state;
            match *seat {
                Seat::Free => assert_eq!(is.id, None),
                Seat::Invited { role, times, .. } => {
                    assert_eq!((is.active, is.role, is.invitation), (false, role, times));
                }
                Seat::Active(role) => assert_eq!((is.active, is.role, is.removed), (true, role, false)),
                Seat::Gone => assert!(is.removed),
            }
        }
        assert!(!model.had_owner || model.owners() > 0, "nobody owns it any more");
    }
}

prop_state_machine! {
    #[test]
    fn members_behave_like_their_model(sequential 1..50 => Test);
}

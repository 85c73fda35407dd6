use aggregates::{
    Code, Entity,
    invite::{Invite, InviteCommand, InviteStatus},
};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use crate::{
    common::{Live, at},
    invites,
    models::{Outcome, run},
};

const WEEK: i64 = 7 * 86_400;

/// An invite is a clock that runs out, unless somebody stops it first.
#[derive(Clone, Debug)]
struct Model {
    now: i64,
    status: Option<InviteStatus>,
    resent: Option<i64>,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
enum Move {
    Wait(i64),
    Create { send_email: bool },
    Resend,
    Cancel,
    Expire,
}

impl Model {
    fn decide(&mut self, mv: &Move) -> Outcome {
        if let Move::Wait(seconds) = mv {
            self.now += seconds;
            return Ok(0);
        }
        let overdue = self.now >= WEEK;
        match (mv, self.status) {
            (Move::Create { .. }, None) => {
                self.status = Some(InviteStatus::Pending);
            }
            (Move::Create { .. }, Some(_)) => return Err(Code::Conflict),
            (_, None) => return Err(Code::NotFound),
            (Move::Expire, Some(InviteStatus::Pending)) if !overdue => return Err(Code::Conflict),
            (Move::Expire, Some(InviteStatus::Pending)) => self.status = Some(InviteStatus::Expired),
            (Move::Expire, Some(_)) => return Ok(0),
            (_, Some(InviteStatus::Pending)) if overdue => return Err(Code::InviteExpired),
            (_, Some(InviteStatus::Expired)) => return Err(Code::InviteExpired),
            (Move::Resend, Some(InviteStatus::Pending)) => {
                if self.resent.is_some_and(|resent| self.now < resent + 60) {
                    return Err(Code::RateLimited);
                }
                self.resent = Some(self.now);
            }
            (Move::Cancel, Some(InviteStatus::Pending)) => self.status = Some(InviteStatus::Cancelled),
            _ => return Err(Code::InviteNotPending),
        }
        Ok(1)
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Move;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self { now: 0, status: None, resent: None, outcome: Ok(0) }).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Move> {
        prop_oneof![
            3 => (0..70_i64).prop_map(Move::Wait),
            1 => (WEEK - 200..WEEK).prop_map(Move::Wait),
            3 => any::<bool>().prop_map(|send_email| Move::Create { send_email }),
            4 => Just(Move::Resend),
            1 => Just(Move::Cancel),
            2 => Just(Move::Expire),
        ]
        .boxed()
    }

    fn apply(mut state: Self, mv: &Move) -> Self {
        state.outcome = state.decide(mv);
        state
    }
}

struct Test;

impl StateMachineTest for Test {
    type SystemUnderTest = Live<Invite>;
    type Reference = Model;

    fn init_test(_: &Model) -> Live<Invite> {
        Live::default()
    }

    fn apply(mut live: Live<Invite>, model: &Model, mv: Move) -> Live<Invite> {
        let now = at(model.now);
        let command = match mv {
            Move::Wait(_) => return live,
            Move::Create { send_email } => invites::create(send_email),
            Move::Resend => InviteCommand::Resend { now },
            Move::Cancel => InviteCommand::Cancel { now },
            Move::Expire => InviteCommand::Expire { now },
        };
        assert_eq!(run(&mut live, command), model.outcome);
        live
    }

    fn check_invariants(live: &Live<Invite>, model: &Model) {
        live.check();
        assert_eq!(live.state.organization_id().is_some(), model.status.is_some());
        if let Some(status) = model.status {
            let overdue = status == InviteStatus::Pending && model.now >= WEEK;
            let expected = if overdue { InviteStatus::Expired } else { status };
            assert_eq!(live.state.status_at(at(model.now)), expected);
        }
    }
}

prop_state_machine! {
    #[test]
    fn an_invite_behaves_like_its_model(sequential 1..40 => Test);
}

//! What the tests share.

use aggregates::{
    Code, Entity, Refusal,
    id::Id,
    value::{Document, Input},
};
use chrono::{DateTime, Duration, Utc};
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use serde_json::Value;
use uuid::Uuid;

/// Monday, 10:30.
pub fn t0() -> DateTime<Utc> {
    "2024-01-15T10:30:00Z".parse().expect("an instant")
}

/// So many seconds after [`t0`].
pub fn at(seconds: i64) -> DateTime<Utc> {
    t0() + Duration::seconds(seconds)
}

/// An id made at [`t0`].
pub fn id<I: Id>(n: u128) -> I {
    let milliseconds = u128::try_from(t0().timestamp_millis()).expect("after 1970");
    I::from_uuid(Uuid::from_u128(milliseconds << 80 | 7 << 76 | 2 << 62 | n))
}

pub fn given<A: Entity>(events: &[A::Event]) -> AggregateTestExecutor<A> {
    TestFramework::with(()).given(events.to_vec())
}

/// The refusal that a command ends in.
pub fn refusal<A: Entity>(events: &[A::Event], command: A::Command) -> Refusal {
    A::replay(events.to_vec()).decide(command).expect_err("refused").into()
}

pub fn object(value: Value) -> Document {
    match value {
        Value::Object(document) => document,
        other => panic!("not an object: {other}"),
    }
}

pub fn read<I: Input>(body: Value) -> I {
    I::from_json(&body).expect("readable")
}

/// Field and code of every field error.
pub fn fields(refusal: &Refusal) -> Vec<(&str, &str)> {
    refusal.fields.iter().map(|error| (error.field.as_str(), error.code.as_str())).collect()
}

/// What reading a body finds wrong with it.
pub fn malformed<I: Input>(body: Value) -> Refusal {
    let refusal = I::from_json(&body).err().expect("refused");
    assert_eq!(refusal.code, Code::InvalidRequest);
    refusal
}

/// What checking a body finds wrong with it.
pub fn invalid<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Refusal {
    let refusal = result.expect_err("refused");
    assert_eq!(refusal.code, Code::ValidationError);
    refusal
}

/// An aggregate together with its whole history.
pub struct Live<A: Entity> {
    pub state: A,
    pub events: Vec<A::Event>,
}

impl<A: Entity> Default for Live<A> {
    fn default() -> Self {
        Self { state: A::default(), events: Vec::new() }
    }
}

impl<A: Entity + PartialEq + std::fmt::Debug> Live<A> {
    /// Executes a command, and answers how many events came of it.
    pub fn run(&mut self, command: A::Command) -> Result<usize, A::Error> {
        let events = self.state.decide(command)?;
        for event in &events {
            self.state.apply(event.clone());
        }
        self.events.extend(events.clone());
        Ok(events.len())
    }

    /// The state is what the history makes of nothing, and survives being written down.
    pub fn check(&self) {
        assert_eq!(A::replay(self.events.clone()), self.state);
        let text = serde_json::to_string(&self.state).expect("writable");
        assert_eq!(serde_json::from_str::<A>(&text).expect("readable"), self.state);
    }
}

use aggregates::{
    Code,
    script::{NewScriptInput, NewVersionInput, Script, ScriptCommand, ScriptPatchInput, ScriptStatus},
};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use serde_json::{Value, json};

use crate::{
    common::{Live, id, read},
    models::{Outcome, run},
};

/// A script is the list of its prompts, of which all but perhaps the last are published.
#[derive(Clone, Debug)]
struct Model {
    name: Option<u8>,
    published: Vec<u8>,
    draft: Option<u8>,
    archived: bool,
    deleted: bool,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
enum Move {
    Create { name: u8, prompt: u8 },
    Update { name: Option<u8>, prompt: Option<u8>, archive: bool },
    CreateVersion { prompt: Option<u8> },
    Publish,
    Delete { live_campaigns: i64 },
}

impl Model {
    fn decide(&mut self, mv: &Move) -> Outcome {
        if let Move::Create { name, prompt } = mv {
            if self.name.is_some() {
                return Err(Code::Conflict);
            }
            self.name = Some(*name);
            self.draft = Some(*prompt);
            return Ok(1);
        }
        if self.name.is_none() || self.deleted {
            return Err(Code::NotFound);
        }
        match mv {
            Move::Create { .. } => unreachable!("handled above"),
            Move::Update { name, prompt, archive } => {
                let current = self.draft.or(self.published.last().copied());
                let renames = name.is_some() && *name != self.name;
                let rewrites = prompt.is_some() && *prompt != current;
                let archives = *archive && !self.archived;
                let changes = [renames, rewrites, archives].into_iter().filter(|change| *change).count();
                if self.archived && changes > 0 {
                    return Err(Code::Conflict);
                }
                if renames {
                    self.name = *name;
                }
                if rewrites {
                    self.draft = *prompt;
                }
                self.archived |= archives;
                Ok(changes)
            }
            Move::CreateVersion { .. } | Move::Publish if self.archived => Err(Code::Conflict),
            Move::CreateVersion { prompt } => {
                if self.draft.is_some() {
                    return Err(Code::DraftExists);
                }
                self.draft = prompt.or(self.published.last().copied());
                Ok(1)
            }
            Move::Publish => {
                self.published.push(self.draft.take().ok_or(Code::Conflict)?);
                Ok(1)
            }
            Move::Delete { live_campaigns } if *live_campaigns > 0 => Err(Code::ScriptInUse),
            Move::Delete { .. } => {
                self.deleted = true;
                Ok(1)
            }
        }
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Move;

    fn init_state() -> BoxedStrategy<Self> {
        let (name, published, draft) = (None, Vec::new(), None);
        Just(Self { name, published, draft, archived: false, deleted: false, outcome: Ok(0) }).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Move> {
        let few = || proptest::option::of(0..3_u8);
        prop_oneof![
            2 => (0..3_u8, 0..3_u8).prop_map(|(name, prompt)| Move::Create { name, prompt }),
            6 => (few(), few(), proptest::bool::weighted(0.05))
                .prop_map(|(name, prompt, archive)| Move::Update { name, prompt, archive }),
            3 => few().prop_map(|prompt| Move::CreateVersion { prompt }),
            4 => Just(Move::Publish),
            1 => (0..5_i64).prop_map(|live_campaigns| Move::Delete { live_campaigns }),
        ]
        .boxed()
    }

    fn apply(mut state: Self, mv: &Move) -> Self {
        state.outcome = state.decide(mv);
        state
    }
}

fn prompt(n: u8) -> String {
    format!("Prompt {n}")
}

fn command(mv: &Move) -> ScriptCommand {
    match mv {
        Move::Create { name, prompt: n } => ScriptCommand::Create {
            script_id: id(2),
            organization_id: id(1),
            script: read::<NewScriptInput>(json!({
                "name": format!("Name {name}"),
                "systemPrompt": prompt(*n),
                "questions": [{"id": "q1", "text": "Why?", "type": "open"}],
            }))
            .validate()
            .expect("good"),
        },
        Move::Update { name, prompt: n, archive } => {
            let mut body = json!({});
            if let Some(name) = name {
                body["name"] = json!(format!("Name {name}"));
            }
            if let Some(n) = n {
                body["systemPrompt"] = Value::from(prompt(*n));
            }
            if *archive {
                body["status"] = json!("archived");
            }
            ScriptCommand::Update(read::<ScriptPatchInput>(body).validate().expect("good"))
        }
        Move::CreateVersion { prompt: n } => {
            let body = json!({"systemPrompt": n.map(prompt)});
            ScriptCommand::CreateVersion(read::<NewVersionInput>(body).validate().expect("good"))
        }
        Move::Publish => ScriptCommand::Publish,
        Move::Delete { live_campaigns } => ScriptCommand::Delete { live_campaigns: *live_campaigns },
    }
}

struct Test;

impl StateMachineTest for Test {
    type SystemUnderTest = Live<Script>;
    type Reference = Model;

    fn init_test(_: &Model) -> Live<Script> {
        Live::default()
    }

    fn apply(mut live: Live<Script>, model: &Model, mv: Move) -> Live<Script> {
        assert_eq!(run(&mut live, command(&mv)), model.outcome);
        live
    }

    fn check_invariants(live: &Live<Script>, model: &Model) {
        live.check();
        let prompts = |published| -> Vec<String> {
            let versions = live.state.versions.iter().filter(|version| version.published == published);
            versions.map(|version| version.content.system_prompt.clone()).collect()
        };
        // What was published once is there for ever, as it was.
        assert_eq!(prompts(true), model.published.iter().copied().map(prompt).collect::<Vec<_>>());
        assert_eq!(prompts(false), model.draft.iter().copied().map(prompt).collect::<Vec<_>>());
        assert!((1..).zip(&live.state.versions).all(|(number, version)| number == version.number));
        assert_eq!(live.state.status() == ScriptStatus::Archived, model.archived);
        assert_eq!(live.state.pin().is_ok(), !model.published.is_empty() && !model.archived && !model.deleted);
    }
}

prop_state_machine! {
    #[test]
    fn a_script_behaves_like_its_model(sequential 1..40 => Test);
}

use aggregates::{
    Code,
    campaign::{Campaign, CampaignCommand, CampaignPatchInput},
};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use serde_json::{Value, json};

use crate::{
    campaigns,
    common::{Live, read},
    models::{Outcome, run},
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Absent,
    Active,
    Paused,
    Archived,
}

/// A campaign is a switch, a label and a setting.
#[derive(Clone, Debug)]
struct Model {
    phase: Phase,
    name: String,
    voice: Option<String>,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
enum Move {
    Create,
    Pause,
    Resume,
    Archive,
    Update { name: Option<u8>, voice: Option<Option<u8>> },
}

impl Model {
    fn decide(&mut self, mv: &Move) -> Outcome {
        self.phase = match (mv, self.phase) {
            (Move::Create, Phase::Absent) => {
                (self.name, self.voice) = ("Q1".into(), Some("echo".into()));
                Phase::Active
            }
            (Move::Create, _) => return Err(Code::Conflict),
            (_, Phase::Absent) => return Err(Code::NotFound),
            (Move::Update { name, voice }, phase) => return self.update(*name, *voice, phase),
            (_, Phase::Archived) => return Err(Code::CampaignNotActive),
            (Move::Pause, Phase::Active) => Phase::Paused,
            (Move::Resume, Phase::Paused) => Phase::Active,
            (Move::Pause | Move::Resume, _) => return Err(Code::Conflict),
            (Move::Archive, _) => Phase::Archived,
        };
        Ok(1)
    }

    fn update(&mut self, name: Option<u8>, voice: Option<Option<u8>>, phase: Phase) -> Outcome {
        let new_name = name.map_or(self.name.clone(), label);
        let new_voice = voice.map_or(self.voice.clone(), |voice| voice.map(label));
        if phase == Phase::Archived && new_voice != self.voice {
            return Err(Code::CampaignNotActive);
        }
        let changed = new_name != self.name || new_voice != self.voice;
        (self.name, self.voice) = (new_name, new_voice);
        Ok(usize::from(changed))
    }
}

fn label(n: u8) -> String {
    format!("label {n}")
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Move;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self { phase: Phase::Absent, name: String::new(), voice: None, outcome: Ok(0) }).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Move> {
        let few = || proptest::option::of(0..3_u8);
        prop_oneof![
            2 => Just(Move::Create),
            2 => Just(Move::Pause),
            2 => Just(Move::Resume),
            1 => Just(Move::Archive),
            5 => (few(), proptest::option::of(few())).prop_map(|(name, voice)| Move::Update { name, voice }),
        ]
        .boxed()
    }

    fn apply(mut state: Self, mv: &Move) -> Self {
        state.outcome = state.decide(mv);
        state
    }
}

fn command(mv: &Move) -> CampaignCommand {
    match mv {
        Move::Create => campaigns::create(),
        Move::Pause => CampaignCommand::Pause,
        Move::Resume => CampaignCommand::Resume,
        Move::Archive => CampaignCommand::Archive,
        Move::Update { name, voice } => {
            let mut body = json!({});
            if let Some(name) = name {
                body["name"] = Value::from(label(*name));
            }
            if let Some(voice) = voice {
                body["settings"] = json!({"voice": voice.map(label)});
            }
            CampaignCommand::Update(read::<CampaignPatchInput>(body).validate().expect("good"))
        }
    }
}

struct Test;

impl StateMachineTest for Test {
    type SystemUnderTest = Live<Campaign>;
    type Reference = Model;

    fn init_test(_: &Model) -> Live<Campaign> {
        Live::default()
    }

    fn apply(mut live: Live<Campaign>, model: &Model, mv: Move) -> Live<Campaign> {
        assert_eq!(run(&mut live, command(&mv)), model.outcome);
        live
    }

    fn check_invariants(live: &Live<Campaign>, model: &Model) {
        live.check();
        assert_eq!(live.state.admit_invites().is_ok(), model.phase == Phase::Active);
        assert_eq!(live.state.admit_links().is_ok(), matches!(model.phase, Phase::Active | Phase::Paused));
        assert_eq!(live.state.name, model.name);
        let voice = live.state.own_settings.get("voice").and_then(Value::as_str);
        assert_eq!(voice, model.voice.as_deref());
        if model.phase != Phase::Absent {
            let resolved = live.state.settings();
            assert_eq!(resolved["voice"], json!(model.voice.as_deref().unwrap_or("nova")));
        }
    }
}

prop_state_machine! {
    #[test]
    fn a_campaign_behaves_like_its_model(sequential 1..40 => Test);
}

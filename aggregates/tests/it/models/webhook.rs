use aggregates::{
    Code, Entity, Event,
    id::{CampaignId, ProjectId},
    value::{Change, Document, Email},
    webhook::{
        DisabledReason, NewWebhookInput, SealedHeaders, Webhook, WebhookCommand, WebhookPatchInput, WebhookStatus,
    },
};
use proptest::{
    prelude::*,
    sample::{select, subsequence},
};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use serde_json::{Value, json};

use crate::{
    common::{Live, at, id, object, read},
    models::{Outcome, run},
    webhooks::RULES,
};

const HOUR: i64 = 3_600;
/// How long a replaced secret goes on signing (contract 41).
const OVERLAP: i64 = 24 * HOUR;
/// With the present secret, and however often somebody rotates (docs/decisions.md).
const SIGNATURES: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Absent,
    Enabled,
    Paused,
    Stopped(DisabledReason),
    Deleted,
}

/// An endpoint is a document that merge-patches change, a switch with a reason, and a ring of secrets.
#[derive(Clone, Debug)]
struct Model {
    now: i64,
    phase: Phase,
    details: Document,
    /// Until when each secret signs, the first secret first.
    secrets: Vec<i64>,
    /// Its length is the version that `If-Match` and a late failure are compared with.
    log: Vec<&'static str>,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
enum Move {
    Wait(i64),
    Create(Document),
    Update { patch: Document, status: Option<WebhookStatus> },
    Rotate,
    Fail(DisabledReason),
    Delete,
}

impl Model {
    fn is_there(&self) -> bool {
        !matches!(self.phase, Phase::Absent | Phase::Deleted)
    }

    /// What is new to the log.
    fn decide(&mut self, mv: &Move) -> Result<Vec<&'static str>, Code> {
        let said = match mv {
            Move::Wait(seconds) => {
                self.now += seconds;
                None
            }
            Move::Create(details) if self.phase == Phase::Absent => {
                (self.phase, self.details, self.secrets) = (Phase::Enabled, details.clone(), vec![i64::MAX]);
                Some("webhook.created")
            }
            Move::Create(_) => return Err(Code::Conflict),
            _ if !self.is_there() => return Err(Code::NotFound),
            Move::Update { patch, status } => {
                let before = self.details.clone();
                self.details.extend(patch.clone());
                let updated = (self.details != before).then_some("webhook.updated");
                return Ok(updated.into_iter().chain(status.and_then(|status| self.switch(status))).collect());
            }
            Move::Rotate => {
                *self.secrets.last_mut().expect("one from the beginning") = self.now + OVERLAP;
                self.secrets.push(i64::MAX);
                Some("webhook.secret_rotated")
            }
            // A failure that comes late is no news, and takes no pause from its owner.
            Move::Fail(_) if self.phase != Phase::Enabled => None,
            Move::Fail(reason) => {
                self.phase = Phase::Stopped(*reason);
                Some("webhook.disabled")
            }
            Move::Delete => {
                self.phase = Phase::Deleted;
                Some("webhook.deleted")
            }
        };
        Ok(said.into_iter().collect())
    }

    /// The owner's switch.
    fn switch(&mut self, to: WebhookStatus) -> Option<&'static str> {
        let (phase, said) = match (to, self.phase) {
            (WebhookStatus::Enabled, Phase::Paused) => (Phase::Enabled, "webhook.resumed"),
            (WebhookStatus::Enabled, Phase::Stopped(_)) => (Phase::Enabled, "webhook.enabled"),
            (WebhookStatus::Paused, Phase::Enabled | Phase::Stopped(_)) => (Phase::Paused, "webhook.paused"),
            // Whoever disables what was stopped already does not change why.
            (WebhookStatus::Disabled, Phase::Enabled | Phase::Paused) => {
                (Phase::Stopped(DisabledReason::Requested), "webhook.disabled")
            }
            _ => return None,
        };
        self.phase = phase;
        Some(said)
    }

    fn status(&self) -> (WebhookStatus, Option<DisabledReason>) {
        match self.phase {
            Phase::Paused => (WebhookStatus::Paused, None),
            Phase::Stopped(reason) => (WebhookStatus::Disabled, Some(reason)),
            Phase::Absent | Phase::Enabled | Phase::Deleted => (WebhookStatus::Enabled, None),
        }
    }

    /// What a delivery is signed with now, the latest secret first.
    fn signing(&self) -> Vec<String> {
        let latest = self.secrets.iter().enumerate().rev().take(SIGNATURES);
        latest.filter(|(_, until)| self.now < **until).map(|(n, _)| secret(n)).collect()
    }
}

fn secret(n: usize) -> String {
    format!("secret {n}")
}

/// Every detail with the values that it may have. Headers stand for what they are sealed to.
fn choices() -> [(&'static str, Vec<Value>); 8] {
    let (campaign, project) = (|n| id::<CampaignId>(n).to_string(), |n| id::<ProjectId>(n).to_string());
    [
        ("url", vec![json!("https://example.com/a"), json!("https://example.com/b")]),
        ("eventTypes", vec![json!(["*"]), json!(["session.*", "invite.created"])]),
        ("ordered", vec![json!(false), json!(true)]),
        ("description", vec![json!(null), json!("Ours"), json!("Theirs")]),
        ("campaignId", vec![json!(null), json!(campaign(3)), json!(campaign(4))]),
        ("projectId", vec![json!(null), json!(project(5)), json!(project(6))]),
        ("notifyEmail", vec![json!(null), json!("Ops@example.com"), json!("ops@example.com")]),
        ("headers", vec![json!(null), json!("headers a"), json!("headers b")]),
    ]
}

fn details() -> impl Strategy<Value = Document> {
    let one = |(name, values): (&str, Vec<Value>)| (Just(name.to_owned()), select(values));
    choices().map(one).prop_map(|details| details.into_iter().collect())
}

fn patch() -> impl Strategy<Value = Document> {
    let names = choices().map(|(name, _)| name).to_vec();
    (details(), subsequence(names, 0..4)).prop_map(|(mut details, names)| {
        details.retain(|name, _| names.contains(&name.as_str()));
        details
    })
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Move;

    fn init_state() -> BoxedStrategy<Self> {
        let (details, secrets, log) = (Document::new(), Vec::new(), Vec::new());
        Just(Self { now: 0, phase: Phase::Absent, details, secrets, log, outcome: Ok(0) }).boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Move> {
        let status = || select(vec![WebhookStatus::Enabled, WebhookStatus::Paused, WebhookStatus::Disabled]);
        let maybe = proptest::option::weighted(0.3, status());
        let first = if model.phase == Phase::Absent { 40 } else { 1 };
        prop_oneof![
            6 => (0..9 * HOUR).prop_map(Move::Wait),
            first => details().prop_map(Move::Create),
            8 => (patch(), maybe).prop_map(|(patch, status)| Move::Update { patch, status }),
            5 => status().prop_map(|status| Move::Update { patch: Document::new(), status: Some(status) }),
            6 => Just(Move::Rotate),
            5 => select(vec![DisabledReason::Gone, DisabledReason::Failing]).prop_map(Move::Fail),
            1 => Just(Move::Delete),
        ]
        .boxed()
    }

    fn apply(mut state: Self, mv: &Move) -> Self {
        let said = state.decide(mv);
        state.outcome = said.as_ref().map(Vec::len).map_err(|code| *code);
        state.log.extend(said.unwrap_or_default());
        state
    }
}

fn headers(sealed: &Value) -> Option<SealedHeaders> {
    let sealed = sealed.as_str()?.to_owned();
    Some(SealedHeaders { names: vec!["x-key".into()], sealed })
}

fn command(model: &Model, mv: Move) -> Option<WebhookCommand> {
    Some(match mv {
        Move::Wait(_) => return None,
        Move::Create(mut details) => {
            let headers = details.remove("headers").as_ref().and_then(headers);
            let (webhook, _) = read::<NewWebhookInput>(Value::Object(details)).validate(RULES).expect("good");
            WebhookCommand::Create {
                webhook_id: id(7),
                organization_id: id(1),
                webhook,
                sealed_secret: secret(0),
                headers,
            }
        }
        Move::Update { mut patch, status } => {
            let headers = patch.remove("headers").map_or(Change::Keep, |sealed| headers(&sealed).into());
            patch.extend(status.map(|status| ("status".to_owned(), json!(status.as_str()))));
            let input = read::<WebhookPatchInput>(Value::Object(patch));
            WebhookCommand::Update { patch: input.validate(&Document::new(), RULES).expect("good").0, headers }
        }
        Move::Rotate => WebhookCommand::RotateSecret {
            // The model has made the move already.
            sealed_secret: secret(model.secrets.len().saturating_sub(1)),
            previous_valid_until: at(model.now + OVERLAP),
        },
        Move::Fail(reason) => WebhookCommand::Disable { reason },
        Move::Delete => WebhookCommand::Delete,
    })
}

fn shown(webhook: &Webhook) -> Document {
    object(json!({
        "url": webhook.url,
        "eventTypes": webhook.event_types,
        "ordered": webhook.ordered,
        "description": webhook.description,
        "campaignId": webhook.campaign_id.map(|id| id.to_string()),
        "projectId": webhook.project_id.map(|id| id.to_string()),
        "notifyEmail": webhook.notify_email.as_ref().map(Email::as_str),
        "headers": webhook.headers.as_ref().map(|headers| &headers.sealed),
    }))
}

struct Test;

impl StateMachineTest for Test {
    type SystemUnderTest = Live<Webhook>;
    type Reference = Model;

    fn init_test(_: &Model) -> Live<Webhook> {
        Live::default()
    }

    fn apply(mut live: Live<Webhook>, model: &Model, mv: Move) -> Live<Webhook> {
        if let Some(command) = command(model, mv) {
            assert_eq!(run(&mut live, command), model.outcome);
        }
        live
    }

    fn check_invariants(live: &Live<Webhook>, model: &Model) {
        live.check();
        let state = &live.state;
        assert_eq!(live.events.iter().map(Event::name).collect::<Vec<_>>(), model.log);
        assert_eq!(state.organization_id(), model.is_there().then(|| id(1)));
        if !model.is_there() {
            return;
        }
        assert_eq!((state.status, state.disabled_reason), model.status());
        assert_eq!(shown(state), model.details);
        let former = state.former_secrets.iter().filter(|former| at(model.now) < former.valid_until);
        let signing: Vec<_> =
            std::iter::once(&state.secret).chain(former.map(|former| &former.sealed)).cloned().collect();
        assert_eq!(signing, model.signing());
    }
}

prop_state_machine! {
    #[test]
    fn a_webhook_behaves_like_its_model(sequential 1..60 => Test);
}

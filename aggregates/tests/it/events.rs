//! The shapes of stored events (design, guarantee 11).
//!
//! `golden/<name>.v<schema>.json` holds every shape ever written. A file is never edited: a change of shape gets a new
//! schema version, an upcaster, and a file of its own. `UPDATE_GOLDEN=1` writes the files that are missing, and only those.

use std::{collections::BTreeSet, fs, path::PathBuf};

use aggregates::{
    DecodeError, Event, Payload, Personal, Sealable,
    api_key::{ApiKeyCreated, ApiKeyEvent, ApiKeyRevoked, Scope},
    campaign::{CampaignArchived, CampaignCreated, CampaignEvent, CampaignPaused, CampaignResumed, CampaignUpdated},
    email_template::{EmailTemplateCreated, EmailTemplateDeleted, EmailTemplateEvent, EmailTemplateUpdated},
    event::decode_payload,
    file::{FileDeleted, FileEvent, FileKind, FileStored, LogoStored, MediaStored},
    invite::{
        InviteBounced, InviteCancelled, InviteCompleted, InviteCreated, InviteDelivered, InviteEvent, InviteExpired,
        InviteOpened, InviteResent, InviteSendFailed, InviteSent, InviteSessionOpened, InviteStarted, SendFailure,
    },
    member::{
        MemberAccepted, MemberEvent, MemberInvited, MemberReinvited, MemberRemoved, MemberRenamed, MemberRole,
        MemberRoleChanged,
    },
    organization::{Logo, OrganizationCreated, OrganizationEvent, OrganizationUpdated, Plan},
    project::{ProjectCreated, ProjectDeleted, ProjectEvent, ProjectUpdated},
    script::{
        FollowUp, Question, QuestionType, Scale, ScriptArchived, ScriptContent, ScriptCreated, ScriptDeleted,
        ScriptDetailsChanged, ScriptDraftChanged, ScriptDraftOpened, ScriptEvent, ScriptPublished,
    },
    session::{
        Asked, ConsentFacts, ConsentKind, ConsentMethod, ConsentRecorded, ConsentWithdrawn, Device, EndReason, Given,
        Origin, Overall, PauseCause, PromptKind, ResumeCause, Said, Sentiment, SessionAbandoned, SessionAnswered,
        SessionCompleted, SessionCreated, SessionEvent, SessionPaused, SessionPrompted, SessionResumed, SessionSkipped,
        SessionStarted, Spoken, Terms, TranscriptReady, UtteranceKind,
    },
    value::{Change, Email, Metadata},
    webhook::{
        DisabledReason, SealedHeaders, WebhookCreated, WebhookDeleted, WebhookDisabled, WebhookEnabled, WebhookEvent,
        WebhookPaused, WebhookResumed, WebhookSecretRotated, WebhookUpdated,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::common::{at, id, object, t0};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn sealed(mut event: impl Event) -> String {
    for (label, field) in event.personal() {
        field.seal(&mut |_| format!("ciphertext of {label}")).expect("sealed");
    }
    event.encode().expect("every personal field is named by personal()")
}

/// Compares one full sample of every event type with its file.
fn check<E: Event>(samples: Vec<E>) {
    let names: Vec<&str> = samples.iter().map(Event::name).collect();
    let types: Vec<&str> = E::types().iter().map(|(name, _)| *name).collect();
    assert_eq!(names, types, "one sample of every event type, in order");
    for sample in samples {
        let (name, schema) = (sample.name(), sample.schema());
        let written: Value = serde_json::from_str(&sealed(sample)).expect("JSON");
        let path = folder().join(format!("{name}.v{schema}.json"));
        if !path.exists() && std::env::var_os("UPDATE_GOLDEN").is_some() {
            let text = serde_json::to_string_pretty(&written).expect("writable");
            fs::write(&path, text + "\n").expect("written");
        }
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let golden: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(written, golden, "{name} has changed its shape: it needs a new schema version and an upcaster");

        let event = E::decode(name, schema, &text).expect("readable");
        let again: Value = serde_json::from_str(&event.encode().expect("writable")).expect("JSON");
        assert_eq!(again, golden, "{name} is not written as it was read");
        for old in 1..schema {
            let path = folder().join(format!("{name}.v{old}.json"));
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let event = E::decode(name, old, &text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let upcast: Value = serde_json::from_str(&event.encode().expect("writable")).expect("JSON");
            assert_eq!(upcast, as_of_today(name, old, golden.clone()), "{}", path.display());
        }
        assert!(matches!(E::decode(name, schema + 1, &text), Err(DecodeError::UnknownSchema { .. })));
    }
    assert!(matches!(E::decode("nobody.knows", 1, "{}"), Err(DecodeError::UnknownType(_))));
}

/// What upcasting has to make of an old file. Every file of one type is the same sample, so that is today's file, except
/// for what the old one could not know.
fn as_of_today(name: &str, old: u16, mut today: Value) -> Value {
    match (name, old) {
        ("script.created" | "script.draft_opened" | "script.draft_changed", 1) => {
            for question in today["content"]["questions"].as_array_mut().expect("questions") {
                question["media"] = json!([]);
            }
        }
        ("session.answered", 1) => today["spoken"]["durationMs"] = Value::Null,
        _ => panic!("{name}: what does its upcaster make of schema {old}?"),
    }
    today
}

fn content() -> ScriptContent {
    let question = |n: u32, kind, options, scale| Question {
        id: format!("q{n}"),
        text: "Why?".into(),
        kind,
        required: n != 2,
        follow_up: (n == 1).then(|| FollowUp { enabled: true, max_follow_ups: Some(2), prompt: Some("Dig".into()) }),
        max_duration: (n == 1).then_some(60),
        order: n,
        options,
        scale,
        media: if n == 1 { vec![id(5)] } else { Vec::new() },
    };
    ScriptContent {
        system_prompt: "Be kind.".into(),
        questions: vec![
            question(1, QuestionType::Open, None, None),
            question(2, QuestionType::Rating, None, Some(Scale { min: 0, max: 5 })),
            question(3, QuestionType::MultipleChoice, Some(vec!["a".into(), "b".into()]), None),
            question(4, QuestionType::YesNo, None, None),
        ],
        settings: object(json!({"language": "en"})),
    }
}

fn metadata() -> Metadata {
    Metadata::try_from(object(json!({"userId": "12345", "n": 1, "vip": true}))).expect("good")
}

#[test]
fn organization() {
    check(vec![
        OrganizationEvent::Created(OrganizationCreated {
            organization_id: id(1),
            name: "Acme".into(),
            plan: Plan::Professional,
            opening_credits: 50_000,
        }),
        OrganizationEvent::Updated(OrganizationUpdated {
            name: Some("Acme Ltd".into()),
            logo: Change::Set(Logo::File(id(7))),
            domain: Change::Set("interviews.acme.example".into()),
            brand_color: Change::Clear,
            settings: Some(object(json!({"language": "de"}))),
        }),
    ]);
    let elsewhere = serde_json::to_value(Logo::Url("https://cdn.example.com/a.png".into())).expect("writable");
    assert_eq!(elsewhere, json!({"url": "https://cdn.example.com/a.png"}));
}

#[test]
fn member() {
    check(vec![
        MemberEvent::Invited(MemberInvited {
            member_id: id(8),
            organization_id: id(1),
            email: Email::parse("Ada@example.com").expect("good").into(),
            name: Some("Ada".to_owned()).into(),
            role: MemberRole::Owner,
            invited_at: t0(),
            expires_at: at(604_800),
        }),
        MemberEvent::Reinvited(MemberReinvited {
            name: None.into(),
            role: MemberRole::Admin,
            invited_at: at(60),
            expires_at: at(604_860),
        }),
        MemberEvent::Accepted(MemberAccepted {}),
        MemberEvent::Renamed(MemberRenamed { name: Some("Ada L.".to_owned()).into() }),
        MemberEvent::RoleChanged(MemberRoleChanged { role: MemberRole::Viewer }),
        MemberEvent::Removed(MemberRemoved {}),
    ]);
}

#[test]
fn api_key() {
    check(vec![
        ApiKeyEvent::Created(ApiKeyCreated {
            key_id: id(2),
            organization_id: id(1),
            name: "CI".into(),
            scopes: Scope::ALL.iter().copied().collect(),
            secret_hash: "ab".repeat(32),
            last_four: "x1y2".into(),
            expires_at: Some(at(60)),
        }),
        ApiKeyEvent::Revoked(ApiKeyRevoked {}),
    ]);
}

#[test]
fn project() {
    check(vec![
        ProjectEvent::Created(ProjectCreated {
            project_id: id(2),
            organization_id: id(1),
            name: "Research".into(),
            description: Some("Why".into()),
            color: Some("#6366F1".into()),
        }),
        ProjectEvent::Updated(ProjectUpdated {
            name: Some("Other".into()),
            description: Change::Clear,
            color: Change::Set("#000000".into()),
        }),
        ProjectEvent::Deleted(ProjectDeleted {}),
    ]);
}

#[test]
fn script() {
    check(vec![
        ScriptEvent::Created(ScriptCreated {
            script_id: id(2),
            organization_id: id(1),
            name: "Satisfaction".into(),
            description: Some("How".into()),
            project_id: Some(id(3)),
            content: content(),
            changelog: Some("First".into()),
        }),
        ScriptEvent::DetailsChanged(ScriptDetailsChanged {
            name: Some("Other".into()),
            description: Change::Clear,
            project_id: Change::Set(id(4)),
        }),
        ScriptEvent::DraftOpened(ScriptDraftOpened { version: 2, content: content(), changelog: Some("Next".into()) }),
        ScriptEvent::DraftChanged(ScriptDraftChanged { content: content() }),
        ScriptEvent::Published(ScriptPublished { version: 2 }),
        ScriptEvent::Archived(ScriptArchived {}),
        ScriptEvent::Deleted(ScriptDeleted {}),
    ]);
}

#[test]
fn campaign() {
    check(vec![
        CampaignEvent::Created(CampaignCreated {
            campaign_id: id(3),
            organization_id: id(1),
            name: "Q1".into(),
            description: Some("Quarterly".into()),
            script_id: id(2),
            script_version: 1,
            project_id: Some(id(5)),
            inherited_settings: object(json!({"language": "en"})),
            settings: object(json!({"voice": "echo"})),
            invite_defaults: object(json!({"expiresIn": "7d"})),
            metadata: metadata(),
        }),
        CampaignEvent::Updated(CampaignUpdated {
            name: Some("Q2".into()),
            description: Change::Clear,
            project_id: Change::Set(id(6)),
            settings: Some(object(json!({"voice": "alloy"}))),
            invite_defaults: Some(object(json!({"expiresIn": "24h"}))),
            metadata: Some(metadata()),
        }),
        CampaignEvent::Paused(CampaignPaused {}),
        CampaignEvent::Resumed(CampaignResumed {}),
        CampaignEvent::Archived(CampaignArchived {}),
    ]);
}

fn invite_created() -> InviteCreated {
    InviteCreated {
        invite_id: id(4),
        organization_id: id(1),
        campaign_id: id(3),
        email: Email::parse("ada@example.com").expect("good").into(),
        name: Personal::Clear(Some("Ada".into())),
        metadata: metadata().into(),
        expires_at: t0(),
        send_email: true,
        email_template: Some("default".into()),
        token_generation: 1,
        unique: false,
    }
}

#[test]
fn invite() {
    check(vec![
        InviteEvent::Created(invite_created()),
        InviteEvent::Resent(InviteResent { resent_at: at(90) }),
        InviteEvent::Cancelled(InviteCancelled {}),
        InviteEvent::Expired(InviteExpired {}),
        InviteEvent::SessionOpened(InviteSessionOpened { session_id: id(20) }),
        InviteEvent::Started(InviteStarted { session_id: id(20) }),
        InviteEvent::Completed(InviteCompleted { session_id: id(20) }),
        InviteEvent::Sent(InviteSent { mail: 1 }),
        InviteEvent::SendFailed(InviteSendFailed {
            mail: 1,
            reason: SendFailure::Rejected,
            code: Some("550 5.1.1".into()),
        }),
        InviteEvent::Delivered(InviteDelivered { mail: 1 }),
        InviteEvent::Opened(InviteOpened { mail: 1 }),
        InviteEvent::Bounced(InviteBounced { mail: 2, code: Some("5.1.1".into()) }),
    ]);
}

fn consent_facts() -> ConsentFacts {
    ConsentFacts {
        consent_id: id(30),
        kind: ConsentKind::All,
        text_version: Some(1),
        text_sha256: Some("ab".repeat(32)),
        locale: Some("en".into()),
        method: ConsentMethod::Web,
        actor: "participant".into(),
        ip: Some(Personal::Clear("192.0.2.7".into())),
        user_agent: Some(Personal::Clear("Mozilla/5.0".into())),
        at: at(1),
    }
}

fn session_created() -> SessionCreated {
    SessionCreated {
        session_id: id(20),
        organization_id: id(1),
        campaign_id: id(3),
        invite_id: id(4),
        script_id: id(2),
        script_version: 1,
        total_questions: 4,
        terms: Terms {
            max_follow_ups: Some(2),
            greeting: Some("Hello.".into()),
            closing: Some("Goodbye.".into()),
            ..Terms::default()
        },
        email: Email::parse("ada@example.com").expect("good").into(),
        name: Personal::Clear(Some("Ada".into())),
        metadata: metadata().into(),
        device: Personal::Clear(Some(Device { browser: Some("Chrome 120".into()), os: None, kind: None })),
        start_by: at(3_600),
        at: t0(),
    }
}

#[test]
fn session() {
    let (kind, question_id, elapsed) = (PromptKind::Question, "q1".to_owned(), 12_345);
    let spoken = Some(Spoken { confidence: Some(0.875), file_id: Some(id(9)), duration_ms: Some(4_200) });
    check(vec![
        SessionEvent::Created(session_created()),
        SessionEvent::ConsentRecorded(ConsentRecorded { granted: true, facts: consent_facts() }),
        SessionEvent::ConsentWithdrawn(ConsentWithdrawn { facts: consent_facts() }),
        SessionEvent::Started(SessionStarted { at: at(2) }),
        SessionEvent::Prompted(SessionPrompted {
            said: vec![
                Said { kind: UtteranceKind::Transition, origin: Origin::model("gpt", 1) },
                Said { kind: UtteranceKind::Question, origin: Origin::script(1) },
            ],
            texts: vec!["Thank you, Ada.".to_owned(), "Why?".to_owned()].into(),
            prompt: Some(Asked { number: 1, kind, question_id: question_id.clone() }),
            elapsed,
            at: at(3),
        }),
        SessionEvent::Answered(SessionAnswered {
            prompt: 1,
            kind,
            question_id: question_id.clone(),
            seq: 1,
            given: Given::Rating { value: 8, min: 1, max: 10 }.into(),
            spoken,
            elapsed,
            at: at(4),
        }),
        SessionEvent::Skipped(SessionSkipped { prompt: 2, kind, question_id, seq: 2, elapsed, at: at(5) }),
        SessionEvent::Paused(SessionPaused {
            cause: PauseCause::Api,
            reason: Some(Personal::Clear("Phone".into())),
            elapsed,
            at: at(6),
        }),
        SessionEvent::Resumed(SessionResumed { cause: ResumeCause::HeartbeatRestored, at: at(7) }),
        SessionEvent::Completed(SessionCompleted { reason: EndReason::TimeLimit, elapsed, at: at(8) }),
        SessionEvent::Abandoned(SessionAbandoned { reason: EndReason::ConsentWithdrawn, elapsed, at: at(9) }),
        SessionEvent::TranscriptReady(TranscriptReady {
            partial: true,
            utterances: 5,
            sentiment: Some(Sentiment { overall: Overall::Positive, score: 0.72 }.into()),
            at: at(9),
        }),
    ]);
}

#[test]
fn email_template() {
    check(vec![
        EmailTemplateEvent::Created(EmailTemplateCreated {
            template_id: id(5),
            organization_id: id(1),
            name: "Warm".into(),
            subject: "Hello {{ participant.name }}".into(),
            text: "Open {{ link }}".into(),
            html: "<a href=\"{{ link }}\">Open</a>".into(),
            language: Some("en".into()),
        }),
        EmailTemplateEvent::Updated(EmailTemplateUpdated {
            name: Some("Cool".into()),
            subject: Some("Hi".into()),
            text: Some("{{ link }}".into()),
            html: Some("<p>{{ link }}</p>".into()),
            language: Change::Clear,
        }),
        EmailTemplateEvent::Deleted(EmailTemplateDeleted {}),
    ]);
}

#[test]
fn what_was_left_out_of_a_session_event_needs_no_key() {
    let facts = ConsentFacts { ip: None, user_agent: None, ..consent_facts() };
    for event in [
        SessionEvent::ConsentRecorded(ConsentRecorded { granted: false, facts }),
        SessionEvent::Paused(SessionPaused { cause: PauseCause::HeartbeatLost, reason: None, elapsed: 0, at: t0() }),
        SessionEvent::TranscriptReady(TranscriptReady { partial: false, utterances: 0, sentiment: None, at: t0() }),
    ] {
        let text = event.encode().expect("nothing is personal");
        assert_eq!(SessionEvent::decode(event.name(), event.schema(), &text).expect("readable"), event);
    }
}

#[test]
fn file() {
    check(vec![
        FileEvent::Stored(FileStored {
            file_id: id(5),
            organization_id: id(1),
            session_id: id(6),
            participant: Email::parse("ada@example.com").expect("good").into(),
            kind: FileKind::Recording,
            name: Personal::Clear("ada.mp3".into()),
            content_type: "audio/mpeg".into(),
            size: 1_234,
            sha256: "ab".repeat(32),
            storage_key: "org/file".into(),
        }),
        FileEvent::MediaStored(MediaStored {
            file_id: id(5),
            organization_id: id(1),
            script_id: id(2),
            name: "logo.png".into(),
            content_type: "image/png".into(),
            size: 1_234,
            sha256: "ab".repeat(32),
            storage_key: "org/file".into(),
        }),
        FileEvent::LogoStored(LogoStored {
            file_id: id(5),
            organization_id: id(1),
            name: "logo.png".into(),
            content_type: "image/png".into(),
            size: 1_234,
            sha256: "ab".repeat(32),
            storage_key: "org/file".into(),
        }),
        FileEvent::Deleted(FileDeleted {}),
    ]);
}

#[test]
fn webhook() {
    let headers = || SealedHeaders { names: vec!["x-key".into()], sealed: "c2VhbGVk".into() };
    let email = || Personal::Clear(Email::parse("ops@example.com").expect("good"));
    check(vec![
        WebhookEvent::Created(WebhookCreated {
            webhook_id: id(7),
            organization_id: id(1),
            url: "https://example.com/hook".into(),
            description: Some("Ours".into()),
            event_types: vec!["session.*".into(), "invite.created".into()],
            campaign_id: Some(id(3)),
            project_id: Some(id(5)),
            ordered: true,
            notify_email: Some(email()),
            headers: Some(headers()),
            sealed_secret: "c2VjcmV0".into(),
        }),
        WebhookEvent::Updated(WebhookUpdated {
            url: Some("https://example.org/hook".into()),
            description: Change::Clear,
            event_types: Some(vec!["*".into()]),
            campaign_id: Change::Set(id(4)),
            project_id: Change::Clear,
            ordered: Some(false),
            notify_email: Change::Set(email()),
            headers: Change::Set(headers()),
        }),
        WebhookEvent::Paused(WebhookPaused {}),
        WebhookEvent::Resumed(WebhookResumed {}),
        WebhookEvent::Disabled(WebhookDisabled { reason: DisabledReason::Failing }),
        WebhookEvent::Enabled(WebhookEnabled {}),
        WebhookEvent::SecretRotated(WebhookSecretRotated {
            sealed_secret: "bmV3".into(),
            previous_valid_until: at(86_400),
        }),
        WebhookEvent::Deleted(WebhookDeleted {}),
    ]);
}

#[test]
fn every_file_belongs_to_a_type() {
    let types = [
        OrganizationEvent::types(),
        MemberEvent::types(),
        ApiKeyEvent::types(),
        ProjectEvent::types(),
        ScriptEvent::types(),
        CampaignEvent::types(),
        InviteEvent::types(),
        WebhookEvent::types(),
        EmailTemplateEvent::types(),
        SessionEvent::types(),
        FileEvent::types(),
    ];
    let expected: BTreeSet<String> = types
        .into_iter()
        .flatten()
        .flat_map(|(name, schema)| (1..=*schema).map(move |schema| format!("{name}.v{schema}.json")))
        .collect();
    let entries = fs::read_dir(folder()).expect("the folder");
    let found: BTreeSet<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(found, expected);
}

#[test]
fn personal_data_is_sealed_opened_and_erased() {
    let event = || InviteEvent::Created(invite_created());
    assert!(event().encode().is_err(), "in the clear it cannot be written at all");
    // A cipher for tests: every byte turned by one.
    let turn = |bytes: &[u8]| String::from_utf8(bytes.iter().map(|byte| byte + 1).collect()).expect("ASCII");
    let back = |text: &str| Some(text.bytes().map(|byte| byte - 1).collect::<Vec<u8>>());
    let mut stored = event();
    for (_, field) in stored.personal() {
        field.seal(&mut |bytes| turn(bytes)).expect("sealed");
    }
    let text = stored.encode().expect("writable");
    assert!(!text.contains("ada@") && !text.contains("Ada") && !text.contains("12345"), "{text}");

    let mut read = InviteEvent::decode("invite.created", 1, &text).expect("readable");
    assert_eq!(read.subject(), None, "who it is cannot be told from ciphertext");
    for (_, field) in read.personal() {
        field.open(&mut |text| back(text)).expect("opened");
    }
    assert_eq!(read, event());

    let mut erased = InviteEvent::decode("invite.created", 1, &text).expect("readable");
    for (_, field) in erased.personal() {
        field.open(&mut |_| None).expect("opened");
    }
    let InviteEvent::Created(created) = &erased else { panic!("another event") };
    assert_eq!((&created.email, &created.name), (&Personal::Erased, &Personal::Erased));
    assert!(erased.encode().is_err());
    let mut field: Personal<String> = Personal::Erased;
    field.seal(&mut |_| unreachable!("there is nothing to seal")).expect("left alone");
}

/// A payload of the second schema; the first one had a single field for both names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Renamed {
    first: String,
    last: String,
}

impl Payload for Renamed {
    const NAME: &'static str = "person.renamed";
    const SCHEMA: u16 = 2;

    fn upcast(schema: u16, payload: Value) -> Result<Value, DecodeError> {
        if schema != 1 {
            return Err(DecodeError::UnknownSchema { name: Self::NAME, schema });
        }
        let name = payload["name"].as_str().unwrap_or_default();
        let (first, last) = name.split_once(' ').unwrap_or((name, ""));
        Ok(json!({"first": first, "last": last}))
    }
}

#[test]
fn an_old_payload_goes_through_its_upcaster() {
    let expected = Renamed { first: "Ada".into(), last: "Lovelace".into() };
    let text = serde_json::to_string(&expected).expect("writable");
    assert_eq!(decode_payload::<Renamed>(2, &text).expect("readable"), expected);
    assert_eq!(decode_payload::<Renamed>(1, r#"{"name":"Ada Lovelace"}"#).expect("upcast"), expected);
    for unknown in [0, 3] {
        let error = decode_payload::<Renamed>(unknown, &text).expect_err("refused");
        assert!(matches!(error, DecodeError::UnknownSchema { name: "person.renamed", schema } if schema == unknown));
    }
    assert!(matches!(decode_payload::<Renamed>(2, "{}"), Err(DecodeError::Payload { .. })));
    assert!(matches!(decode_payload::<Renamed>(1, "not JSON"), Err(DecodeError::Payload { .. })));
    let told = decode_payload::<Renamed>(2, r#""ada@example.com""#).expect_err("no object").to_string();
    assert!(told.contains("unexpected data at line 1") && !told.contains("ada"), "{told}");
}

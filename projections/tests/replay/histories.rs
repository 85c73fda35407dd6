//! Histories of every aggregate: any sequence of events with any contents, possible or not.

use aggregates::{
    api_key::{Scope, event::*},
    campaign::event::*,
    email_template::event::*,
    file::{FileKind, event::*},
    id::{CampaignId, Id, InviteId, OrganizationId, SubjectId},
    invite::{event::*, mail::*},
    organization::{Plan, event::*},
    project::event::*,
    script::{FollowUp, Question, QuestionType, Scale, ScriptContent, event::*},
    session::{
        ConsentKind, ConsentMethod, Device, EndReason, Given, Origin, Overall, PauseCause, PromptKind, ResumeCause,
        Sentiment, Spoken, Terms, UtteranceKind, event::*,
    },
    value::{Change, Document, Email, Metadata},
    webhook::{DisabledReason, SealedHeaders, event::*},
};
use chrono::{DateTime, Utc};
use projections::Recorded;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::Value;
use uuid::Uuid;

use crate::History;

fn id<I: Id>() -> impl Strategy<Value = I> + Clone {
    any::<u128>().prop_map(|bits| I::from_uuid(Uuid::from_u128(bits)))
}

/// Times from 1970 to the year 9999, to the microsecond.
fn time() -> impl Strategy<Value = DateTime<Utc>> {
    (0..253_402_300_800_000_000_i64).prop_map(|at| DateTime::from_timestamp_micros(at).expect("in range"))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z ]{0,12}", "\\PC{0,12}", any::<String>()]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((text(), inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn document() -> impl Strategy<Value = Document> {
    let key = prop_oneof![select(vec!["language", "voice", "maxDuration"]).prop_map(str::to_owned), text()];
    vec((key, json()), 0..4).prop_map(|members| members.into_iter().collect())
}

fn metadata() -> impl Strategy<Value = Metadata> {
    document().prop_map(|document| serde_json::from_value(Value::Object(document)).expect("an object"))
}

fn change<T: Clone + std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Change<T>> {
    option::of(option::of(value)).prop_map(|change| change.map_or(Change::Keep, Change::from))
}

/// A first event that creates, mostly, and then any others.
fn history<E: Clone + std::fmt::Debug>(
    created: impl Strategy<Value = E>,
    later: impl Strategy<Value = E>,
) -> impl Strategy<Value = History<E>> {
    let recorded = || (time(), option::of(id::<SubjectId>()));
    (option::weighted(0.95, (created, recorded())), vec((later, recorded()), 0..8))
        .prop_map(|(first, rest)| {
            let events = first.into_iter().chain(rest).zip(1..);
            let mut history: Vec<_> =
                events.map(|((event, (at, subject)), version)| (event, Recorded { at, version, subject })).collect();
            history.shrink_to_fit();
            history
        })
        .prop_filter("an empty history says nothing", |history| !history.is_empty())
}

pub fn organization() -> impl Strategy<Value = History<OrganizationEvent>> {
    let created = || {
        (id(), text(), select(&Plan::ALL[..]), any::<i64>()).prop_map(
            |(organization_id, name, plan, opening_credits)| {
                OrganizationEvent::Created(OrganizationCreated { organization_id, name, plan, opening_credits })
            },
        )
    };
    history(created(), created())
}

pub fn api_key() -> impl Strategy<Value = History<ApiKeyEvent>> {
    let scopes = vec(select(Scope::ALL), 0..5).prop_map(|scopes| scopes.into_iter().collect());
    let created = (id(), id(), text(), scopes, "[0-9a-f]{64}", "[0-9a-zA-Z]{4}", option::of(time())).prop_map(
        |(key_id, organization_id, name, scopes, secret_hash, last_four, expires_at)| {
            let created = ApiKeyCreated { key_id, organization_id, name, scopes, secret_hash, last_four, expires_at };
            ApiKeyEvent::Created(created)
        },
    );
    history(created, Just(ApiKeyEvent::Revoked(ApiKeyRevoked {})))
}

pub fn project() -> impl Strategy<Value = History<ProjectEvent>> {
    let created = (id(), id(), text(), option::of(text()), option::of(text())).prop_map(
        |(project_id, organization_id, name, description, color)| {
            ProjectEvent::Created(ProjectCreated { project_id, organization_id, name, description, color })
        },
    );
    let updated = (option::of(text()), change(text()), change(text()))
        .prop_map(|(name, description, color)| ProjectEvent::Updated(ProjectUpdated { name, description, color }));
    history(created, prop_oneof![9 => updated, 1 => Just(ProjectEvent::Deleted(ProjectDeleted {}))])
}

fn question() -> impl Strategy<Value = Question> {
    let kinds = QuestionType::NAMES.map(|(_, kind)| kind);
    let follow_up = (any::<bool>(), option::of(any::<u32>()), option::of(text()))
        .prop_map(|(enabled, max_follow_ups, prompt)| FollowUp { enabled, max_follow_ups, prompt });
    let scale = (any::<i32>(), any::<i32>()).prop_map(|(min, max)| Scale { min, max });
    let media = vec(id(), 0..3);
    let answers =
        (option::of(vec(text(), 0..3)), option::of(scale), option::of(follow_up), option::of(any::<u32>()), media);
    (text(), text(), select(kinds.to_vec()), any::<bool>(), any::<u32>(), answers).prop_map(
        |(id, text, kind, required, order, (options, scale, follow_up, max_duration, media))| Question {
            id,
            text,
            kind,
            required,
            follow_up,
            max_duration,
            order,
            options,
            scale,
            media,
        },
    )
}

fn content() -> impl Strategy<Value = ScriptContent> {
    (text(), vec(question(), 0..3), document()).prop_map(|(system_prompt, questions, settings)| ScriptContent {
        system_prompt,
        questions,
        settings,
    })
}

pub fn script() -> impl Strategy<Value = History<ScriptEvent>> {
    let created = (id(), id(), text(), option::of(text()), option::of(id()), content(), option::of(text())).prop_map(
        |(script_id, organization_id, name, description, project_id, content, changelog)| {
            let created =
                ScriptCreated { script_id, organization_id, name, description, project_id, content, changelog };
            ScriptEvent::Created(created)
        },
    );
    let details = (option::of(text()), change(text()), change(id())).prop_map(|(name, description, project_id)| {
        ScriptEvent::DetailsChanged(ScriptDetailsChanged { name, description, project_id })
    });
    let opened = (any::<u32>(), content(), option::of(text())).prop_map(|(version, content, changelog)| {
        ScriptEvent::DraftOpened(ScriptDraftOpened { version, content, changelog })
    });
    let changed = content().prop_map(|content| ScriptEvent::DraftChanged(ScriptDraftChanged { content }));
    let published = any::<u32>().prop_map(|version| ScriptEvent::Published(ScriptPublished { version }));
    let later = prop_oneof![
        4 => details,
        4 => opened,
        4 => changed,
        4 => published,
        2 => Just(ScriptEvent::Archived(ScriptArchived {})),
        1 => Just(ScriptEvent::Deleted(ScriptDeleted {})),
    ];
    history(created, later)
}

pub fn campaign() -> impl Strategy<Value = History<CampaignEvent>> {
    let ids = (id(), id(), id(), option::of(id()));
    let documents = (document(), document(), document(), metadata());
    let created = (ids, text(), option::of(text()), any::<u32>(), documents).prop_map(
        |(
            (campaign_id, organization_id, script_id, project_id),
            name,
            description,
            script_version,
            (inherited_settings, settings, invite_defaults, metadata),
        )| {
            CampaignEvent::Created(CampaignCreated {
                campaign_id,
                organization_id,
                name,
                description,
                script_id,
                script_version,
                project_id,
                inherited_settings,
                settings,
                invite_defaults,
                metadata,
            })
        },
    );
    let documents = (option::of(document()), option::of(document()), option::of(metadata()));
    let updated = (option::of(text()), change(text()), change(id()), documents).prop_map(
        |(name, description, project_id, (settings, invite_defaults, metadata))| {
            let updated = CampaignUpdated { name, description, project_id, settings, invite_defaults, metadata };
            CampaignEvent::Updated(updated)
        },
    );
    let later = prop_oneof![
        3 => updated,
        1 => Just(CampaignEvent::Paused(CampaignPaused {})),
        1 => Just(CampaignEvent::Resumed(CampaignResumed {})),
        1 => Just(CampaignEvent::Archived(CampaignArchived {})),
    ];
    history(created, later)
}

pub fn webhook() -> impl Strategy<Value = History<WebhookEvent>> {
    let email =
        || "[a-zA-Z]{1,8}@[a-z]{1,8}[.]example".prop_map(|text| Email::parse(&text).expect("an address").into());
    let headers = || (vec(text(), 0..3), text()).prop_map(|(names, sealed)| SealedHeaders { names, sealed });
    let ids = (id(), id(), option::of(id()), option::of(id()));
    let texts = (text(), option::of(text()), vec(text(), 0..3), text());
    let created = (ids, texts, any::<bool>(), option::of(email()), option::of(headers())).prop_map(
        |(
            (webhook_id, organization_id, campaign_id, project_id),
            (url, description, event_types, sealed_secret),
            ordered,
            notify_email,
            headers,
        )| {
            WebhookEvent::Created(WebhookCreated {
                webhook_id,
                organization_id,
                url,
                description,
                event_types,
                campaign_id,
                project_id,
                ordered,
                notify_email,
                headers,
                sealed_secret,
            })
        },
    );
    let texts = (option::of(text()), change(text()), option::of(vec(text(), 0..3)));
    let updated = (texts, change(id()), change(id()), option::of(any::<bool>()), change(email()), change(headers()))
        .prop_map(|((url, description, event_types), campaign_id, project_id, ordered, notify_email, headers)| {
            WebhookEvent::Updated(WebhookUpdated {
                url,
                description,
                event_types,
                campaign_id,
                project_id,
                ordered,
                notify_email,
                headers,
            })
        });
    let reasons = vec![DisabledReason::Gone, DisabledReason::Failing, DisabledReason::Requested];
    let rotated = (text(), time()).prop_map(|(sealed_secret, previous_valid_until)| {
        WebhookEvent::SecretRotated(WebhookSecretRotated { sealed_secret, previous_valid_until })
    });
    let later = prop_oneof![
        4 => updated,
        2 => rotated,
        2 => select(reasons).prop_map(|reason| WebhookEvent::Disabled(WebhookDisabled { reason })),
        1 => Just(WebhookEvent::Paused(WebhookPaused {})),
        1 => Just(WebhookEvent::Resumed(WebhookResumed {})),
        1 => Just(WebhookEvent::Enabled(WebhookEnabled {})),
        1 => Just(WebhookEvent::Deleted(WebhookDeleted {})),
    ];
    history(created, later)
}

fn mail_event() -> impl Strategy<Value = InviteEvent> {
    let reasons = vec![SendFailure::Rejected, SendFailure::GaveUp, SendFailure::Template, SendFailure::Obsolete];
    (any::<u32>(), 0..5_u8, select(reasons), option::of(text())).prop_map(|(mail, kind, reason, code)| match kind {
        0 => InviteEvent::Sent(InviteSent { mail }),
        1 => InviteEvent::SendFailed(InviteSendFailed { mail, reason, code }),
        2 => InviteEvent::Delivered(InviteDelivered { mail }),
        3 => InviteEvent::Opened(InviteOpened { mail }),
        _ => InviteEvent::Bounced(InviteBounced { mail, code }),
    })
}

pub fn email_template() -> impl Strategy<Value = History<EmailTemplateEvent>> {
    let texts = || (text(), text(), text(), text());
    let created = (id(), id(), texts(), option::of(text())).prop_map(
        |(template_id, organization_id, (name, subject, text, html), language)| {
            let created = EmailTemplateCreated { template_id, organization_id, name, subject, text, html, language };
            EmailTemplateEvent::Created(created)
        },
    );
    let some = || option::of(text());
    let updated = (some(), some(), some(), some(), change(text())).prop_map(|(name, subject, text, html, language)| {
        EmailTemplateEvent::Updated(EmailTemplateUpdated { name, subject, text, html, language })
    });
    let later = prop_oneof![4 => updated, 1 => Just(EmailTemplateEvent::Deleted(EmailTemplateDeleted {}))];
    history(created, later)
}

pub fn invite() -> impl Strategy<Value = History<InviteEvent>> {
    let email = "[a-zA-Z]{1,8}@[a-z]{1,8}[.]example".prop_map(|text| Email::parse(&text).expect("an address"));
    let ids = (id::<InviteId>(), id::<OrganizationId>(), id::<CampaignId>());
    let person = (email, option::of(text()), metadata());
    let mail = (any::<bool>(), option::of(text()), any::<u32>(), any::<bool>());
    let created = (ids, person, mail, time()).prop_map(
        |(
            (invite_id, organization_id, campaign_id),
            (email, name, metadata),
            (send_email, email_template, token_generation, unique),
            expires_at,
        )| {
            InviteEvent::Created(InviteCreated {
                invite_id,
                organization_id,
                campaign_id,
                email: email.into(),
                name: name.into(),
                metadata: metadata.into(),
                expires_at,
                send_email,
                email_template,
                token_generation,
                unique,
            })
        },
    );
    let later = prop_oneof![
        2 => time().prop_map(|resent_at| InviteEvent::Resent(InviteResent { resent_at })),
        4 => mail_event(),
        1 => Just(InviteEvent::Cancelled(InviteCancelled {})),
        1 => Just(InviteEvent::Expired(InviteExpired {})),
        1 => id().prop_map(|session_id| InviteEvent::SessionOpened(InviteSessionOpened { session_id })),
        1 => id().prop_map(|session_id| InviteEvent::Started(InviteStarted { session_id })),
        1 => id().prop_map(|session_id| InviteEvent::Completed(InviteCompleted { session_id })),
    ];
    history(created, later)
}

pub fn file() -> impl Strategy<Value = History<FileEvent>> {
    let kinds = select(FileKind::OF_SESSIONS.map(|(_, kind)| kind).to_vec());
    let email = "[a-zA-Z]{1,8}@[a-z]{1,8}[.]example".prop_map(|text| Email::parse(&text).expect("an address"));
    let content = || (text(), any::<u64>(), "[0-9a-f]{64}", text());
    let stored = (id(), id(), id(), (email, kinds, text()), content()).prop_map(
        |(file_id, organization_id, session_id, (email, kind, name), (content_type, size, sha256, storage_key))| {
            FileEvent::Stored(FileStored {
                file_id,
                organization_id,
                session_id,
                participant: email.into(),
                kind,
                name: name.into(),
                content_type,
                size,
                sha256,
                storage_key,
            })
        },
    );
    let media = (id(), id(), id(), text(), content()).prop_map(
        |(file_id, organization_id, script_id, name, (content_type, size, sha256, storage_key))| {
            FileEvent::MediaStored(MediaStored {
                file_id,
                organization_id,
                script_id,
                name,
                content_type,
                size,
                sha256,
                storage_key,
            })
        },
    );
    history(prop_oneof![stored, media], Just(FileEvent::Deleted(FileDeleted {})))
}

fn one_of<T: Copy + std::fmt::Debug + 'static>(names: &'static [(&'static str, T)]) -> impl Strategy<Value = T> {
    select(names.iter().map(|(_, value)| *value).collect::<Vec<_>>())
}

fn session_created() -> impl Strategy<Value = SessionEvent> {
    let email = "[a-zA-Z]{1,8}@[a-z]{1,8}[.]example".prop_map(|text| Email::parse(&text).expect("an address"));
    let device = (option::of(text()), option::of(text()), option::of(text())).prop_map(|(browser, os, kind)| Device {
        browser,
        os,
        kind,
    });
    let terms = (text(), text(), any::<u32>(), option::of(any::<u32>()), any::<bool>(), option::of(text())).prop_map(
        |(language, voice, max_duration, max_follow_ups, require_consent, greeting)| Terms {
            language,
            voice,
            max_duration,
            max_follow_ups,
            require_consent,
            closing: greeting.clone(),
            greeting,
        },
    );
    let ids = (id(), id(), id(), id(), id());
    let person = (email, option::of(text()), metadata(), option::of(device));
    (ids, person, terms, any::<u32>(), any::<u32>(), time(), time()).prop_map(
        |(
            (session_id, organization_id, campaign_id, invite_id, script_id),
            (email, name, metadata, device),
            terms,
            script_version,
            total_questions,
            start_by,
            at,
        )| {
            SessionEvent::Created(SessionCreated {
                session_id,
                organization_id,
                campaign_id,
                invite_id,
                script_id,
                script_version,
                total_questions,
                terms,
                email: email.into(),
                name: name.into(),
                metadata: metadata.into(),
                device: device.into(),
                start_by,
                at,
            })
        },
    )
}

fn consent_facts() -> impl Strategy<Value = ConsentFacts> {
    let shown = (option::of(any::<u32>()), option::of(text()), option::of(text()));
    let whence = (one_of(ConsentMethod::NAMES), text(), option::of(text()), option::of(text()), time());
    (id(), one_of(ConsentKind::NAMES), shown, whence).prop_map(
        |(consent_id, kind, (text_version, text_sha256, locale), (method, actor, ip, user_agent, at))| ConsentFacts {
            consent_id,
            kind,
            text_version,
            text_sha256,
            locale,
            method,
            actor,
            ip: ip.map(Into::into),
            user_agent: user_agent.map(Into::into),
            at,
        },
    )
}

fn given() -> impl Strategy<Value = Given> {
    prop_oneof![
        text().prop_map(Given::Text),
        any::<(i32, i32, i32)>().prop_map(|(value, min, max)| Given::Rating { value, min, max }),
        text().prop_map(Given::Choice),
        any::<bool>().prop_map(Given::YesNo),
    ]
}

fn prompted() -> impl Strategy<Value = SessionEvent> {
    let origin = (any::<bool>(), text(), any::<u32>())
        .prop_map(|(model, name, version)| if model { Origin::model(name, version) } else { Origin::script(version) });
    let said = (one_of(UtteranceKind::NAMES), origin).prop_map(|(kind, origin)| Said { kind, origin });
    let asked = (any::<u32>(), one_of(PromptKind::NAMES), text()).prop_map(|(number, kind, question_id)| Asked {
        number,
        kind,
        question_id,
    });
    (vec(said, 0..3), vec(text(), 0..3), option::of(asked), any::<u64>(), time()).prop_map(
        |(said, texts, prompt, elapsed, at)| {
            SessionEvent::Prompted(SessionPrompted { said, texts: texts.into(), prompt, elapsed, at })
        },
    )
}

fn answered() -> impl Strategy<Value = SessionEvent> {
    let spoken = option::of((option::of(id()), option::of(any::<u64>())).prop_map(|(file_id, duration_ms)| Spoken {
        confidence: Some(0.5),
        file_id,
        duration_ms,
    }));
    let place = (any::<u32>(), one_of(PromptKind::NAMES), text(), any::<u64>());
    (place, given(), spoken, any::<u64>(), time()).prop_map(
        |((prompt, kind, question_id, seq), given, spoken, elapsed, at)| {
            let given = given.into();
            SessionEvent::Answered(SessionAnswered { prompt, kind, question_id, seq, given, spoken, elapsed, at })
        },
    )
}

pub fn session() -> impl Strategy<Value = History<SessionEvent>> {
    let skipped = (any::<u32>(), one_of(PromptKind::NAMES), text(), any::<u64>(), any::<u64>(), time()).prop_map(
        |(prompt, kind, question_id, seq, elapsed, at)| {
            SessionEvent::Skipped(SessionSkipped { prompt, kind, question_id, seq, elapsed, at })
        },
    );
    let paused = (one_of(PauseCause::NAMES), option::of(text()), any::<u64>(), time()).prop_map(
        |(cause, reason, elapsed, at)| {
            SessionEvent::Paused(SessionPaused { cause, reason: reason.map(Into::into), elapsed, at })
        },
    );
    let end = || (one_of(EndReason::NAMES), 0..1_u64 << 40, time());
    let mood = (one_of(Overall::NAMES), -100..=100_i32)
        .prop_map(|(overall, score)| Sentiment { overall, score: f64::from(score) / 100.0 });
    let ready = (any::<bool>(), any::<u32>(), option::of(mood), time()).prop_map(|(partial, utterances, mood, at)| {
        SessionEvent::TranscriptReady(TranscriptReady { partial, utterances, sentiment: mood.map(Into::into), at })
    });
    let later = prop_oneof![
        1 => (any::<bool>(), consent_facts())
            .prop_map(|(granted, facts)| SessionEvent::ConsentRecorded(ConsentRecorded { granted, facts })),
        1 => consent_facts().prop_map(|facts| SessionEvent::ConsentWithdrawn(ConsentWithdrawn { facts })),
        2 => time().prop_map(|at| SessionEvent::Started(SessionStarted { at })),
        2 => prompted(),
        3 => answered(),
        1 => skipped,
        2 => paused,
        1 => (one_of(ResumeCause::NAMES), time())
            .prop_map(|(cause, at)| SessionEvent::Resumed(SessionResumed { cause, at })),
        2 => end().prop_map(|(reason, elapsed, at)| SessionEvent::Completed(SessionCompleted { reason, elapsed, at })),
        1 => end().prop_map(|(reason, elapsed, at)| SessionEvent::Abandoned(SessionAbandoned { reason, elapsed, at })),
        1 => ready,
    ];
    history(session_created(), later)
}

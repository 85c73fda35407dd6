//! Guarantee 7: what the tables say follows from the log alone, whatever was done, and can be made from it again under
//! traffic. The histories are random, and go through the same commands as HTTP requests do.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use aggregates::{
    file::{Content, FileKind},
    id::{
        CampaignId, EmailTemplateId, FileId, InviteId, MemberId, OrganizationId, ProjectId, ScriptId, SessionId,
        WebhookId,
    },
    invite::{MailFate, MailReport},
    organization::Plan,
    session::{ConsentMethod, PauseCause, ResumeCause},
    webhook::DisabledReason,
};
use chrono::TimeDelta;
use interview_relay::{
    command::{
        Answer, Caller, Command, Commands, Error,
        campaigns::{ArchiveCampaign, CreateCampaign, PauseCampaign, ResumeCampaign, UpdateCampaign},
        email_templates::{CreateEmailTemplate, DeleteEmailTemplate, UpdateEmailTemplate},
        files::{StoreMedia, StoreSessionFile},
        invites::{CancelInvite, CreateInvite, CreateInvites, ResendInvite},
        mail_reports::ReportMail,
        members::{AcceptInvitation, Invitation, InviteMember, RemoveMember, UpdateMember},
        organizations::{CreateOrganization, UpdateOrganization},
        projects::{CreateProject, DeleteProject, UpdateProject},
        scripts::{CreateScript, CreateScriptVersion, DeleteScript, PublishScript, UpdateScript},
        sessions::{
            AnswerPrompt, CompleteSession, Due, EndInTime, LeaveSession, OpenSession, PauseSession, RecordConsent,
            ResumeSession, StartSession,
        },
        webhooks::{CreateWebhook, DeleteWebhook, DisableWebhook, RotateSecret, UpdateWebhook},
    },
    http::IfMatch,
    store::{self, Difference, Value as Stored},
    webhooks::secret::Secret,
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use crate::support::{
    engines::{Engine, on_both_engines},
    product::Product,
};

/// The tables that random histories fill.
const TABLES: [&str; 12] = [
    "organizations",
    "api_keys",
    "projects",
    "scripts",
    "campaigns",
    "invites",
    "sessions",
    "files",
    "webhooks",
    "email_templates",
    "members",
    "counters",
];

/// One command: what is done, and which of the things that exist it is done to.
#[derive(Clone, Debug)]
struct Step {
    organization: usize,
    kind: u8,
    pick: usize,
    other: usize,
    null: bool,
}

fn steps(length: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = (0..3_usize, 0..38_u8, any::<usize>(), any::<usize>(), any::<bool>());
    let step = step.prop_map(|(organization, kind, pick, other, null)| Step { organization, kind, pick, other, null });
    prop::collection::vec(step, length)
}

/// One organization with the things in it, deleted ones included.
#[derive(Default)]
struct World {
    caller: Option<Caller>,
    projects: Vec<ProjectId>,
    scripts: Vec<ScriptId>,
    campaigns: Vec<CampaignId>,
    invites: Vec<InviteId>,
    templates: Vec<EmailTemplateId>,
    members: Vec<MemberId>,
    sessions: Vec<SessionId>,
    webhooks: Vec<WebhookId>,
}

fn pick<T: Copy>(list: &[T], number: usize) -> Option<T> {
    list.get(number.checked_rem(list.len())?).copied()
}

/// Runs random commands.
struct Player {
    commands: Arc<Commands>,
    worlds: Vec<World>,
    done: usize,
    refused: usize,
}

impl Player {
    async fn start(commands: Arc<Commands>) -> Self {
        let mut worlds = Vec::new();
        for name in ["One", "Two", "Three"] {
            let id: OrganizationId = commands.new_id();
            let caller = Caller { organization: id, actor: "test".to_owned(), request_id: "test".to_owned() };
            let (name, plan) = (name.to_owned(), Plan::Enterprise);
            let create = CreateOrganization { id, name, plan, credits: 1_000_000, key: None, only_first: false };
            commands.run(&caller, None, &create).await.expect("run").result.expect("created");
            worlds.push(World { caller: Some(caller), ..World::default() });
        }
        Self { commands, worlds, done: 0, refused: 0 }
    }

    async fn run<C: Command>(&mut self, organization: usize, command: C) -> Option<Answer> {
        let caller = self.worlds[organization].caller.clone().expect("a caller");
        match self.commands.run(&caller, None, &command).await {
            Ok(outcome) => {
                *(if outcome.result.is_ok() { &mut self.done } else { &mut self.refused }) += 1;
                outcome.result.ok()
            }
            Err(Error::Contended) => None,
            Err(error) => panic!("{error}"),
        }
    }

    async fn step(&mut self, step: &Step) {
        let world = &self.worlds[step.organization];
        let project = pick(&world.projects, step.pick);
        let script = pick(&world.scripts, step.pick);
        let campaign = pick(&world.campaigns, step.pick);
        let invite = pick(&world.invites, step.pick);
        let template = pick(&world.templates, step.pick);
        let assigned = pick(&world.projects, step.other).filter(|_| !step.null).map(|id| id.to_string());
        let of_script = pick(&world.scripts, step.other).map(|id| id.to_string());
        let (o, name) = (step.organization, format!("N{}", step.other % 5));
        let if_match = IfMatch(None);
        let created = |answer: Option<Answer>| {
            let document: Value = serde_json::from_str(&answer?.body).expect("JSON");
            document["id"].as_str().map(str::to_owned)
        };
        match (step.kind, project, script, campaign, invite) {
            (0, ..) => {
                let body = json!({"name": name, "color": "#123456"});
                let id = created(self.run(o, CreateProject { body: body.into() }).await);
                self.worlds[o].projects.extend(id.map(|id| id.parse::<ProjectId>().expect("an id")));
            }
            (1 | 2, ..) => {
                let question = json!({"id": "q", "text": "Q?", "type": "rating"});
                let body = json!({"name": name, "systemPrompt": "P", "questions": [question], "projectId": assigned});
                let id = created(self.run(o, CreateScript { body: body.into() }).await);
                self.worlds[o].scripts.extend(id.map(|id| id.parse::<ScriptId>().expect("an id")));
            }
            (3 | 4, ..) if of_script.is_some() => {
                let settings = json!({"uniqueEmail": step.null});
                let body = json!({"name": name, "scriptId": of_script, "projectId": assigned, "settings": settings});
                let id = created(self.run(o, CreateCampaign { body: body.into() }).await);
                self.worlds[o].campaigns.extend(id.map(|id| id.parse::<CampaignId>().expect("an id")));
            }
            (5, Some(id), ..) => {
                let body = if step.null { json!({"color": null}) } else { json!({"name": name}) };
                self.run(o, UpdateProject { id, if_match: IfMatch(None), body: body.into() }).await;
            }
            (6, Some(id), ..) => drop(self.run(o, DeleteProject { id }).await),
            (7 | 8, _, Some(id), ..) => drop(self.run(o, PublishScript { id }).await),
            (9, _, Some(id), ..) => {
                let body = json!({"systemPrompt": name, "projectId": assigned});
                self.run(o, UpdateScript { id, if_match, body: body.into() }).await;
            }
            (10, _, Some(id), ..) => {
                let body = json!({"changelog": name});
                self.run(o, CreateScriptVersion { id, body: body.into() }).await;
            }
            (11, _, Some(id), ..) if step.other.is_multiple_of(3) => drop(self.run(o, DeleteScript { id }).await),
            (11, _, Some(id), ..) if step.other % 3 == 1 => {
                let body = json!({"status": "archived"});
                self.run(o, UpdateScript { id, if_match, body: body.into() }).await;
            }
            (12, _, _, Some(id), _) => {
                let body = json!({"name": name, "projectId": assigned, "settings": {"voice": name, "language": null}});
                self.run(o, UpdateCampaign { id, if_match, body: body.into() }).await;
            }
            (13, _, _, Some(id), _) => match step.other % 4 {
                0 => drop(self.run(o, ArchiveCampaign { id }).await),
                1 => drop(self.run(o, ResumeCampaign { id }).await),
                _ => drop(self.run(o, PauseCampaign { id }).await),
            },
            (14 | 15, _, _, Some(campaign), _) => {
                let body = json!({"email": format!("p{}@example.com", step.other % 7), "name": name});
                let id = created(self.run(o, CreateInvite { campaign, body: body.into() }).await);
                self.worlds[o].invites.extend(id.map(|id| id.parse::<InviteId>().expect("an id")));
            }
            (16, _, _, Some(campaign), _) => {
                let item = |i: usize| json!({"email": format!("b{i}@example.com"), "expiresIn": "5m"});
                let items: Vec<_> = (0..step.other % 6 + 1).map(item).chain([json!({"email": "bad"})]).collect();
                if let Some(answer) =
                    self.run(o, CreateInvites { campaign, body: json!({"invites": items}).into() }).await
                {
                    let document: Value = serde_json::from_str(&answer.body).expect("JSON");
                    let ids = document["data"].as_array().expect("a list").iter();
                    let ids = ids.map(|invite| invite["id"].as_str().expect("an id").parse().expect("an id"));
                    self.worlds[o].invites.extend(ids.collect::<Vec<InviteId>>());
                }
            }
            (17, .., Some(id)) => drop(self.run(o, CancelInvite { id }).await),
            (18, .., Some(id)) => drop(self.run(o, ResendInvite { id }).await),
            (27, .., Some(invite)) => {
                let fates = [
                    MailFate::Sent,
                    MailFate::Delivered,
                    MailFate::Opened,
                    MailFate::Bounced { code: Some("5.1.1".to_owned()) },
                ];
                let fate = fates[step.other % fates.len()].clone();
                let report = MailReport { mail: 1, fate };
                self.run(o, ReportMail { invite, report, settles: None }).await;
            }
            (28, ..) => {
                let body = json!({"name": name, "subject": name, "text": "{{ link }}", "html": "<p>{{ link }}</p>"});
                let id = created(self.run(o, CreateEmailTemplate { body: body.into() }).await);
                self.worlds[o].templates.extend(id.map(|id| id.parse::<EmailTemplateId>().expect("an id")));
            }
            (29, ..) if template.is_some() => {
                let body = if step.null { json!({"language": "de"}) } else { json!({"name": name}) };
                self.run(
                    o,
                    UpdateEmailTemplate { id: template.expect("checked"), if_match: IfMatch(None), body: body.into() },
                )
                .await;
            }
            (30, ..) if template.is_some() && step.other.is_multiple_of(3) => {
                self.run(o, DeleteEmailTemplate { id: template.expect("checked") }).await;
            }
            (19 | 20, .., Some(invite)) => {
                let body = json!({"device": {"os": name}});
                if let Some(answer) =
                    self.run(o, OpenSession { invite, link: "inv_link".to_owned(), body: body.into() }).await
                {
                    let document: Value = serde_json::from_str(&answer.body).expect("JSON");
                    let id = document["session"]["id"].as_str().expect("an id").parse().expect("an id");
                    let consent = json!({"granted": true, "type": "all"});
                    self.consent(o, id, consent).await;
                    self.run(o, StartSession { session: id }).await;
                    self.worlds[o].sessions.push(id);
                }
            }
            (31, ..) => {
                let body = json!({"email": format!("m{}@example.com", step.other % 5), "name": name,
                    "role": if step.null { "owner" } else { "admin" }});
                let id = created(self.run(o, InviteMember { body: body.into() }).await);
                self.worlds[o].members.extend(id.map(|id| id.parse::<MemberId>().expect("an id")));
            }
            (32, ..) => {
                let Some(id) = pick(&self.worlds[o].members, step.pick) else { return };
                let organization = self.worlds[o].caller.as_ref().expect("a caller").organization;
                match step.other % 6 {
                    0 => drop(self.run(o, RemoveMember { id }).await),
                    1 => drop(
                        self.run(
                            o,
                            UpdateMember {
                                id,
                                if_match: IfMatch(None),
                                body: json!({"role": "owner", "name": null}).into(),
                            },
                        )
                        .await,
                    ),
                    2 => drop(
                        self.run(
                            o,
                            UpdateMember { id, if_match: IfMatch(None), body: json!({"role": "viewer"}).into() },
                        )
                        .await,
                    ),
                    n => {
                        let number = if n == 5 { 2 } else { 1 };
                        self.run(o, AcceptInvitation(Invitation { member: id, organization, number })).await;
                    }
                }
            }
            (33, ..) => {
                let voice = if step.null { Value::Null } else { json!(name) };
                let body = json!({"name": name, "brandColor": "#123456", "settings": {"voice": voice}});
                self.run(o, UpdateOrganization { if_match, body: body.into() }).await;
            }
            (34, ..) => {
                let body = json!({"description": name, "url": "https://example.com/hook", "eventTypes": ["invite.created"],
                    "headers": {"X-Secret": name}});
                let secret = Secret::generate();
                let id = created(self.run(o, CreateWebhook { body: body.into(), development: false, secret }).await);
                self.worlds[o].webhooks.extend(id.map(|id| id.parse::<WebhookId>().expect("an id")));
            }
            (35, ..) => self.step_of_webhook(o, step).await,
            (36, _, Some(script), ..) => {
                let (id, content) = self.bytes("image/png", step);
                self.run(o, StoreMedia { id, script, name, content }).await;
            }
            (37, ..) => {
                let Some(session) = pick(&self.worlds[o].sessions, step.pick) else { return };
                let (kind, content_type) =
                    if step.null { (FileKind::Recording, "audio/mpeg") } else { (FileKind::Attachment, "image/png") };
                let (id, content) = self.bytes(content_type, step);
                self.run(o, StoreSessionFile { id, session, kind, name, content }).await;
            }
            (21..=26, ..) => self.step_in_session(o, step).await,
            _ => {}
        }
    }

    async fn consent(&mut self, organization: usize, session: SessionId, body: Value) {
        let (ip, user_agent) = (Some("192.0.2.7".to_owned()), None);
        self.run(
            organization,
            RecordConsent { session, body: body.into(), method: ConsentMethod::Web, ip, user_agent },
        )
        .await;
    }

    /// A file, as if its bytes had been stored. Some have the same.
    fn bytes(&self, content_type: &str, step: &Step) -> (FileId, Content) {
        let id: FileId = self.commands.new_id();
        let sha256 = format!("{:064x}", step.other % 4);
        let content =
            Content { content_type: content_type.to_owned(), size: 12, sha256, storage_key: format!("key/{id}") };
        (id, content)
    }

    async fn step_of_webhook(&mut self, o: usize, step: &Step) {
        let Some(id) = pick(&self.worlds[o].webhooks, step.pick) else { return };
        let body = match step.other % 8 {
            0 => return drop(self.run(o, DeleteWebhook { id }).await),
            1 => return drop(self.run(o, RotateSecret { id, secret: Secret::generate() }).await),
            2 => {
                let reason = DisabledReason::Gone;
                return drop(self.run(o, DisableWebhook { id, version: i64::MAX, reason }).await);
            }
            3 => json!({"status": "paused"}),
            4 => json!({"status": "enabled"}),
            5 => json!({"headers": {"X-Secret": null, "X-Other": "1"}}),
            n => json!({"description": format!("N{n}")}),
        };
        self.run(o, UpdateWebhook { id, if_match: IfMatch(None), body: body.into(), development: false }).await;
    }

    async fn step_in_session(&mut self, o: usize, step: &Step) {
        let Some(session) = pick(&self.worlds[o].sessions, step.pick) else { return };
        match step.kind {
            21 | 22 => {
                let body = json!({"promptId": "p1", "seq": step.other % 2, "value": step.other % 10 + 1});
                self.run(o, AnswerPrompt { session, body: body.into(), spoken: None, produced: None }).await;
            }
            23 => drop(self.run(o, CompleteSession { session }).await),
            24 if step.null => self.consent(o, session, json!({"granted": false, "type": "recording"})).await,
            24 => drop(self.run(o, LeaveSession { session }).await),
            25 if step.null => drop(self.run(o, ResumeSession { session, cause: ResumeCause::Api }).await),
            25 => {
                let body = json!({"reason": format!("N{}", step.other % 5)});
                self.run(o, PauseSession { session, cause: PauseCause::Api, body: body.into() }).await;
            }
            _ => {
                let due = [
                    Due::TimeLimit { grace: TimeDelta::seconds(120) },
                    Due::NeverStarted,
                    Due::PauseTimeout(TimeDelta::minutes(1)),
                ];
                let due = vec![(session, due[step.other % 3])];
                self.run(o, EndInTime { due }).await;
            }
        }
    }
}

/// A random history from a seed of its own, so that a failure can be run again.
fn history(seed: u8, length: usize) -> Vec<Step> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    steps(length).new_tree(&mut runner).expect("a history").current()
}

async fn verified(engine: &Engine) -> Vec<Difference> {
    engine.store.verify_projections().await.expect("verify").differences
}

/// Everything that the tables hold, in the order of their keys. A counter of 0 is as good as none.
async fn contents(engine: &Engine) -> Vec<(&'static str, Vec<Vec<Stored>>)> {
    let mut all = Vec::new();
    for table in TABLES {
        let (columns, end) =
            if table == "counters" { ("*", "WHERE n <> 0 ORDER BY scope") } else { ("*", "ORDER BY id") };
        all.push((table, engine.sql(&format!("SELECT {columns} FROM {table} {end}")).await));
    }
    all
}

async fn play(product: &Product, seed: u8, length: usize) -> Player {
    let mut player = Player::start(product.commands.clone()).await;
    let mut expiry = product.expiry("test");
    for (i, step) in history(seed, length).iter().enumerate() {
        player.step(step).await;
        if i % 25 == 24 {
            product.engine.hands.advance(TimeDelta::minutes(3));
            expiry.pass().await.expect("a pass");
        }
    }
    player
}

on_both_engines! {
    async fn after_any_history_the_tables_are_what_the_log_says(engine: Engine) {
        let product = Product::start(engine).await;
        let engine = &product.engine;
        for seed in 1..=3 {
            let player = play(&product, seed, 400).await;
            assert!(player.done > 60 && player.refused > 0, "seed {seed}: {} {}", player.done, player.refused);
            let report = engine.store.verify_projections().await.expect("verify");
            assert_eq!(report.differences, [], "seed {seed}");
            assert_eq!(report.position, engine.number("SELECT position FROM log_head").await);
            let mut rows = 0;
            for table in TABLES.iter().filter(|table| **table != "counters") {
                rows += engine.number(&format!("SELECT COUNT(*) FROM {table}")).await;
            }
            assert_eq!(report.rows, rows);
        }
        for table in TABLES {
            assert!(engine.number(&format!("SELECT COUNT(*) FROM {table}")).await > 0, "{table} has no rows");
        }
        // A rebuild of what is right changes nothing, twice in a row, and so does one by another node.
        let before = contents(engine).await;
        for store in [engine.store.clone(), engine.store.clone(), engine.node().await] {
            assert_eq!(store.rebuild_projections().await.expect("rebuild").differences, []);
            assert_eq!(contents(engine).await, before);
        }
        let tables = match engine.sqlite_file() {
            Some(_) => "SELECT COUNT(*) FROM sqlite_master WHERE name LIKE '%\\_\\_next%' ESCAPE '\\'",
            None => "SELECT COUNT(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE '%\\_\\_next%'",
        };
        assert_eq!(engine.number(tables).await, 0, "nothing is left lying around");
        product.stop().await;
    }

    async fn whatever_is_tampered_with_is_named_and_mended(engine: Engine) {
        let product = Product::start(engine).await;
        let engine = &product.engine;
        for seed in [1, 2] {
            play(&product, seed, 400).await;
        }
        let right = contents(engine).await;
        for table in TABLES.iter().filter(|table| **table != "counters") {
            let id = engine.sql(&format!("SELECT id FROM {table} ORDER BY id LIMIT 1")).await;
            assert!(!id.is_empty(), "{table} has no rows");
            let id = id[0][0].text().to_owned();
            let tampering = [
                (format!("UPDATE {table} SET updated_at = updated_at + 1 WHERE id = '{id}'"), "differs from the log"),
                (format!("UPDATE {table} SET version = version + 1 WHERE id = '{id}'"), "differs from the log"),
                (format!("UPDATE {table} SET doc = '{{}}' WHERE id = '{id}'"), "differs from the log"),
                (format!("DELETE FROM {table} WHERE id = '{id}'"), "is missing"),
            ];
            for (sql, what) in tampering {
                engine.sql(&sql).await;
                let expected = Difference { table: (*table).to_owned(), id: id.clone(), what };
                assert_eq!(verified(engine).await, std::slice::from_ref(&expected), "{sql}");
                let report = engine.store.rebuild_projections().await.expect("rebuild");
                assert_eq!(report.differences, [expected], "{sql}");
                assert_eq!(verified(engine).await, []);
                assert_eq!(contents(engine).await, right, "{sql}");
            }
        }
        let insert = "INSERT INTO projects SELECT 'prj_forged', org_id, version, name, name_search, created_at, updated_at, \
                      doc FROM projects LIMIT 1";
        engine.sql(insert).await;
        let forged = Difference { table: "projects".into(), id: "prj_forged".into(), what: "is not in the log" };
        assert_eq!(verified(engine).await, [forged]);
        engine.store.rebuild_projections().await.expect("rebuild");
        let scope = engine.sql("SELECT scope FROM counters WHERE n > 0 ORDER BY scope LIMIT 1").await[0][0].text().to_owned();
        let counter = |id: &str| Difference { table: "counters".into(), id: id.into(), what: "differs from the log" };
        for (sql, id) in [
            (format!("UPDATE counters SET n = n + 1 WHERE scope = '{scope}'"), scope.as_str()),
            (format!("DELETE FROM counters WHERE scope = '{scope}'"), scope.as_str()),
            ("INSERT INTO counters (scope, n) VALUES ('forged', 1)".to_owned(), "forged"),
        ] {
            engine.sql(&sql).await;
            assert_eq!(verified(engine).await, [counter(id)], "{sql}");
            engine.store.rebuild_projections().await.expect("rebuild");
            assert_eq!(contents(engine).await, right, "{sql}");
        }
        product.stop().await;
    }

    async fn of_rebuilds_at_once_the_last_one_counts(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        for part in 0..8 {
            let people: Vec<_> = (0..500).map(|i| json!({"email": format!("p{part}-{i}@example.com")})).collect();
            product.post(&format!("/v1/campaigns/{campaign}/invites/bulk"), json!({"invites": people})).await.expect(201);
        }
        let right = contents(&product.engine).await;
        for _ in 0..3 {
            let rebuilds: Vec<_> = (0..3).map(|_| {
                let store = product.engine.store.clone();
                tokio::spawn(async move { store.rebuild_projections().await })
            }).collect();
            let mut done = 0;
            for rebuild in rebuilds {
                match rebuild.await.expect("no panic") {
                    Ok(report) => {
                        assert_eq!(report.differences, []);
                        done += 1;
                    }
                    // Whether they meet is up to the scheduler; what comes of it is not.
                    Err(store::Error::LeaseLost(name)) => assert_eq!(name, "projections-rebuild"),
                    Err(error) => panic!("{error}"),
                }
            }
            assert!(done >= 1, "the last one to start has nobody after it");
            assert_eq!(contents(&product.engine).await, right);
            assert_eq!(verified(&product.engine).await, []);
        }
        product.stop().await;
    }

    async fn a_rebuild_goes_on_under_traffic(engine: Engine) {
        let product = Arc::new(Product::start(engine).await);
        play(&product, 11, 200).await;
        // A long log, so that most of it is replayed in several steps while the writers go on.
        let large = product.campaign(json!({})).await;
        for part in 0..5 {
            let item = |i: usize| json!({"email": format!("bulk{part}.{i}@example.com"), "sendEmail": false});
            let items: Vec<_> = (0..500).map(item).collect();
            product.post(&format!("/v1/campaigns/{large}/invites/bulk"), json!({"invites": items})).await.expect(201);
        }
        // What nobody touches meanwhile reads the same before, during and after.
        let script = product.script().await;
        let campaign = product.campaign(json!({})).await;
        let invite = product.invite(&campaign, "ada@example.com").await;
        let invite = invite["id"].as_str().expect("an id").to_owned();
        let paths: Arc<Vec<String>> = Arc::new(vec![
            format!("/v1/scripts/{script}"),
            format!("/v1/campaigns/{campaign}"),
            format!("/v1/invites/{invite}"),
            "/v1/campaigns".to_owned(),
            format!("/v1/campaigns/{campaign}/invites"),
        ]);
        let mut before = Vec::new();
        for path in paths.iter() {
            before.push(product.get(path).await.expect(200));
        }

        let stop = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (20..24_u8)
            .map(|seed| {
                let (product, stop, done) = (product.clone(), stop.clone(), done.clone());
                tokio::spawn(async move {
                    let mut player = Player::start(product.commands.clone()).await;
                    for step in history(seed, 5_000) {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        player.step(&step).await;
                        done.store(done.load(Ordering::Relaxed).max(player.done), Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let reader = tokio::spawn({
            let (product, paths, before, stop) = (product.clone(), paths.clone(), before.clone(), stop.clone());
            async move {
                while !stop.load(Ordering::Relaxed) {
                    for (path, before) in paths.iter().zip(&before) {
                        assert_eq!(&product.get(path).await.expect(200), before, "{path}");
                    }
                }
            }
        });
        let mut meanwhile = 0;
        for round in 0..2 {
            let enough = done.load(Ordering::Relaxed) + 20;
            tokio::time::timeout(std::time::Duration::from_secs(60), async {
                while done.load(Ordering::Relaxed) < enough {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            })
            .await
            .expect("the writers go on");
            let head = product.engine.number("SELECT position FROM log_head").await;
            let report = product.engine.store.rebuild_projections().await.expect("rebuild");
            assert_eq!(report.differences, [], "round {round}");
            assert!(head > 2_500);
            meanwhile += report.position - head;
            // While writers write, a snapshot of the database is consistent.
            assert_eq!(verified(&product.engine).await, [], "round {round}");
        }
        assert!(meanwhile > 10, "only {meanwhile} events were appended while tables were rebuilt");
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.expect("a writer");
        }
        reader.await.expect("the reader");
        assert_eq!(verified(&product.engine).await, []);
        for (path, before) in paths.iter().zip(&before) {
            assert_eq!(&product.get(path).await.expect(200), before, "{path}");
        }
    }
}
